using System.Globalization;
using System.Text;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using Tracking.Bus;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Queue;

/// <summary>Messages that kill the process, and messages that were fetched together with them.</summary>
public sealed class FatalMessageTests(TestPostgres postgres, TestRabbit rabbit)
{
    private const int MaxDeliveries = 3;

    private static readonly (string Key, string Value)[] _settings =
        [("Tracking:Rewrite:Queue:MaxDeliveries", $"{MaxDeliveries}")];

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_that_only_waited_in_ended_processes_are_rewritten_after_any_number_of_ends()
    {
        const int Messages = 10;
        await using var host = await QueueHost.StartAsync(postgres, rabbit, _settings);
        await StopAsync(host);
        await PublishAsync(host, "rewrite", Messages);
        for (var end = 0; end <= MaxDeliveries; end++)
        {
            await EndOverAsync(host, "rewrite", (ushort)Messages);
        }

        await using var next = await RestartAsync(host);
        await ComeOutAsync(host, [.. Enumerable.Range(0, Messages)]);
        Assert.Equal(0, await host.Broker.CountReadyAsync("rewrite.dead", Ends));
    }

    [Fact]
    public async Task A_message_that_ends_processes_is_set_aside_and_its_neighbours_are_not()
    {
        await using var host = await QueueHost.StartAsync(postgres, rabbit, _settings);
        await StopAsync(host);
        await PublishAsync(host, "rewrite.alone", 3);
        for (var end = 1; end < MaxDeliveries; end++)
        {
            await EndOverAsync(host, "rewrite.alone", 1);
        }

        await using var next = await RestartAsync(host);
        await ComeOutAsync(host, [1, 2]);
        var dead = await host.Broker.TakeAsync("rewrite.dead", Ends);
        Assert.Contains("Subject: 0\r\n", Mail.Text(dead.Body), StringComparison.Ordinal);
        Assert.Equal(
            $"delivered {MaxDeliveries + 1} times without an end",
            Encoding.UTF8.GetString((byte[])dead.Properties.Headers![DeadLetters.ReasonHeader]!));
    }

    [Fact]
    public async Task A_process_that_stops_while_it_holds_a_message_is_not_counted_against_it()
    {
        await using var host = await QueueHost.StartAsync(postgres, rabbit, _settings);
        await StopAsync(host);
        await PublishAsync(host, "rewrite.alone", 1);
        await using (await host.Rewrite.LockAsync("links.destinations", "EXCLUSIVE"))
        {
            for (var stop = 0; stop <= MaxDeliveries; stop++)
            {
                await using var holding = await RestartAsync(host);
                await Eventually.HoldsAsync(
                    async () => await host.Broker.CountReadyAsync("rewrite.alone", Ends) == 0, "it is held", Ends);
                await holding.StopAsync();
                await Eventually.HoldsAsync(
                    async () => await host.Broker.CountReadyAsync("rewrite.alone", Ends) == 1, "it is put back", Ends);
            }
        }

        await using var next = await RestartAsync(host);
        await ComeOutAsync(host, [0]);
    }

    private static Task<RewriteHost> RestartAsync(QueueHost host) => RewriteHost.StartAsync(
        host.Database.ConnectionString,
        [
            ("ConnectionStrings:rabbitmq", host.Broker.AmqpUri.OriginalString),
            ("Tracking:Messaging:ReconnectPause", "00:00:00.100"),
            ("Tracking:Rewrite:RegistrationTimeout", "00:00:01"),
            ("Tracking:Rewrite:Queue:HoldPause", "00:00:00.100"),
            .. _settings,
        ]);

    // A rewriter that is stopped while MassTransit still opens an endpoint leaves a consumer for the rest of the
    // process.
    private static async Task StopAsync(QueueHost host)
    {
        foreach (var queue in (string[])["rewrite", "rewrite.alone"])
        {
            await Eventually.HoldsAsync(
                async () => await host.Broker.CountConsumersAsync(queue, Ends) > 0, $"{queue} is consumed", Ends);
        }

        await host.Rewrite.StopAsync();
    }

    private static async Task PublishAsync(QueueHost host, string queue, int count)
    {
        // The rewriter was stopped, but the broker may not have noticed yet.
        await Eventually.HoldsAsync(
            async () => await host.Broker.CountConsumersAsync(queue, Ends) == 0, "nobody consumes", Ends);
        for (var i = 0; i < count; i++)
        {
            await host.Broker.PublishAsync("", queue, Mail.Bytes(Mail.Html($"{i}", "https://shop.example/")), Ends);
        }
    }

    // Acts like a process that is killed after it has fetched messages.
    private static async Task EndOverAsync(QueueHost host, string queue, ushort fetched)
    {
        await Eventually.HoldsAsync(
            async () => await host.Broker.CountReadyAsync(queue, Ends) >= fetched, "all are back", Ends);
        await using var connection = await host.Broker.ConnectAsync(Ends);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Ends);
        await channel.BasicQosAsync(0, fetched, global: false, Ends);
        var consumer = new AsyncEventingBasicConsumer(channel);
        var all = new TaskCompletionSource();
        var count = 0;
        consumer.ReceivedAsync += (_, _) =>
        {
            if (Interlocked.Increment(ref count) == fetched)
            {
                all.SetResult();
            }

            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(queue, autoAck: false, consumer, Ends);
        await all.Task.WaitAsync(Ends);
        await connection.AbortAsync();
    }

    private static async Task ComeOutAsync(QueueHost host, HashSet<int> subjects)
    {
        while (subjects.Count > 0)
        {
            var output = Mail.Text((await host.Broker.TakeAsync("rewritten", Ends)).Body);
            Assert.Contains("https://track.localhost/c/", output, StringComparison.Ordinal);
            var subject = output[output.IndexOf("Subject: ", StringComparison.Ordinal)..].Split('\r')[0]["Subject: ".Length..];
            Assert.True(subjects.Remove(int.Parse(subject, CultureInfo.InvariantCulture)), $"{subject} came out");
        }
    }
}
