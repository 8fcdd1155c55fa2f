using System.Buffers.Binary;
using System.Numerics;

namespace Tracking.Contracts;

/// <summary>The possible results of reading a frame.</summary>
public enum FrameOutcome
{
    /// <summary>A whole record with the right checksum.</summary>
    Whole,

    /// <summary>The frame's length is plausible, but its checksum or content is wrong. The next frame may be
    /// whole.</summary>
    Damaged,

    /// <summary>The bytes end inside the frame, or its length is not plausible. Nothing behind it can be
    /// read.</summary>
    Torn,
}

/// <summary>
/// The wire format of one event, both in the edge's spool and in <see cref="StoreEventBatch"/>.
/// <para>Frame: length of the payload (u32), CRC-32C of the payload (u32), payload. Payload: version (u8, 1), kind
/// (u8), method (u8), flags (u8; 1 = trace present, 2 = trace sampled, the six bits above = request shape), event id
/// (16, big-endian UUIDv7), time in µs since 1970 (i64), cluster (u32), message key (9), link id (u64), ordinal (u16),
/// client address (u8 length 0, 4 or 16, then bytes), trace id (16) and span id (8) when present, user agent (u16
/// length, then bytes as received). Integers are little-endian unless said otherwise. Fields are only ever added
/// behind, under a new version.</para>
/// <para>The request shape came later, without a new version: an earlier reader ignores its bits, and of an earlier
/// writer it is 0.</para>
/// </summary>
public readonly ref struct EventRecord
{
    /// <summary>Bytes before the payload.</summary>
    public const int FrameHeaderSize = 8;

    /// <summary>The longest payload: fixed fields, the longest address, a trace, and
    /// <see cref="MaxUserAgentBytes"/>.</summary>
    public const int MaxPayloadSize = FixedSize + 1 + 16 + 24 + 2 + MaxUserAgentBytes;

    /// <summary>The longest user agent that is kept; longer ones are cut. Browsers send 100 to 250 bytes.</summary>
    public const int MaxUserAgentBytes = 1024;

    /// <summary>The version this code writes.</summary>
    public const byte CurrentVersion = 1;

    private const int FixedSize = 4 + 16 + 8 + 4 + 9 + 8 + 2;

    /// <summary>The event's UUIDv7, created when the event was appended.</summary>
    public required Guid Id { get; init; }

    /// <summary>The time when the event was appended, µs since 1970-01-01 UTC.</summary>
    public required long TimeMicros { get; init; }

    /// <summary>The link kind's number: 0 click, 1 open, 2 image, 3 honeypot.</summary>
    public required byte Kind { get; init; }

    /// <summary>The HTTP method's number: 0 GET.</summary>
    public byte Method { get; init; }

    /// <summary>The cluster's number.</summary>
    public required int Cluster { get; init; }

    /// <summary>The message key, 9 bytes.</summary>
    public required ReadOnlySpan<byte> Message { get; init; }

    /// <summary>The link id, 0 for an open.</summary>
    public required ulong Link { get; init; }

    /// <summary>The ordinal of the link in its message.</summary>
    public required ushort Ordinal { get; init; }

    /// <summary>The client's address as 4 or 16 bytes in network order, or empty.</summary>
    public ReadOnlySpan<byte> ClientAddress { get; init; }

    /// <summary>W3C trace id (16 bytes) and span id (8 bytes) of the request, or empty.</summary>
    public ReadOnlySpan<byte> Trace { get; init; }

    /// <summary>Whether the trace was sampled.</summary>
    public bool TraceSampled { get; init; }

    /// <summary>A packed <see cref="RequestShape"/>, at most 63; 0 when nobody looked.</summary>
    public byte Shape { get; init; }

    /// <summary>The user agent as received. Writing cuts it at <see cref="MaxUserAgentBytes"/>.</summary>
    public ReadOnlySpan<byte> UserAgent { get; init; }

    /// <summary>The number of bytes that <see cref="WriteFrame"/> writes.</summary>
    public int FrameSize => FrameHeaderSize + FixedSize + 1 + ClientAddress.Length + Trace.Length + 2
        + Math.Min(UserAgent.Length, MaxUserAgentBytes);

    /// <summary>Writes the frame's header and payload.</summary>
    /// <returns>The number of written bytes: <see cref="FrameSize"/>.</returns>
    public int WriteFrame(Span<byte> destination)
    {
        var size = FrameSize;
        var payload = destination[FrameHeaderSize..size];
        payload[0] = CurrentVersion;
        payload[1] = Kind;
        payload[2] = Method;
        payload[3] = (byte)((Trace.IsEmpty ? 0 : 1) | (TraceSampled ? 2 : 0) | (Shape << 2));
        Id.TryWriteBytes(payload[4..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(payload[20..], TimeMicros);
        BinaryPrimitives.WriteInt32LittleEndian(payload[28..], Cluster);
        Message.CopyTo(payload[32..41]);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[41..], Link);
        BinaryPrimitives.WriteUInt16LittleEndian(payload[49..], Ordinal);
        payload[FixedSize] = (byte)ClientAddress.Length;
        var at = FixedSize + 1;
        ClientAddress.CopyTo(payload[at..]);
        at += ClientAddress.Length;
        Trace.CopyTo(payload[at..]);
        at += Trace.Length;
        var agent = UserAgent[..Math.Min(UserAgent.Length, MaxUserAgentBytes)];
        BinaryPrimitives.WriteUInt16LittleEndian(payload[at..], (ushort)agent.Length);
        agent.CopyTo(payload[(at + 2)..]);

        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Crc32C(payload));
        return size;
    }

    /// <summary>Reads the frame at the start of <paramref name="source"/>.</summary>
    /// <param name="source">Frames.</param>
    /// <param name="record">The record. Its spans point into <paramref name="source"/>. Only set for a whole
    /// frame.</param>
    /// <param name="frameSize">The number of bytes of this frame; 0 for a torn frame.</param>
    public static FrameOutcome ReadFrame(ReadOnlySpan<byte> source, out EventRecord record, out int frameSize)
    {
        record = default;
        frameSize = 0;
        if (source.Length < FrameHeaderSize)
        {
            return FrameOutcome.Torn;
        }

        var length = BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (length is 0 or > MaxPayloadSize || length > source.Length - FrameHeaderSize)
        {
            return FrameOutcome.Torn;
        }

        frameSize = FrameHeaderSize + (int)length;
        var payload = source[FrameHeaderSize..frameSize];
        return BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) == Crc32C(payload)
            && TryReadPayload(payload, out record)
                ? FrameOutcome.Whole
                : FrameOutcome.Damaged;
    }

    /// <summary>The id in a frame that has been found whole.</summary>
    public static Guid IdOf(ReadOnlySpan<byte> frame) => new(frame.Slice(FrameHeaderSize + 4, 16), bigEndian: true);

    /// <summary>CRC-32C (Castagnoli, RFC 3720 appendix B.4), in hardware if available.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        while (data.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[8..];
        }

        foreach (var b in data)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return ~crc;
    }

    private static bool TryReadPayload(ReadOnlySpan<byte> payload, out EventRecord record)
    {
        record = default;
        if (payload.Length < FixedSize + 3 || payload[0] != CurrentVersion)
        {
            return false;
        }

        var addressLength = payload[FixedSize];
        var traceLength = (payload[3] & 1) != 0 ? 24 : 0;
        var at = FixedSize + 1;
        if (addressLength is not (0 or 4 or 16) || payload.Length < at + addressLength + traceLength + 2)
        {
            return false;
        }

        var address = payload.Slice(at, addressLength);
        at += addressLength;
        var trace = payload.Slice(at, traceLength);
        at += traceLength;
        var agentLength = BinaryPrimitives.ReadUInt16LittleEndian(payload[at..]);
        if (payload.Length != at + 2 + agentLength)
        {
            return false;
        }

        record = new EventRecord
        {
            Id = new Guid(payload.Slice(4, 16), bigEndian: true),
            TimeMicros = BinaryPrimitives.ReadInt64LittleEndian(payload[20..]),
            Kind = payload[1],
            Method = payload[2],
            Cluster = BinaryPrimitives.ReadInt32LittleEndian(payload[28..]),
            Message = payload.Slice(32, 9),
            Link = BinaryPrimitives.ReadUInt64LittleEndian(payload[41..]),
            Ordinal = BinaryPrimitives.ReadUInt16LittleEndian(payload[49..]),
            ClientAddress = address,
            Trace = trace,
            TraceSampled = (payload[3] & 2) != 0,
            Shape = (byte)(payload[3] >> 2),
            UserAgent = payload.Slice(at + 2, agentLength),
        };
        return true;
    }
}
