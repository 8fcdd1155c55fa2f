using Tracking.Functional.Tests.Rewrite;
using Tracking.Rewrite.Queue;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Queue;

/// <summary>The queue while the database is away.</summary>
public sealed class StoreAwayOverAmqpTests(TestPostgres postgres, TestRabbit rabbit)
{
    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_wait_for_the_store_and_are_tracked_when_it_is_back_without_dead_letters()
    {
        const int Messages = 40;
        await using var host = await QueueHost.StartAsync(
            postgres, rabbit, ("Tracking:Rewrite:Queue:StorePause", "00:00:00.100"),
            ("Tracking:Rewrite:Queue:MaxAttempts", "1"), ("Tracking:Rewrite:RegistrationTimeout", "00:00:01"));
        host.Database.Cut();
        for (var i = 0; i < Messages; i++)
        {
            await host.Broker.PublishAsync(
                "", "rewrite", Mail.Bytes(Mail.Html($"{i}", $"https://shop.example/{i}")), Ends);
        }

        // All that may be held are held, and none of them has gone anywhere.
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

    [Theory]
    [InlineData("WhenStoreUnavailable", "passThrough")]
    [InlineData("Queue:LongestHold", "00:00:00.500")]
    public async Task A_message_goes_out_untracked_at_once_or_after_the_longest_hold(string key, string value)
    {
        await using var host = await QueueHost.StartAsync(
            postgres, rabbit, ($"Tracking:Rewrite:{key}", value), ("Tracking:Rewrite:RegistrationTimeout", "00:00:01"),
            ("Tracking:Rewrite:Queue:StorePause", "00:00:00.100"));
        host.Database.Cut();
        var mail = Mail.Html("away", "https://shop.example/");

        var answer = await PlainClients.PublishAsync(
            host.Broker,
            Mail.Bytes(mail.Replace("Subject", "X-Tracking-Tags: a\r\nSubject", StringComparison.Ordinal)));

        Assert.Equal(QueueUntouched.StoreUnavailable, answer.Header("tracking-untouched"));
        Assert.Equal(mail, answer.Text);
    }
}
