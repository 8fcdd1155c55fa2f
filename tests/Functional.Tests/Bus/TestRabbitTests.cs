using RabbitMQ.Client.Exceptions;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Bus;

/// <summary>The tests' own broker behaves as the tests expect.</summary>
public sealed class TestRabbitTests(TestRabbit shared)
{
    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Virtual_hosts_do_not_see_each_other()
    {
        var one = await shared.CreateVirtualHostAsync(Ends);
        var other = await shared.CreateVirtualHostAsync(Ends);
        await DeclareAsync(one, "queue");
        await one.PublishAsync("", "queue", "hello"u8.ToArray(), Ends);

        Assert.Equal(1, await one.CountReadyAsync("queue", Ends));
        Assert.Equal(-1, await other.CountReadyAsync("queue", Ends));
        Assert.Equal("hello"u8.ToArray(), (await one.TakeAsync("queue", Ends)).Body);
        Assert.Equal("quorum", (string?)(await one.FindQueueAsync("queue", Ends))!["type"]);
        Assert.Null(await other.FindQueueAsync("queue", Ends));
    }

    [Fact]
    public async Task A_killed_and_a_stopped_broker_come_back_with_what_was_durable_and_a_frozen_one_goes_on()
    {
        await using var broker = new TestRabbit();
        var host = await broker.CreateVirtualHostAsync(Ends);
        await DeclareAsync(host, "queue");
        await host.PublishAsync("", "queue", "hello"u8.ToArray(), Ends);

        await broker.KillAsync(Ends);
        await Assert.ThrowsAnyAsync<BrokerUnreachableException>(() => host.ConnectAsync(Ends));
        await broker.StartAsync(Ends);
        await Eventually.HoldsAsync(
            async () => await host.CountReadyAsync("queue", Ends) == 1, "the queue is back", Ends);

        await broker.StopAsync(Ends);
        await broker.StartAsync(Ends);
        await broker.FreezeAsync();
        var taking = host.TakeAsync("queue", Ends);
        await broker.ThawAsync();
        Assert.Equal("hello"u8.ToArray(), (await taking).Body);
    }

    private static async Task DeclareAsync(TestVirtualHost host, string queue)
    {
        await using var connection = await host.ConnectAsync(Ends);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Ends);
        await channel.QueueDeclareAsync(
            queue, durable: true, exclusive: false, autoDelete: false,
            new Dictionary<string, object?> { ["x-queue-type"] = "quorum" }, cancellationToken: Ends);
    }
}
