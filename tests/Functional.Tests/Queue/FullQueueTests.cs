using System.Text;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using Tracking.Bus;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Rewrite.Queue;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Queue;

/// <summary>Full queues.</summary>
public sealed class FullQueueTests(TestPostgres postgres, TestRabbit rabbit)
{
    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_rewritten_is_full_messages_wait_and_all_come_out_as_it_is_emptied()
    {
        const int Messages = 60;
        await using var host = await QueueHost.StartAsync(
            postgres, rabbit, ("Tracking:Rewrite:Queue:HoldPause", "00:00:00.050"),
            ("Tracking:Rewrite:Queue:MaxAttempts", "1"), ("Tracking:Messaging:MaxQueueBytes", "1048576"));
        for (var i = 0; i < Messages; i++)
        {
            var mail = Mail.Html($"{i}", "https://shop.example/") + new string('.', 30_000);
            await Eventually.HoldsAsync(
                async () =>
                {
                    try
                    {
                        await host.Broker.PublishAsync("", "rewrite", Mail.Bytes(mail), Ends);
                        return true;
                    }
                    catch (RabbitMQ.Client.Exceptions.PublishException)
                    {
                        // This queue may be full for a moment too.
                        return false;
                    }
                },
                "a message is taken",
                Ends);
        }

        await Eventually.HoldsAsync(
            async () => await host.Broker.CountReadyAsync("rewritten", Ends) > 30, "it is full", Ends);
        var subjects = new HashSet<string>();
        while (subjects.Count < Messages)
        {
            var output = Encoding.Latin1.GetString((await host.Broker.TakeAsync("rewritten", Ends)).Body);
            var subject = output[output.IndexOf("Subject", StringComparison.Ordinal)..].Split('\r')[0];
            Assert.True(subjects.Add(subject), $"{subject} came twice");
        }

        Assert.Equal(0, await host.Broker.CountReadyAsync("rewrite.dead", Ends));
    }

    [Fact]
    public async Task Messages_wait_without_limit_while_rewritten_is_full()
    {
        const int Messages = 20;
        await using var host = await QueueHost.StartAsync(
            postgres, rabbit, ("Tracking:Rewrite:Queue:HoldPause", "00:00:00.010"),
            ("Tracking:Rewrite:Queue:LongestHold", "00:00:00.020"), ("Tracking:Rewrite:Queue:MaxAttempts", "1"),
            ("Tracking:Rewrite:Queue:MaxDeliveries", "2"), ("Tracking:Rewrite:Queue:Concurrency", "4"),
            ("Tracking:Rewrite:Queue:Prefetch", "8"), ("Tracking:Messaging:MaxQueueBytes", "1048576"));
        using var returned = new CountedMeasurements(host.Rewrite.Services, "tracking.messages.returned");
        await FillAsync(host, "rewritten");
        for (var i = 0; i < Messages; i++)
        {
            await host.Broker.PublishAsync(
                "", "rewrite", Mail.Bytes(Mail.Html($"waits{i}", "https://shop.example/")), Ends);
        }

        // Each message has been refused many more times than the delivery limit.
        await Eventually.HoldsAsync(
            async () => returned.Count > Messages * 10 || await host.Broker.CountReadyAsync("rewrite.dead", Ends) > 0,
            "messages wait",
            Ends);
        Assert.Equal(0, await host.Broker.CountReadyAsync("rewrite.dead", Ends));
        await EachComesOutOnceAsync(host, "waits", Messages);
    }

    [Fact]
    public async Task While_both_queues_are_full_messages_wait_however_often_the_broker_has_taken_them_back()
    {
        await using var host = await QueueHost.StartAsync(
            postgres, rabbit, ("Tracking:Rewrite:Queue:HoldPause", "00:00:00.010"),
            ("Tracking:Rewrite:Queue:LongestHold", "00:00:00.020"), ("Tracking:Rewrite:Queue:MaxAttempts", "1"),
            ("Tracking:Rewrite:Queue:MaxDeliveries", "2"), ("Tracking:Rewrite:Queue:Concurrency", "4"),
            ("Tracking:Rewrite:Queue:Prefetch", "4"), ("Tracking:Messaging:MaxQueueBytes", "1048576"));
        await FillAsync(host, "rewritten");
        var messages = await FillAsync(host, "rewrite", "waits");

        // The broker does the same when a delivery has lasted too long.
        var consume = host.Rewrite.Services.GetRequiredService<ConsumeMessage>();
        var often = consume.RunAsync(
            new QueuedMessage(
                new BasicProperties { Headers = new Dictionary<string, object?> { ["x-delivery-count"] = 1000L } },
                Mail.Bytes(Mail.Html($"waits{messages}", "https://shop.example/")))
            {
                IsRedelivered = true,
            },
            Ends);

        await EachComesOutOnceAsync(host, "waits", messages + 1);
        await often;
    }

    // Fills the queue completely. A quorum queue accepts one message above its limit.
    private static async Task<int> FillAsync(QueueHost host, string queue, string subject = "fills")
    {
        for (var count = 0; ; count++)
        {
            try
            {
                var mail = Mail.Html($"{subject}{count}", "https://shop.example/") + new string('.', 100_000);
                await host.Broker.PublishAsync("", queue, Mail.Bytes(mail), Ends);
            }
            catch (RabbitMQ.Client.Exceptions.PublishException)
            {
                return count;
            }
        }
    }

    private static async Task EachComesOutOnceAsync(QueueHost host, string subject, int count)
    {
        var subjects = new HashSet<string>();
        while (subjects.Count < count)
        {
            var output = Encoding.Latin1.GetString((await host.Broker.TakeAsync("rewritten", Ends)).Body);
            var found = output[output.IndexOf("Subject: ", StringComparison.Ordinal)..].Split('\r')[0]["Subject: ".Length..];
            Assert.True(
                !found.StartsWith(subject, StringComparison.Ordinal) || subjects.Add(found), $"{found} came twice");
        }

        Assert.Equal(0, await host.Broker.CountReadyAsync("rewrite.dead", Ends));
    }

    [Fact]
    public async Task A_reply_queue_that_stays_full_costs_its_own_messages_only_and_they_are_kept()
    {
        await using var host = await QueueHost.StartAsync(
            postgres, rabbit, ("Tracking:Rewrite:Queue:MaxAttempts", "2"),
            ("Tracking:Rewrite:Queue:Concurrency", "1"), ("Tracking:Rewrite:Queue:Prefetch", "1"));
        await using var connection = await host.Broker.ConnectAsync(Ends);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Ends);
        await channel.QueueDeclareAsync(
            "full", durable: true, exclusive: false, autoDelete: false,
            new Dictionary<string, object?> { ["x-max-length"] = 1, ["x-overflow"] = "reject-publish" },
            cancellationToken: Ends);
        await host.Broker.PublishAsync("", "full", new byte[1], Ends);

        var mail = Mail.Bytes(Mail.Html("full", "https://shop.example/"));
        await host.Broker.PublishAsync("", "rewrite", mail, Ends, new BasicProperties { ReplyTo = "full" });
        var other = await PlainClients.PublishAsync(
            host.Broker, Mail.Bytes(Mail.Html("other", "https://shop.example/")));

        Assert.Equal("1", other.Header("tracking-links"));
        var dead = await host.Broker.TakeAsync("rewrite.dead", Ends);
        Assert.Equal(mail, dead.Body);
        Assert.Equal(
            "failed 2 times: the queue in reply_to is full",
            Encoding.UTF8.GetString((byte[])dead.Properties.Headers![DeadLetters.ReasonHeader]!));
    }
}
