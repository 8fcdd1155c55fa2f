namespace Tracking.Contracts;

/// <summary>Management → Rewrite: what would this message become? Nothing is stored.</summary>
public sealed record PreviewMessage
{
    /// <summary>The producer's id of this question.</summary>
    public required Guid Id { get; init; }

    /// <summary>The number of the cluster whose settings hold.</summary>
    public required int Cluster { get; init; }

    /// <summary>The raw message (RFC 5322).</summary>
    public required byte[] Message { get; init; }

    /// <summary>The queue that the answer goes to.</summary>
    public required string ReplyTo { get; init; }
}

/// <summary>Rewrite → Management: the answer to <see cref="PreviewMessage"/>.</summary>
public sealed record MessagePreviewed
{
    /// <summary>The producer's id of this message.</summary>
    public required Guid Id { get; init; }

    /// <summary>The question's id.</summary>
    public required Guid Request { get; init; }

    /// <summary>What would become of it; <see langword="null"/> while the store cannot tell.</summary>
    public MessagePreview? Preview { get; init; }
}

/// <summary>What a message would become.</summary>
public sealed record MessagePreview
{
    /// <summary>The host of its links.</summary>
    public required string Host { get; init; }

    /// <summary>Links that would be wrapped.</summary>
    public required int TrackedLinks { get; init; }

    /// <summary>Whether it would get an open pixel.</summary>
    public required bool Opens { get; init; }

    /// <summary>Why nothing would be tracked, a word of <c>docs/reasons.md</c>; absent otherwise.</summary>
    public string? Untouched { get; init; }

    /// <summary>What its sender may want to change: <c>html-over-102400</c>, <c>no-text-part</c>,
    /// <c>visible-url-leads-elsewhere</c>, <c>no-list-unsubscribe</c>, <c>links-over-http</c>. More may come.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>The header, as part 0, and the parts that hold no others, from 1.</summary>
    public required IReadOnlyList<PreviewedPart> Parts { get; init; }

    /// <summary>Every link that was found.</summary>
    public required IReadOnlyList<PreviewedLink> Links { get; init; }
}

/// <summary>A part of a message, before and after.</summary>
public sealed record PreviewedPart
{
    /// <summary>Its number.</summary>
    public required int Part { get; init; }

    /// <summary><c>header</c>, <c>html</c>, <c>amp</c>, <c>text</c> or <c>other</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>Octets of its content, decoded.</summary>
    public required int Size { get; init; }

    /// <summary>The same once rewritten.</summary>
    public required int SizeAfter { get; init; }

    /// <summary>Why it stays as it is, a word of <c>docs/reasons.md</c>; absent when it was read.</summary>
    public string? Reason { get; init; }

    /// <summary>Its text; absent of what is no text. Tokens in <see cref="After"/> are signed with a key that is
    /// thrown away: no edge answers them.</summary>
    public string? Before { get; init; }

    /// <summary>Its text once rewritten.</summary>
    public string? After { get; init; }
}

/// <summary>A link of a message, and what was decided about it.</summary>
public sealed record PreviewedLink
{
    /// <summary>The part it stands in.</summary>
    public required int Part { get; init; }

    /// <summary>Its place among the part's links, from 1.</summary>
    public required int Position { get; init; }

    /// <summary>The URL, user name and password masked.</summary>
    public required string Url { get; init; }

    /// <summary><c>tracked</c>, or why it stays plain: a word of <c>docs/reasons.md</c>.</summary>
    public required string Decision { get; init; }

    /// <summary>Its name for reports.</summary>
    public string? Name { get; init; }
}
