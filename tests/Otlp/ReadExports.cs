using System.Globalization;

namespace Tracking.Otlp;

/// <summary>
/// Reads OTLP's export requests; field numbers are those of opentelemetry-proto 1.x. Traces, metrics and logs are
/// nested alike: resource (field 1 of the request) → scope (field 2) → item (field 2).
/// </summary>
internal static partial class ReadExports
{
    private delegate T ReadItem<out T>(
        ReadOnlySpan<byte> message, string scope, IReadOnlyDictionary<string, string> resource);

    public static List<ReceivedSpan> Spans(ReadOnlySpan<byte> request) => Items(request, Span);

    public static List<ReceivedMetric> Metrics(ReadOnlySpan<byte> request) => Items(request, Metric);

    public static List<ReceivedLog> Logs(ReadOnlySpan<byte> request) => Items(request, Log);

    private static List<T> Items<T>(ReadOnlySpan<byte> request, ReadItem<T> readItem)
    {
        var items = new List<T>();
        for (var outer = new ProtobufReader(request); outer.Next();)
        {
            if (outer.Field != 1)
            {
                continue;
            }

            Dictionary<string, string> resource = [];
            for (var first = new ProtobufReader(outer.Bytes); first.Next();)
            {
                if (first.Field == 1)
                {
                    resource = Attributes(first.Bytes, 1);
                }
            }

            for (var scopes = new ProtobufReader(outer.Bytes); scopes.Next();)
            {
                if (scopes.Field == 2)
                {
                    ScopeItems(scopes.Bytes, resource, readItem, items);
                }
            }
        }

        return items;
    }

    private static void ScopeItems<T>(
        ReadOnlySpan<byte> message, Dictionary<string, string> resource, ReadItem<T> readItem, List<T> items)
    {
        var scope = "";
        for (var first = new ProtobufReader(message); first.Next();)
        {
            if (first.Field == 1)
            {
                for (var name = new ProtobufReader(first.Bytes); name.Next();)
                {
                    scope = name.Field == 1 ? name.Text : scope;
                }
            }
        }

        for (var reader = new ProtobufReader(message); reader.Next();)
        {
            if (reader.Field == 2)
            {
                items.Add(readItem(reader.Bytes, scope, resource));
            }
        }
    }

    private static Dictionary<string, string> Attributes(ReadOnlySpan<byte> message, int field)
    {
        var attributes = new Dictionary<string, string>();
        for (var reader = new ProtobufReader(message); reader.Next();)
        {
            if (reader.Field != field)
            {
                continue;
            }

            var (key, value) = ("", "");
            for (var pair = new ProtobufReader(reader.Bytes); pair.Next();)
            {
                key = pair.Field == 1 ? pair.Text : key;
                value = pair.Field == 2 ? Value(pair.Bytes) : value;
            }

            attributes[key] = value;
        }

        return attributes;
    }

    private static string Value(ReadOnlySpan<byte> anyValue)
    {
        var text = "";
        for (var reader = new ProtobufReader(anyValue); reader.Next();)
        {
            text = reader.Field switch
            {
                1 => reader.Text,
                2 => reader.Number != 0 ? "true" : "false",
                3 => ((long)reader.Number).ToString(CultureInfo.InvariantCulture),
                4 => reader.Double.ToString(CultureInfo.InvariantCulture),
                5 => List(reader.Bytes),
                7 => Hex(reader.Bytes),
                _ => text,
            };
        }

        return text;
    }

    private static string List(ReadOnlySpan<byte> arrayValue)
    {
        var values = new List<string>();
        for (var reader = new ProtobufReader(arrayValue); reader.Next();)
        {
            values.Add(Value(reader.Bytes));
        }

        return string.Join(',', values);
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
