namespace Tracking.Otlp;

/// <summary>The span message of opentelemetry-proto's trace.proto.</summary>
internal static partial class ReadExports
{
    private static ReceivedSpan Span(
        ReadOnlySpan<byte> message, string scope, IReadOnlyDictionary<string, string> resource)
    {
        var (trace, span, parent, name, kind, status) = ("", "", "", "", 0, 0);
        var links = new List<ReceivedLink>();
        for (var reader = new ProtobufReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: trace = Hex(reader.Bytes); break;
                case 2: span = Hex(reader.Bytes); break;
                case 4: parent = Hex(reader.Bytes); break;
                case 5: name = reader.Text; break;
                case 6: kind = (int)reader.Number; break;
                case 13: links.Add(Link(reader.Bytes)); break;
                case 15: status = Status(reader.Bytes); break;
            }
        }

        return new()
        {
            TraceId = trace,
            SpanId = span,
            ParentSpanId = parent,
            Name = name,
            Kind = kind,
            Status = status,
            Attributes = Attributes(message, 9),
            Links = links,
            Scope = scope,
            Resource = resource,
        };
    }

    private static ReceivedLink Link(ReadOnlySpan<byte> message)
    {
        var (trace, span) = ("", "");
        for (var reader = new ProtobufReader(message); reader.Next();)
        {
            trace = reader.Field == 1 ? Hex(reader.Bytes) : trace;
            span = reader.Field == 2 ? Hex(reader.Bytes) : span;
        }

        return new(trace, span);
    }

    private static int Status(ReadOnlySpan<byte> message)
    {
        var code = 0;
        for (var reader = new ProtobufReader(message); reader.Next();)
        {
            code = reader.Field == 3 ? (int)reader.Number : code;
        }

        return code;
    }
}
