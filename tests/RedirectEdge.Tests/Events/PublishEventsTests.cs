using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Tracking.Contracts;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Tests.Events;

public sealed class PublishEventsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<StoreEventBatch> _sent = new();
    private readonly TestSpool _spool;
    private Func<StoreEventBatch, Task> _bus = _ => Task.CompletedTask;

    public PublishEventsTests() =>
        _spool = new TestSpool(_folder, options => (options.SegmentEvents, options.InFlightBatches) = (1, 3), _time);

    public void Dispose()
    {
        _spool.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Batches_go_out_in_order_as_they_stand_in_the_spool_and_no_more_than_the_window()
    {
        using var publisher = Publisher(_spool);
        Seal(5);
        publisher.PublishDue();
        await SentAsync(3);
        Assert.Equal(3, publisher.InFlight);
        Assert.Equal(["0", "1", "2"], _sent.OrderBy(batch => batch.Sequence).SelectMany(Markers));
        Assert.All(_sent, batch => Assert.Equal((1, _spool.Spool.EdgeId), (batch.Count, batch.EdgeId)));
        Assert.All(_sent, batch => Assert.Equal(_sent.Min(other => other.Sequence), batch.AcknowledgedBelow));

        publisher.Acknowledge(Stored(_sent.MinBy(batch => batch.Sequence)!));
        publisher.PublishDue();
        await SentAsync(4);
        Assert.Equal(3, publisher.InFlight);
    }

    [Fact]
    public async Task S8_a_batch_is_deleted_only_when_it_is_acknowledged_and_a_second_acknowledgement_is_nothing()
    {
        using var publisher = Publisher(_spool);
        Seal(1);
        publisher.PublishDue();
        await SentAsync(1);
        Assert.Single(Directory.EnumerateFiles(_folder.Spool, "*.sealed"));

        var batch = _sent.First();
        publisher.Acknowledge(Stored(batch) with { EdgeId = Guid.NewGuid() });
        Assert.Single(Directory.EnumerateFiles(_folder.Spool, "*.sealed"));
        publisher.Acknowledge(Stored(batch));
        publisher.Acknowledge(Stored(batch));
        Assert.Empty(Directory.EnumerateFiles(_folder.Spool, "*.sealed"));
        Assert.Equal((0, 0L, 0L), (publisher.InFlight, _spool.Spool.Events, _spool.Spool.Bytes));
        Assert.Equal(1, _spool.Meters["tracking.spool.acknowledged"]);
    }

    [Fact]
    public async Task S7_a_lost_acknowledgement_makes_the_same_batch_go_out_again_and_later_each_time()
    {
        using var publisher = Publisher(_spool);
        Seal(1);
        publisher.PublishDue();
        await SentAsync(1);

        _time.Advance(_spool.Options.ResendAfter - TimeSpan.FromTicks(1));
        publisher.PublishDue();
        _time.Advance(TimeSpan.FromTicks(1));
        publisher.PublishDue();
        await SentAsync(2);

        _time.Advance(_spool.Options.ResendAfter);
        Assert.Equal(_spool.Options.ResendAfter, publisher.PublishDue());
        _time.Advance(_spool.Options.ResendAfter);
        publisher.PublishDue();
        await SentAsync(3);
        Assert.Single(_sent.Select(batch => (batch.Sequence, Convert.ToHexString(batch.Events))).Distinct());
        Assert.Equal(3, _sent.Select(batch => batch.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_send_that_hangs_holds_up_no_other_and_is_never_begun_without_end()
    {
        var hanging = new TaskCompletionSource();
        _bus = batch => Markers(batch).Single() == "hangs" ? hanging.Task : Task.CompletedTask;
        using var publisher = Publisher(_spool);
        _spool.Append("hangs");
        Seal(20);
        await Poll.UntilAsync(
            () =>
            {
                publisher.PublishDue();
                foreach (var batch in _sent.Where(batch => Markers(batch).Single() != "hangs"))
                {
                    publisher.Acknowledge(Stored(batch));
                }

                return _spool.Spool.Events == 1;
            },
            "all others are sent and stored");

        Assert.Equal(1, _spool.Spool.Events);
        for (var i = 0; i < 50; i++)
        {
            _time.Advance(_spool.Options.ResendAtMost);
            publisher.PublishDue();
        }

        await Poll.UntilAsync(() => _sent.Count == 20 + 4, "four sends hang, no more");
        hanging.SetResult();
    }

    [Fact]
    public async Task A_send_that_fails_is_tried_again_soon()
    {
        var fail = true;
        _bus = _ => fail ? Task.FromException(new TimeoutException("no broker")) : Task.CompletedTask;
        using var publisher = Publisher(_spool);
        Seal(1);
        publisher.PublishDue();
        await Poll.UntilAsync(() => publisher.PublishDue() <= TimeSpan.FromSeconds(1), "a short pause after a failure");

        fail = false;
        _time.Advance(TimeSpan.FromSeconds(1));
        publisher.PublishDue();
        await SentAsync(2);
    }

    [Fact]
    public async Task S7_what_was_in_flight_at_a_restart_goes_out_again_under_the_same_key()
    {
        using (var publisher = Publisher(_spool))
        {
            Seal(3);
            publisher.PublishDue();
            await SentAsync(3);
            publisher.Acknowledge(Stored(_sent.First()));
        }

        var open = _sent.Skip(1).Select(batch => (batch.Sequence, Convert.ToHexString(batch.Events))).Order().ToList();
        _spool.Dispose();
        _sent.Clear();
        using var next = new TestSpool(_folder, time: _time);
        using var again = Publisher(next);
        again.PublishDue();
        await SentAsync(2);
        Assert.Equal(open, _sent.Select(batch => (batch.Sequence, Convert.ToHexString(batch.Events))).Order());
    }

    [Fact]
    public async Task The_running_publisher_sends_what_is_sealed_and_stops_at_once_with_a_send_hanging()
    {
        _bus = _ => new TaskCompletionSource().Task;
        using var publisher = Publisher(_spool);
        await publisher.StartAsync(TestContext.Current.CancellationToken);
        Seal(1);
        await SentAsync(1);
        await publisher.StopAsync(TestContext.Current.CancellationToken);
        Assert.Single(Directory.EnumerateFiles(_folder.Spool, "*.sealed"));
    }

    private static IEnumerable<string> Markers(StoreEventBatch batch) => TestSpool.Read(batch.Events).Markers;

    private static EventBatchStored Stored(StoreEventBatch batch) =>
        new() { Id = Guid.NewGuid(), EdgeId = batch.EdgeId, Sequence = batch.Sequence };

    private PublishEvents Publisher(TestSpool spool) => new(
        spool.Spool,
        batch =>
        {
            _sent.Enqueue(batch);
            return _bus(batch);
        },
        Options.Create(spool.Options),
        _time,
        spool.Meters.Edge,
        NullLogger<PublishEvents>.Instance);

    private Task SentAsync(int count) => Poll.UntilAsync(() => _sent.Count == count, $"{count} batches are sent");

    private void Seal(int batches)
    {
        for (var i = 0; i < batches; i++)
        {
            _spool.Append($"{i}");
        }

        Assert.True(_spool.Spool.SealDetached());
    }
}
