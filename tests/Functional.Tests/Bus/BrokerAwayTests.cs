using System.Collections.Concurrent;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Bus;

/// <summary>A broker for the tests of one class, which stop it.</summary>
public sealed class BreakableRabbit : IAsyncDisposable
{
    public TestRabbit Broker { get; } = new();

    public ValueTask DisposeAsync() => Broker.DisposeAsync();
}

/// <summary>The bus while its broker is stopped, killed or frozen, and after it has come back.</summary>
public sealed class BrokerAwayTests(BreakableRabbit own) : IClassFixture<BreakableRabbit>
{
    // Timeouts shorter than the defaults, because the tests wait for them.
    private static readonly Dictionary<string, string?> _impatient = new()
    {
        ["Tracking:Messaging:Heartbeat"] = "00:00:02",
        ["Tracking:Messaging:ConfirmTimeout"] = "00:00:03",
        ["Tracking:Messaging:ReconnectPause"] = "00:00:00.200",
    };

    // The limit starts when the broker is back. Its own start may take long.
    private static readonly TimeSpan _recovery = TimeSpan.FromSeconds(120);

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_process_starts_without_the_broker_and_is_ready_when_it_is_there()
    {
        var broker = await own.Broker.CreateVirtualHostAsync(Ends);
        await own.Broker.StopAsync(Ends);
        var heard = new ConcurrentDictionary<Guid, bool>();
        await using var host = await BusHost.StartAsync(broker, Listen(heard), settings: _impatient);
        await using var edge = await BusHost.StartAsync(
            broker, configure: builder => builder.LetBusBeAway(), settings: _impatient);
        Assert.Equal(HealthStatus.Unhealthy, await host.HealthAsync());
        Assert.Equal(HealthStatus.Degraded, await edge.HealthAsync());
        await Assert.ThrowsAsync<NotConfirmedException>(
            () => host.Services.GetRequiredService<SendToQueue>().SendAsync("orders", Some()));

        await own.Broker.StartAsync(Ends);
        await host.IsReadyAsync();
        await edge.IsReadyAsync();
        await SendUntilHeardAsync(host, heard);
    }

    [Theory]
    [InlineData("stopped")]
    [InlineData("killed")]
    [InlineData("frozen")]
    public async Task Under_load_every_send_ends_and_the_bus_works_again_when_the_broker_is_back(string how)
    {
        var broker = await own.Broker.CreateVirtualHostAsync(Ends);
        var heard = new ConcurrentDictionary<Guid, bool>();
        await using var host = await BusHost.StartAsync(broker, Listen(heard), settings: _impatient);
        await host.IsReadyAsync();
        var send = host.Services.GetRequiredService<SendToQueue>();
        using var ending = new CancellationTokenSource();
        var confirmed = new ConcurrentDictionary<Guid, bool>();
        var failed = 0;
        var senders = Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            while (!ending.IsCancellationRequested)
            {
                var message = Some();
                try
                {
                    await send.SendAsync("orders", message).WaitAsync(Eventually.Deadline, Ends);
                    confirmed[message.Id] = true;
                }
                catch (NotConfirmedException)
                {
                    Interlocked.Increment(ref failed);
                }
            }
        })).ToList();
        await Eventually.HoldsAsync(() => confirmed.Count > 100, "messages are sent", Ends);

        await TakeAwayAsync(how);
        await Eventually.HoldsAsync(() => Volatile.Read(ref failed) > 32, "sends fail instead of hanging", Ends);
        await BringBackAsync(how);
        var before = confirmed.Count;
        await Eventually.HoldsAsync(() => confirmed.Count > before + 100, "sending goes on", Ends, _recovery);
        await ending.CancelAsync();
        await Task.WhenAll(senders);

        // A confirmed message is never lost.
        await AllAreHeardAsync(broker, confirmed, heard);
        await host.IsReadyAsync();
    }

    private static async Task AllAreHeardAsync(
        TestVirtualHost broker, ConcurrentDictionary<Guid, bool> confirmed, ConcurrentDictionary<Guid, bool> heard)
    {
        try
        {
            await Eventually.HoldsAsync(
                () => confirmed.Keys.All(heard.ContainsKey), "all that was confirmed is heard", Ends, _recovery);
        }
        catch (TimeoutException)
        {
            // The messages that did not arrive: either lost or still in a queue.
            var missing = confirmed.Keys.Count(id => !heard.ContainsKey(id));
            Assert.Fail(
                $"{missing} of {confirmed.Count} confirmed messages are not heard; {heard.Count} are. The broker says: "
                + $"{await broker.FindQueueAsync("orders", Ends)}; {await broker.CountReadyAsync("orders.dead", Ends)} "
                + "in the dead letters.");
        }
    }

    private async Task TakeAwayAsync(string how)
    {
        switch (how)
        {
            case "stopped":
                await own.Broker.StopAsync(Ends);
                break;
            case "killed":
                await own.Broker.KillAsync(Ends);
                break;
            default:
                await own.Broker.FreezeAsync();
                break;
        }
    }

    private async Task BringBackAsync(string how)
    {
        if (how == "frozen")
        {
            await own.Broker.ThawAsync();
        }
        else
        {
            await own.Broker.StartAsync(Ends);
        }
    }

    private static async Task SendUntilHeardAsync(BusHost host, ConcurrentDictionary<Guid, bool> heard)
    {
        var message = Some();
        await host.Services.GetRequiredService<SendToQueue>().SendAsync("orders", message);
        await Eventually.HoldsAsync(() => heard.ContainsKey(message.Id), "the message is heard", Ends);
    }

    private static Action<IServiceCollection> Listen(ConcurrentDictionary<Guid, bool> heard) =>
        services => services.AddSingleton(new BusEndpoint("orders", (_, queue) => queue.Handler<DirectoryChanged>(
            message =>
            {
                heard[message.Message.Id] = true;
                return Task.CompletedTask;
            })));

    private static DirectoryChanged Some() => new() { Id = Guid.CreateVersion7(), Cluster = 1 };
}
