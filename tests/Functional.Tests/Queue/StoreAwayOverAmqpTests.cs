using Tracking.Functional.Tests.Rewrite;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Queue;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Queue;

/// <summary>The queue while the database is unavailable.</summary>
public sealed class StoreAwayOverAmqpTests(TestPostgres postgres, TestRabbit rabbit)
{
    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_wait_for_the_store_and_are_tracked_when_it_is_back_without_dead_letters()
    {
        const int Messages = 300;
        await using var host = await QueueHost.StartAsync(
            postgres, rabbit, ("Tracking:Rewrite:Queue:HoldPause", "00:00:00.100"),
            ("Tracking:Rewrite:Queue:MaxAttempts", "1"), ("Tracking:Rewrite:RegistrationTimeout", "00:00:01"));
        host.Database.Cut();
        for (var i = 0; i < Messages; i++)
        {
            await host.Broker.PublishAsync(
                "", "rewrite", Mail.Bytes(Mail.Html($"{i}", $"https://shop.example/{i}")), Ends);
        }

        // The rewriter holds its maximum of messages, and none has left it.
        await Eventually.HoldsAsync(
            async () => await host.Broker.CountReadyAsync("rewrite", Ends)
                == Messages - new RewriteQueueSettings().Prefetch,
            "messages are held",
            Ends);
        Assert.Equal(0, await host.Broker.CountReadyAsync("rewritten", Ends));

        host.Database.Mend();
        await Eventually.HoldsAsync(
            async () => await host.Broker.CountReadyAsync("rewritten", Ends) == Messages, "all come out", Ends);
        Assert.Equal(0, await host.Broker.CountReadyAsync("rewrite.dead", Ends));
        Assert.Equal(Messages, await host.Rewrite.CountAsync("rewrite.messages"));
    }

    [Fact]
    public async Task In_a_long_outage_a_backlog_goes_out_untracked_and_does_not_wait_message_by_message()
    {
        // One after the other, each would wait for the longest hold or for a timeout of the database: minutes in all.
        const int Messages = 100;
        await using var host = await QueueHost.StartAsync(
            postgres, rabbit, ("Tracking:Rewrite:Queue:LongestHold", "00:00:04"),
            ("Tracking:Rewrite:RegistrationTimeout", "00:00:02"), ("Tracking:Rewrite:Queue:Concurrency", "2"),
            ("Tracking:Rewrite:Queue:Prefetch", "2"), ("Tracking:Rewrite:Queue:HoldPause", "00:00:00.100"));
        await using (await host.Rewrite.LockAsync("rewrite.messages"))
        {
            for (var i = 0; i < Messages; i++)
            {
                await host.Broker.PublishAsync(
                    "", "rewrite", Mail.Bytes(Mail.Html($"{i}", $"https://shop.example/{i}")), Ends);
            }

            await Eventually.HoldsAsync(
                async () => await host.Broker.CountReadyAsync("rewritten", Ends) == Messages, "all are out", Ends);
            for (var i = 0; i < Messages; i++)
            {
                var taken = await host.Broker.TakeAsync("rewritten", Ends);
                Assert.Equal(WireWords.Of(Untouched.StoreUnavailable), PlainClients.Text(taken, "tracking-untouched"));
            }
        }

        await Eventually.HoldsAsync(
            async () =>
            {
                var answer = await PlainClients.PublishAsync(
                    host.Broker, Mail.Bytes(Mail.Html("after", "https://shop.example/after")));
                return answer.Header("tracking-links") == "1";
            },
            "messages are tracked again",
            Ends);
    }

    [Fact]
    public async Task A_message_that_the_store_never_takes_while_it_takes_others_goes_out_untracked()
    {
        await using var host = await QueueHost.StartAsync(
            postgres, rabbit, ("Tracking:Rewrite:Queue:LongestHold", "00:00:03"),
            ("Tracking:Rewrite:Queue:HoldPause", "00:00:00.050"));
        await host.Rewrite.ExecuteAsync(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'not yours' USING ERRCODE = '42501'; END $$
            """);
        await host.Rewrite.ExecuteAsync(
            """
            CREATE TRIGGER refuse BEFORE INSERT ON rewrite.messages FOR EACH ROW
            WHEN (NEW.recipient = 'never@example.com') EXECUTE FUNCTION refuse()
            """);
        var mail = Mail.Bytes(Mail.Html("never", "https://shop.example/"));
        var never = PlainClients.PublishAsync(
            host.Broker,
            mail,
            headers: new Dictionary<string, string> { ["tracking-recipient"] = "never@example.com" },
            awaited: "");
        for (var others = 0; !never.IsCompleted; others++)
        {
            await host.Broker.PublishAsync(
                "", "rewrite", Mail.Bytes(Mail.Html($"{others}", "https://shop.example/")), Ends);
            var other = await host.Broker.TakeAsync("rewritten", Ends);
            Assert.Equal(1L, other.Properties.Headers!["tracking-links"]);
        }

        Assert.Equal(WireWords.Of(Untouched.StoreUnavailable), (await never).Header("tracking-untouched"));
        Assert.Equal(mail, (await never).Body);
    }

    [Theory]
    [InlineData("WhenStoreUnavailable", "passThrough")]
    [InlineData("Queue:LongestHold", "00:00:00.500")]
    public async Task A_message_goes_out_untracked_at_once_or_after_the_longest_hold(string key, string value)
    {
        await using var host = await QueueHost.StartAsync(
            postgres, rabbit, ($"Tracking:Rewrite:{key}", value), ("Tracking:Rewrite:RegistrationTimeout", "00:00:01"),
            ("Tracking:Rewrite:Queue:HoldPause", "00:00:00.100"));
        host.Database.Cut();
        var mail = Mail.Html("away", "https://shop.example/");

        var answer = await PlainClients.PublishAsync(
            host.Broker,
            Mail.Bytes(mail.Replace("Subject", "X-Tracking-Tags: a\r\nSubject", StringComparison.Ordinal)));

        Assert.Equal(WireWords.Of(Untouched.StoreUnavailable), answer.Header("tracking-untouched"));
        Assert.Equal(mail, answer.Text);
    }
}
