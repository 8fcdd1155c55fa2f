namespace Tracking.Otlp;

/// <summary>The metric message of opentelemetry-proto's metrics.proto; sums, gauges, histograms.</summary>
internal static partial class ReadExports
{
    private static ReceivedMetric Metric(
        ReadOnlySpan<byte> message, string scope, IReadOnlyDictionary<string, string> resource)
    {
        var (name, unit) = ("", "");
        var points = new List<ReceivedPoint>();
        for (var reader = new ProtobufReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: name = reader.Text; break;
                case 3: unit = reader.Text; break;
                case 5 or 7: Points(reader.Bytes, NumberPoint, points); break;
                case 9: Points(reader.Bytes, HistogramPoint, points); break;
            }
        }

        return new() { Name = name, Unit = unit, Scope = scope, Points = points, Resource = resource };
    }

    private static void Points(
        ReadOnlySpan<byte> data, Func<ReadOnlySpan<byte>, ReceivedPoint> read, List<ReceivedPoint> points)
    {
        for (var reader = new ProtobufReader(data); reader.Next();)
        {
            if (reader.Field == 1)
            {
                points.Add(read(reader.Bytes));
            }
        }
    }

    private static ReceivedPoint NumberPoint(ReadOnlySpan<byte> message)
    {
        double value = 0;
        for (var reader = new ProtobufReader(message); reader.Next();)
        {
            value = reader.Field switch { 4 => reader.Double, 6 => (long)reader.Number, _ => value };
        }

        return new(Attributes(message, 7), 1, value);
    }

    private static ReceivedPoint HistogramPoint(ReadOnlySpan<byte> message)
    {
        var (count, sum) = (0UL, 0.0);
        for (var reader = new ProtobufReader(message); reader.Next();)
        {
            count = reader.Field == 4 ? reader.Number : count;
            sum = reader.Field == 5 ? reader.Double : sum;
        }

        return new(Attributes(message, 9), count, sum);
    }
}
