using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Bus;

/// <summary>The queues and exchanges that the bus declares at RabbitMQ, and the fate of messages without a known
/// consumer.</summary>
public sealed class BusTopologyTests(TestRabbit rabbit)
{
    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_queue_is_a_quorum_queue_that_neither_drops_nor_deletes_messages()
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
    public async Task Every_limit_at_its_largest_is_one_that_the_broker_takes()
    {
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        await using var bus = await BusHost.StartAsync(
            broker,
            add: services =>
            {
                services.AddSingleton(new BusEndpoint("orders", (_, _) => { }));
                services.AddSingleton(new BusEndpoint("owned", (_, _) => { }) { IsOwned = true });
            },
            settings: typeof(MessagingOptions).GetProperties()
                .Select(property => (property.Name, Range: property.GetCustomAttribute<RangeAttribute>()!))
                .ToDictionary(
                    option => $"Tracking:Messaging:{option.Name}",
                    option => Convert.ToString(option.Range.Maximum, CultureInfo.InvariantCulture)));
        await bus.IsReadyAsync();

        Assert.Equal(1L << 40, (long?)(await ArgumentsAsync(broker, "orders"))["x-max-length-bytes"]);
        Assert.Equal(2_000_000_000, (int?)(await ArgumentsAsync(broker, "orders"))["x-delivery-limit"]);
        Assert.Equal(
            TimeSpan.FromDays(365), TimeSpan.FromMilliseconds(
                (long)(await ArgumentsAsync(broker, "owned"))["x-expires"]!));
    }

    [Fact]
    public async Task A_message_to_a_queue_that_was_never_consumed_fails_to_be_sent_instead_of_being_lost()
    {
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        await using var sender = await BusHost.StartAsync(broker);
        await sender.IsReadyAsync();
        var send = sender.Services.GetRequiredService<SendToQueue>();
        await Assert.ThrowsAsync<NoSuchQueueException>(() => send.SendAsync("orders", Some()));

        var heard = new TaskCompletionSource<Guid>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var consumer = await BusHost.StartAsync(broker, add: services => services.AddSingleton(
            new BusEndpoint("orders", (_, queue) => queue.Handler<DirectoryChanged>(message =>
            {
                heard.TrySetResult(message.Message.Id);
                return Task.CompletedTask;
            }))));
        await consumer.IsReadyAsync();
        var sent = Some();
        await send.SendAsync("orders", sent);
        Assert.Equal(sent.Id, await heard.Task.WaitAsync(Eventually.Deadline, Ends));
    }

    [Theory]
    [InlineData(
        "application/vnd.masstransit+json", "{\"messageType\":[\"urn:message:No:Such\"],\"message\":{}}", "type")]
    [InlineData("application/vnd.masstransit+json", "{\"messageType\":[", "cannot be read")]
    [InlineData(null, "Subject: not for us", "cannot be read")]
    public async Task A_message_that_cannot_be_read_goes_to_the_dead_letters_with_the_reason(
        string? contentType, string body, string reason)
    {
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        await using var consumer = await BusHost.StartAsync(broker, add: services => services.AddSingleton(
            new BusEndpoint("orders", (_, queue) => queue.Handler<DirectoryChanged>(_ => Task.CompletedTask))));
        await consumer.IsReadyAsync();
        var properties = new BasicProperties { MessageId = "7", UserId = broker.User };
        if (contentType is not null)
        {
            properties.ContentType = contentType;
        }

        await broker.PublishAsync("", "orders", Encoding.UTF8.GetBytes(body), Ends, properties);

        var dead = await broker.TakeAsync("orders.dead", Ends);
        Assert.Equal(body, Encoding.UTF8.GetString(dead.Body));
        Assert.Equal(("7", contentType), (dead.Properties.MessageId, dead.Properties.ContentType));
        Assert.Contains(
            reason,
            Encoding.UTF8.GetString((byte[])dead.Properties.Headers![DeadLetters.ReasonHeader]!),
            StringComparison.Ordinal);
        Assert.Equal(0, await broker.CountReadyAsync("orders", Ends));
        Assert.Equal(["orders", "orders.dead"], await broker.QueuesAsync(Ends));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_queue_of_one_process_drops_what_it_cannot_read_and_hears_again_what_failed(bool isOwned)
    {
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        var attempts = 0;
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var consumer = await BusHost.StartAsync(
            broker,
            add: services => services.AddSingleton(new BusEndpoint("mine", (_, queue) =>
                queue.Handler<DirectoryChanged>(_ =>
                {
                    if (Interlocked.Increment(ref attempts) == 1)
                    {
                        throw new InvalidOperationException("it fails once");
                    }

                    heard.TrySetResult();
                    return Task.CompletedTask;
                }))
            { IsOwned = isOwned, IsTemporary = !isOwned }),
            settings: new Dictionary<string, string?> { ["Tracking:Messaging:ReconnectPause"] = "00:00:00.100" });
        await consumer.IsReadyAsync();

        await broker.PublishAsync("", "mine", "not for us"u8.ToArray(), Ends);
        await consumer.Services.GetRequiredService<SendToQueue>().SendAsync("mine", Some());

        await heard.Task.WaitAsync(Eventually.Deadline, Ends);
        await Eventually.HoldsAsync(
            async () => await broker.CountReadyAsync("mine", Ends) == 0, "nothing is left", Ends);
        Assert.Equal(["mine"], await broker.QueuesAsync(Ends));
    }

    [Fact]
    public async Task Messages_delivered_more_often_than_the_limit_are_kept_as_dead_letters_and_none_is_deleted()
    {
        const int Messages = 100;
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        await using var consumer = await BusHost.StartAsync(
            broker,
            add: services => services.AddSingleton(new BusEndpoint("orders", (_, queue) =>
            {
                queue.PrefetchCount = Messages;
                queue.Handler<DirectoryChanged>(_ => throw new InvalidOperationException("it fails every time"));
            })),
            settings: new Dictionary<string, string?>
            {
                ["Tracking:Messaging:DeliveryLimit"] = "3",
                ["Tracking:Messaging:ReconnectPause"] = "00:00:00.100",
            });
        await consumer.IsReadyAsync();
        var send = consumer.Services.GetRequiredService<SendToQueue>();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Messages), Ends, async (_, _) => await send.SendAsync("orders", Some()));

        await Eventually.HoldsAsync(
            async () => await broker.CountReadyAsync("orders.dead", Ends) == Messages, "all are dead letters", Ends);
        Assert.Equal(0, await broker.CountReadyAsync("orders", Ends));
    }

    [Fact]
    public async Task A_published_message_reaches_every_process_and_their_queues_expire()
    {
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        var heard = new[] { 0, 0 };
        BusEndpoint Listener(int process) => new(
            $"listener-{process}", (_, queue) => queue.Handler<DirectoryChanged>(_ =>
            {
                Interlocked.Increment(ref heard[process]);
                return Task.CompletedTask;
            }))
        { IsTemporary = true };

        await using var one = await BusHost.StartAsync(broker, add: s => s.AddSingleton(Listener(0)));
        await using var other = await BusHost.StartAsync(broker, add: s => s.AddSingleton(Listener(1)));
        await one.IsReadyAsync();
        await other.IsReadyAsync();
        await one.Bus.Publish(Some(), Ends).WaitAsync(Eventually.Deadline, Ends);
        await Eventually.HoldsAsync(
            () => Volatile.Read(ref heard[0]) == 1 && Volatile.Read(ref heard[1]) == 1, "both heard it", Ends);

        // The broker deletes the queue a minute after the process or its connection has ended.
        var queue = await ArgumentsAsync(broker, "listener-1");
        Assert.Equal((60_000, "classic"), ((int?)queue["x-expires"], (string?)queue["x-queue-type"]));
    }

    private static DirectoryChanged Some() => new() { Id = Guid.CreateVersion7(), Cluster = 1 };

    private static async Task<JsonObject> ArgumentsAsync(TestVirtualHost broker, string queue) =>
        (await broker.FindQueueAsync(queue, Ends))!["arguments"]!.AsObject();
}
