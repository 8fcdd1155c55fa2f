using System.Text;
using Tracking.Contracts;
using Tracking.Links;

namespace Tracking.Functional.Tests.EventIngest;

/// <summary>An event, described by a test.</summary>
internal sealed record SomeEvent
{
    public const string Chrome =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        + "Chrome/143.0.0.0 Safari/537.36";

    public required DateTimeOffset Time { get; init; }

    public required ClusterId Cluster { get; init; }

    public Guid? Id { get; init; }

    public LinkKind Kind { get; init; } = LinkKind.Click;

    public byte? KindNumber { get; init; }

    public MessageKey Message { get; init; } = new(0x0102030405060708, 9);

    public ulong Link { get; init; } = 0x8000_0000_0000_0001;

    public ushort Ordinal { get; init; } = 1;

    public byte[] Address { get; init; } = [192, 0, 2, 77];

    public byte[] Trace { get; init; } = [];

    public byte[] UserAgent { get; init; } = Encoding.ASCII.GetBytes(Chrome);

    /// <summary>A packed <see cref="RequestShape"/>.</summary>
    public byte Shape { get; init; }

    public byte[] ToFrame()
    {
        var record = new EventRecord
        {
            Id = Id ?? Guid.CreateVersion7(Time),
            TimeMicros = (Time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
            Kind = KindNumber ?? (byte)Kind,
            Cluster = Cluster.Value,
            Message = Message.ToBytes(),
            Link = Link,
            Ordinal = Ordinal,
            ClientAddress = Address,
            Trace = Trace,
            TraceSampled = Trace.Length > 0,
            UserAgent = UserAgent,
            Shape = Shape,
        };
        var frame = new byte[record.FrameSize];
        record.WriteFrame(frame);
        return frame;
    }
}

internal static class SomeEvents
{
    public static StoreEventBatch Batch(Guid edge, long sequence, IEnumerable<SomeEvent> events) =>
        Batch(edge, sequence, [.. events.Select(e => e.ToFrame())]);

    public static StoreEventBatch Batch(Guid edge, long sequence, params byte[][] frames) => new()
    {
        Id = Guid.CreateVersion7(),
        EdgeId = edge,
        Sequence = sequence,
        AcknowledgedBelow = 0,
        Count = frames.Length,
        Events = [.. frames.SelectMany(frame => frame)],
    };
}
