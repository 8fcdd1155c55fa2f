namespace Tracking.Contracts.Tests;

public sealed class EventRecordTests
{
    private static readonly byte[] _message = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    private static readonly byte[] _trace = [.. Enumerable.Range(100, 24).Select(n => (byte)n)];

    [Theory]
    [InlineData(0, false, 0)]
    [InlineData(4, true, 10)]
    [InlineData(16, false, 300)]
    [InlineData(16, true, EventRecord.MaxUserAgentBytes)]
    public void A_record_is_read_as_it_was_written(int addressLength, bool traced, int agentLength)
    {
        var frame = Frame(addressLength, traced, agentLength);

        Assert.Equal(FrameOutcome.Whole, EventRecord.ReadFrame(frame, out var read, out var size));
        Assert.Equal(frame.Length, size);
        Assert.Equal(new Guid("01890a5d-ac96-774b-bcce-b302099a8057"), read.Id);
        Assert.Equal(1_764_000_000_123_456, read.TimeMicros);
        Assert.Equal((byte)1, read.Kind);
        Assert.Equal(0xABCDEF, read.Cluster);
        Assert.Equal(_message, read.Message.ToArray());
        Assert.Equal(ulong.MaxValue - 5, read.Link);
        Assert.Equal((ushort)16_383, read.Ordinal);
        Assert.Equal(addressLength, read.ClientAddress.Length);
        Assert.Equal(traced ? _trace : [], read.Trace.ToArray());
        Assert.Equal(traced, read.TraceSampled);
        Assert.Equal(agentLength, read.UserAgent.Length);
        Assert.Equal((byte)48, read.Shape);
    }

    [Fact]
    public void Every_shape_of_a_request_fits_into_six_bits_and_comes_back()
    {
        var packed = new HashSet<byte>();
        foreach (var fetch in Enum.GetValues<FetchMetadata>())
        {
            foreach (var hints in Enum.GetValues<ClientHints>())
            {
                (bool Prefetch, bool Language)[] rest = [(false, false), (false, true), (true, false), (true, true)];
                foreach (var (prefetch, language) in rest)
                {
                    var shape = new RequestShape(fetch, hints, prefetch, language);
                    Assert.True(packed.Add(shape.Pack()));
                    Assert.Equal(shape, RequestShape.Unpack(shape.Pack()));
                }
            }
        }

        Assert.Equal((1, 48), (packed.Min(), packed.Max()));
        Assert.Null(RequestShape.Unpack(0));
        Assert.Null(RequestShape.Unpack(63));
    }

    // What the version before read and wrote: flags 1 and 2, and a payload of exactly these fields.
    [Fact]
    public void The_shape_changes_nothing_that_an_earlier_version_reads()
    {
        var (with, without) = (Frame(4, traced: true, 10), Frame(4, traced: true, 10, shape: 0));

        Assert.Equal(without.Length, with.Length);
        Assert.Equal(without[11] & 3, with[11] & 3);
        Assert.Equal(
            without.Where((_, at) => at is not (>= 4 and < 8 or 11)),
            with.Where((_, at) => at is not (>= 4 and < 8 or 11)));
        Assert.Equal(FrameOutcome.Whole, EventRecord.ReadFrame(without, out var read, out _));
        Assert.Equal(0, read.Shape);
        Assert.True(read.TraceSampled);
    }

    [Fact]
    public void A_user_agent_beyond_the_limit_is_cut()
    {
        var frame = Frame(4, traced: false, EventRecord.MaxUserAgentBytes + 500);

        Assert.Equal(FrameOutcome.Whole, EventRecord.ReadFrame(frame, out var read, out _));
        Assert.Equal(EventRecord.MaxUserAgentBytes, read.UserAgent.Length);
    }

    [Fact]
    public void A_frame_cut_anywhere_is_torn()
    {
        var frame = Frame(16, traced: true, 100);
        for (var length = 0; length < frame.Length; length++)
        {
            Assert.Equal(FrameOutcome.Torn, EventRecord.ReadFrame(frame.AsSpan(0, length), out _, out var size));
            Assert.Equal(0, size);
        }
    }

    [Fact]
    public void A_flipped_bit_anywhere_in_the_payload_or_checksum_is_noticed()
    {
        var frame = Frame(16, traced: true, 100);
        for (var bit = 4 * 8; bit < frame.Length * 8; bit++)
        {
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(FrameOutcome.Damaged, EventRecord.ReadFrame(frame, out _, out var size));
            Assert.Equal(frame.Length, size);
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Theory]
    [InlineData("", 0x00000000u)]
    [InlineData("123456789", 0xE3069283u)]
    public void The_checksum_is_crc_32c(string text, uint expected) =>
        Assert.Equal(expected, EventRecord.Crc32C(global::System.Text.Encoding.ASCII.GetBytes(text)));

    private static byte[] Frame(int addressLength, bool traced, int agentLength, byte shape = 48)
    {
        var record = new EventRecord
        {
            Id = new Guid("01890a5d-ac96-774b-bcce-b302099a8057"),
            TimeMicros = 1_764_000_000_123_456,
            Kind = 1,
            Cluster = 0xABCDEF,
            Message = _message,
            Link = ulong.MaxValue - 5,
            Ordinal = 16_383,
            ClientAddress = new byte[addressLength],
            Trace = traced ? _trace : [],
            TraceSampled = traced,
            Shape = shape,
            UserAgent = Enumerable.Repeat((byte)'x', agentLength).ToArray(),
        };
        var frame = new byte[record.FrameSize];
        Assert.Equal(frame.Length, record.WriteFrame(frame));
        return frame;
    }
}
