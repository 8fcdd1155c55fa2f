using System.Collections.Concurrent;
using MassTransit;
using MassTransit.RabbitMqTransport;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Bus;

/// <summary>The bus when its connection breaks in the middle of deliveries.</summary>
public sealed class ConnectionBreaksTests(TestRabbit rabbit)
{
    private const int Messages = 20;

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Deliveries_that_outlive_their_channel_come_again()
    {
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        var begun = 0;
        var heardAgain = new ConcurrentDictionary<Guid, bool>();
        await using var host = await StartAsync(broker, async delivery =>
        {
            var number = Interlocked.Increment(ref begun);
            if (number > Messages)
            {
                heardAgain[delivery.Message.Id] = true;
                return;
            }

            var channel = delivery.ReceiveContext.GetPayload<ChannelContext>().Channel;
            await Eventually.HoldsAsync(() => channel.IsClosed, "the channel is closed", Ends);
            if (number % 2 == 0)
            {
                throw new InvalidOperationException("it fails after its channel");
            }
        });

        await Eventually.HoldsAsync(() => Volatile.Read(ref begun) == Messages, "all are being consumed", Ends);
        await Eventually.HoldsAsync(
            async () =>
            {
                await broker.CloseConnectionsAsync(Ends);
                return heardAgain.Count == Messages;
            },
            "all are delivered again",
            Ends);
    }

    [Fact]
    public async Task Deliveries_over_which_the_bus_closes_its_channel_come_again_and_hold_nothing_up()
    {
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        var attempts = 0;
        await using var host = await StartAsync(broker, _ => Interlocked.Increment(ref attempts) > Messages
            ? Task.CompletedTask
            // The exception that the bus throws when it wants to acknowledge and the channel is closed.
            : throw new OperationInterruptedException(
                new ShutdownEventArgs(ShutdownInitiator.Peer, 491, "Channel is already closed")));

        await Eventually.HoldsAsync(
            async () => Volatile.Read(ref attempts) >= 2 * Messages
                && (await broker.FindQueueAsync("orders", Ends))?["messages"]?.GetValue<int>() == 0,
            "all are acknowledged",
            Ends);
        await host.IsReadyAsync();
    }

    /// <summary>A process that has fetched messages from a queue.</summary>
    private static async Task<BusHost> StartAsync(TestVirtualHost broker, MessageHandler<DirectoryChanged> consume)
    {
        var host = await BusHost.StartAsync(
            broker,
            add: services => services.AddSingleton(new BusEndpoint("orders", (_, queue) =>
            {
                queue.PrefetchCount = Messages;
                queue.Handler(consume);
            })),
            settings: new Dictionary<string, string?>
            {
                ["Tracking:Messaging:ReconnectPause"] = "00:00:00.100",
                // Long, so that no missing heartbeat ends a connection that hangs.
                ["Tracking:Messaging:Heartbeat"] = "00:05:00",
            });
        await host.IsReadyAsync();
        var send = host.Services.GetRequiredService<SendToQueue>();
        for (var i = 0; i < Messages; i++)
        {
            await send.SendAsync("orders", new DirectoryChanged { Id = Guid.CreateVersion7(), Cluster = 1 });
        }

        return host;
    }
}
