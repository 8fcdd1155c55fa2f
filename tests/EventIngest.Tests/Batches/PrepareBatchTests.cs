using Tracking.Contracts;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.EventIngest.Batches;
using Tracking.EventIngest.Bots;
using Tracking.EventIngest.Privacy;
using Tracking.Links;

namespace Tracking.EventIngest.Tests.Batches;

public sealed class PrepareBatchTests
{
    private static readonly DateTimeOffset _now = new(2026, 11, 21, 10, 0, 0, TimeSpan.Zero);
    private static readonly ClusterPolicy _usual = new(AddressPolicy.Full, false, 13);

    [Fact]
    public void A_batch_cut_at_any_byte_accounts_for_every_event()
    {
        var frames = Frames(3);
        for (var length = 0; length <= frames.Length; length++)
        {
            using var prepared = Prepare(frames[..length], count: 3);
            var whole = length / (frames.Length / 3);

            Assert.Equal(whole, prepared.Events.Count);
            Assert.Equal(length % (frames.Length / 3) == 0 ? 0 : 1, prepared.Rejected.Count);
            Assert.Equal(length % (frames.Length / 3) == 0 ? whole : 3, prepared.Count);
        }
    }

    [Fact]
    public void A_flipped_bit_anywhere_costs_no_whole_neighbour_before_it()
    {
        var frames = Frames(3);
        var size = frames.Length / 3;
        for (var bit = 0; bit < frames.Length * 8; bit++)
        {
            var flipped = frames.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            using var prepared = Prepare(flipped, count: 3);

            var isLength = bit / 8 % size < 4;
            Assert.True(prepared.Events.Count >= (isLength ? bit / 8 / size : 2), $"bit {bit}");
            Assert.NotEmpty(prepared.Rejected);
        }
    }

    [Fact]
    public void Nothing_personal_is_kept_of_an_event_that_cannot_be_read_or_whose_cluster_is_unknown()
    {
        var frames = Frames(1);
        var damaged = frames.ToArray();
        damaged[^1] ^= 1;
        foreach (var (bytes, policies) in new[] { (damaged, Policies(_usual)), (frames, Policies(null)) })
        {
            using var prepared = Prepare(bytes, 1, policies);
            var raw = Assert.Single(prepared.Rejected).Raw!;
            Assert.Equal(-1, raw.AsSpan().IndexOf("Agent"u8));
            Assert.Equal(-1, raw.AsSpan().IndexOf(new byte[] { 198, 51, 100, 7 }));
        }
    }

    [Theory]
    [InlineData(-12, 0, true)]
    [InlineData(-13, 1, true)]
    [InlineData(-13, -1, false)]
    [InlineData(-120, 0, false)]
    [InlineData(120, 0, true)]
    public void An_event_is_kept_for_its_retention(int months, int seconds, bool isKept)
    {
        using var prepared = Prepare(Frames(1, _now.AddMonths(months).AddSeconds(seconds)), 1);
        Assert.Equal(isKept, prepared.Events.Count == 1);
        Assert.Equal(
            isKept ? [] : [Refusal.OlderThanRetention], prepared.Rejected.Select(rejected => rejected.Refusal));
    }

    [Fact]
    public void Rows_of_any_range_join_to_all_rows()
    {
        using var prepared = Prepare(Frames(10), 10);
        for (var cut = 1; cut < 10; cut++)
        {
            byte[] joined = [.. prepared.RowsOf(0, cut).Span, .. prepared.RowsOf(cut, 10 - cut).Span];
            Assert.Equal(prepared.Rows.ToArray(), joined);
        }
    }

    [Fact]
    public void Longest_user_agents_fit_whatever_their_bytes()
    {
        using var prepared = Prepare(Frames(200, _now, [.. Enumerable.Repeat((byte)1, 1024)]), 200);
        Assert.Equal(200, prepared.Events.Count);
    }

    private static BatchPolicies Policies(ClusterPolicy? policy) => new(
        new Dictionary<int, ClusterPolicy?> { [42] = policy },
        new Dictionary<(int Cluster, MessageKey Message), TrackingLevel>(),
        Withdrawal: 0);

    private static PreparedBatch Prepare(byte[] events, int count, BatchPolicies? policies = null)
    {
        var batch = new StoreEventBatch
        {
            Id = Guid.Empty,
            EdgeId = Guid.Empty,
            Sequence = 1,
            AcknowledgedBelow = 0,
            Count = count,
            Events = events,
        };
        var prepared = new PreparedBatch(batch);
        new PrepareBatch(
            batch, prepared, policies ?? Policies(_usual), new ClassifyEvent(), _now, new EventIngestOptions()).Run();
        return prepared;
    }

    private static byte[] Frames(int count, DateTimeOffset? time = null, byte[]? agent = null)
    {
        var at = time ?? _now;
        var frames = new List<byte>();
        for (var i = 0; i < count; i++)
        {
            var record = new EventRecord
            {
                Id = Guid.CreateVersion7(at),
                TimeMicros = (at - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
                Kind = (byte)LinkKind.Click,
                Cluster = 42,
                Message = new MessageKey(1, 2).ToBytes(),
                Link = 5,
                Ordinal = 1,
                ClientAddress = [198, 51, 100, 7],
                UserAgent = agent ?? "Agent"u8.ToArray(),
            };
            var frame = new byte[record.FrameSize];
            record.WriteFrame(frame);
            frames.AddRange(frame);
        }

        return [.. frames];
    }
}
