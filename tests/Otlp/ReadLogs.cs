namespace Tracking.Otlp;

/// <summary>The log record message of opentelemetry-proto's logs.proto.</summary>
internal static partial class ReadExports
{
    private static ReceivedLog Log(
        ReadOnlySpan<byte> message, string scope, IReadOnlyDictionary<string, string> resource)
    {
        var (body, severity, trace, span) = ("", "", "", "");
        for (var reader = new ProtobufReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 3: severity = reader.Text; break;
                case 5: body = Value(reader.Bytes); break;
                case 9: trace = Hex(reader.Bytes); break;
                case 10: span = Hex(reader.Bytes); break;
            }
        }

        return new()
        {
            Body = body,
            Severity = severity,
            TraceId = trace,
            SpanId = span,
            Attributes = Attributes(message, 6),
            Scope = scope,
            Resource = resource,
        };
    }
}
