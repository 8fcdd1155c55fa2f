using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Npgsql;
using Tracking.Functional.Tests.EventIngest;
using Tracking.Servers;
using Tracking.Webhooks;

namespace Tracking.Functional.Tests.Webhooks;

/// <summary>A stored event is delivered at least once, under its own id, even if processes die.</summary>
public sealed class NothingIsLostTests(TestPostgres server)
{
    [Fact]
    public async Task An_event_has_one_delivery_for_each_endpoint_however_often_its_batch_comes()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        await lab.AddEndpointAsync(receiver.Url);
        await lab.AddEndpointAsync(receiver.Url);
        var batch = SomeEvents.Batch(lab.Database.Edge, 0, lab.Database.Events(10));
        await lab.StoreAsync(batch);
        await lab.StoreAsync(batch);
        await lab.StoreAsync(batch with { Sequence = 1 });

        Assert.Equal(10L, await lab.Database.CountEventsAsync());
        Assert.Equal(20L, await lab.Database.CountAsync("webhooks.deliveries"));
    }

    [Fact]
    public async Task A_transaction_that_dies_leaves_neither_event_nor_delivery_and_its_repetition_both()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        await lab.AddEndpointAsync(receiver.Url);
        var batch = SomeEvents.Batch(lab.Database.Edge, 0, lab.Database.Events(10));
        await using (var blocker = await lab.Database.DataSource.OpenConnectionAsync(
            TestContext.Current.CancellationToken))
        {
            // The process dies when everything except the counters is written.
            await using var transaction = await blocker.BeginTransactionAsync(TestContext.Current.CancellationToken);
            await using var hold = new NpgsqlCommand("LOCK TABLE ingest.message_counts", blocker);
            await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            var storing = lab.StoreAsync(batch);
            await Eventually.HoldsAsync(
                async () => await lab.Database.ScalarAsync(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%message_counts%'
                    """) is true,
                "the transaction waits for the counters and dies",
                TestContext.Current.CancellationToken);
            await Assert.ThrowsAnyAsync<NpgsqlException>(() => storing);
        }

        Assert.Equal(0L, await lab.Database.CountAsync("ingest.events"));
        Assert.Equal(0L, await lab.Database.CountAsync("webhooks.deliveries"));
        await lab.StoreAsync(batch);
        Assert.Equal(10L, await lab.Database.CountEventsAsync());
        Assert.Equal(10L, await lab.Database.CountAsync("webhooks.deliveries"));
    }

    [Fact]
    public async Task A_process_that_starts_while_the_database_is_away_knows_its_endpoints_before_it_stores()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        await lab.AddEndpointAsync(receiver.Url);
        using var fresh = lab.Database.NewEndpoints();
        await lab.Database.NewStore(fresh).RunAsync(
            SomeEvents.Batch(lab.Database.Edge, 5, lab.Database.Events(1)), [], TestContext.Current.CancellationToken);

        Assert.Equal(1L, await lab.Database.CountAsync("webhooks.deliveries"));
    }

    [Fact]
    public async Task A_sent_webhook_without_a_stored_result_is_sent_again_under_the_same_id()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        await lab.AddEndpointAsync(receiver.Url);
        var ids = await lab.StoreAsync(3);

        // As after a kill: the receiver has the webhook, and the next process has another lease.
        receiver.Answer = _ => lab.Database.ExecuteAsync("UPDATE webhooks.endpoints SET leased_by = gen_random_uuid()");
        await lab.StepAsync();
        Assert.Equal(0L, await lab.Database.CountAsync("webhooks.attempts"));
        Assert.Equal(0, await lab.StepAsync());

        receiver.AnswerWith(200);
        await lab.AfterAsync(lab.Settings.Lease);
        Assert.Equal(6, receiver.All.Count);
        Assert.All(ids, id => Assert.Equal(2, receiver.Ids.Count(received => received == id.ToString())));
        Assert.Equal(3L, await lab.Database.ScalarAsync("SELECT count(*) FROM webhooks.deliveries WHERE status = 1"));
    }

    [Fact]
    public async Task Two_processes_send_each_once()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        for (var i = 0; i < 20; i++)
        {
            await lab.AddEndpointAsync(receiver.Url);
        }

        await lab.StoreAsync(10);
        using var other = lab.NewWorker();
        for (var round = 0; round < 20; round++)
        {
            var begun = await Task.WhenAll(
                lab.Worker.BeginAsync(CancellationToken.None), other.BeginAsync(CancellationToken.None));
            await Task.WhenAll(begun.SelectMany(each => each.Visits));
        }

        Assert.Equal(200, receiver.All.Count);
        Assert.Equal(0L, await lab.Database.ScalarAsync("SELECT count(*) FROM webhooks.deliveries WHERE status <> 1"));
    }

    [Fact]
    public async Task Receivers_that_hang_take_no_place_of_those_that_answer()
    {
        var options = new WebhookOptions
        {
            AllowHttp = true,
            AllowPrivateAddresses = true,
            EndpointsAtOnce = 1,
            SlowEndpointsAtOnce = 2,
            FirstRest = TimeSpan.FromMilliseconds(100),
            LongestRest = TimeSpan.FromSeconds(1),
        };
        options.Ports.Add(WebhookOptions.AnyPort);
        await using var lab = await WebhookLab.CreateAsync(server, options);
        await using var hanging = await WebhookReceiver.StartAsync();
        await using var good = await WebhookReceiver.StartAsync();
        hanging.AnswerWith(503);
        for (var i = 0; i < 5; i++)
        {
            await lab.AddEndpointAsync(hanging.Url);
        }

        // Each endpoint fails once and counts as slow from then on.
        await lab.StoreAsync(1);
        await lab.WorkAsync();
        Assert.Equal(5L, await lab.Database.ScalarAsync("SELECT count(*) FROM webhooks.endpoints WHERE is_slow"));
        hanging.All.Clear();
        var asked = new ConcurrentBag<HttpContext>();
        var release = new TaskCompletionSource();
        hanging.Answer = context =>
        {
            asked.Add(context);
            return release.Task;
        };
        await lab.AddEndpointAsync(good.Url);
        lab.Time.Advance(TimeSpan.FromMinutes(10));
        var ids = await lab.StoreAsync(100);

        var visits = new List<Task>();
        await Eventually.HoldsAsync(
            async () =>
            {
                visits.AddRange((await lab.Worker.BeginAsync(CancellationToken.None)).Visits);
                return good.All.Count == ids.Count && asked.Count == 2;
            },
            "the good receiver has everything while two of those that hang are asked",
            TestContext.Current.CancellationToken);
        release.SetResult();
        await Task.WhenAll(visits);
    }
}
