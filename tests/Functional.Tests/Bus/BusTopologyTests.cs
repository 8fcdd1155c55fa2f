using System.Text.Json.Nodes;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Contracts;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Functional.Tests.Bus;

/// <summary>What the bus declares at RabbitMQ, and what happens to messages that no consumer has been seen
/// for.</summary>
public sealed class BusTopologyTests(TestRabbit rabbit)
{
    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_queue_is_a_quorum_queue_that_neither_drops_nor_deletes()
    {
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        await using var bus = await BusHost.StartAsync(broker, add: services =>
        {
            services.AddSingleton(new BusEndpoint("orders", (_, _) => { }));
            services.AddSingleton(new BusEndpoint("owned", (_, _) => { }) { IsOwned = true });
        });
        await bus.IsReadyAsync();

        var queue = await ArgumentsAsync(broker, "orders");
        Assert.Equal("quorum", (string?)queue["x-queue-type"]);
        Assert.Equal("orders.dead", (string?)queue["x-dead-letter-exchange"]);
        Assert.Equal("at-least-once", (string?)queue["x-dead-letter-strategy"]);
        Assert.Equal("reject-publish", (string?)queue["x-overflow"]);
        Assert.Equal(new MessagingOptions().DeliveryLimit, (int?)queue["x-delivery-limit"]);
        Assert.Equal(new MessagingOptions().MaxQueueBytes, (long?)queue["x-max-length-bytes"]);

        var dead = await ArgumentsAsync(broker, "orders.dead");
        Assert.Equal("quorum", (string?)dead["x-queue-type"]);
        Assert.Equal("reject-publish", (string?)dead["x-overflow"]);
        Assert.True((int?)dead["x-delivery-limit"] > 1000);
        Assert.NotNull((long?)dead["x-max-length-bytes"]);

        var owned = await ArgumentsAsync(broker, "owned");
        Assert.Equal("quorum", (string?)owned["x-queue-type"]);
        Assert.Equal(
            new MessagingOptions().OwnedQueueExpiry, TimeSpan.FromMilliseconds((long)owned["x-expires"]!));
        Assert.DoesNotContain("owned.dead", await broker.QueuesAsync(Ends));
    }

    [Fact]
    public async Task A_message_to_a_queue_that_was_never_consumed_fails_to_be_sent_instead_of_being_lost()
    {
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        await using var sender = await BusHost.StartAsync(broker);
        await sender.IsReadyAsync();
        var endpoint = await sender.Bus.GetSendEndpoint(Messaging.Queue("orders"));
        await Assert.ThrowsAsync<MessageReturnedException>(
            () => SendAsync(endpoint, Some()));

        var heard = new TaskCompletionSource<Guid>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var consumer = await BusHost.StartAsync(broker, add: services => services.AddSingleton(
            new BusEndpoint("orders", (_, queue) => queue.Handler<DirectoryChanged>(message =>
            {
                heard.TrySetResult(message.Message.Id);
                return Task.CompletedTask;
            }))));
        await consumer.IsReadyAsync();
        var sent = Some();
        await SendAsync(endpoint, sent);
        Assert.Equal(sent.Id, await heard.Task.WaitAsync(Eventually.Deadline, Ends));
    }

    [Fact]
    public async Task What_is_published_reaches_every_process_and_their_queues_go_with_them()
    {
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        var heard = new[] { 0, 0 };
        BusEndpoint Listener(int process) => new(
            $"listener-{process}", (_, queue) => queue.Handler<DirectoryChanged>(_ =>
            {
                Interlocked.Increment(ref heard[process]);
                return Task.CompletedTask;
            })) { IsTemporary = true };

        await using var one = await BusHost.StartAsync(broker, add: s => s.AddSingleton(Listener(0)));
        await using (var other = await BusHost.StartAsync(broker, add: s => s.AddSingleton(Listener(1))))
        {
            await one.IsReadyAsync();
            await other.IsReadyAsync();
            await one.Bus.Publish(Some(), Ends).WaitAsync(Eventually.Deadline, Ends);
            await Eventually.HoldsAsync(
                () => Volatile.Read(ref heard[0]) == 1 && Volatile.Read(ref heard[1]) == 1, "both heard it", Ends);
        }

        await Eventually.HoldsAsync(
            async () => !(await broker.QueuesAsync(Ends)).Contains("listener-1"), "its queue is gone", Ends);
        Assert.Contains("listener-0", await broker.QueuesAsync(Ends));
    }

    private static Task SendAsync(ISendEndpoint endpoint, DirectoryChanged message) => endpoint
        .Send(message, context => Messaging.RequireQueue(context), Ends)
        .WaitAsync(Eventually.Deadline, Ends);

    private static DirectoryChanged Some() => new() { Id = Guid.CreateVersion7(), Cluster = 1 };

    private static async Task<JsonObject> ArgumentsAsync(TestVirtualHost broker, string queue) =>
        (await broker.FindQueueAsync(queue, Ends))!["arguments"]!.AsObject();
}
