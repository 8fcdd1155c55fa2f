namespace Tracking.Otlp;

/// <summary>
/// A span as it arrived. Ids are lower-case hexadecimal; <see cref="ParentSpanId"/> is empty at a root.
/// </summary>
public sealed record ReceivedSpan
{
    public required string TraceId { get; init; }

    public required string SpanId { get; init; }

    public required string ParentSpanId { get; init; }

    public required string Name { get; init; }

    /// <summary>OTLP's number: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.</summary>
    public required int Kind { get; init; }

    /// <summary>OTLP's number: 0 unset, 1 ok, 2 error.</summary>
    public required int Status { get; init; }

    /// <summary>Values as strings; lists are joined by commas.</summary>
    public required IReadOnlyDictionary<string, string> Attributes { get; init; }

    public required IReadOnlyList<ReceivedLink> Links { get; init; }

    /// <summary>The activity source.</summary>
    public required string Scope { get; init; }

    /// <summary>The sender's resource attributes.</summary>
    public required IReadOnlyDictionary<string, string> Resource { get; init; }
}

/// <summary>A link from one span to another, most often in another trace.</summary>
public sealed record ReceivedLink(string TraceId, string SpanId);

/// <summary>A metric as it arrived in one export: cumulative, so a later one supersedes it.</summary>
public sealed record ReceivedMetric
{
    public required string Name { get; init; }

    public required string Unit { get; init; }

    /// <summary>The meter.</summary>
    public required string Scope { get; init; }

    public required IReadOnlyList<ReceivedPoint> Points { get; init; }

    public required IReadOnlyDictionary<string, string> Resource { get; init; }
}

/// <summary>One series of a metric; for a histogram its count and sum, else count 1 and the value.</summary>
public sealed record ReceivedPoint(IReadOnlyDictionary<string, string> Attributes, ulong Count, double Value);

/// <summary>A log record as it arrived.</summary>
public sealed record ReceivedLog
{
    /// <summary>The formatted message.</summary>
    public required string Body { get; init; }

    /// <summary><c>Information</c> and so on.</summary>
    public required string Severity { get; init; }

    public required string TraceId { get; init; }

    public required string SpanId { get; init; }

    public required IReadOnlyDictionary<string, string> Attributes { get; init; }

    /// <summary>The logger's category.</summary>
    public required string Scope { get; init; }

    public required IReadOnlyDictionary<string, string> Resource { get; init; }
}
