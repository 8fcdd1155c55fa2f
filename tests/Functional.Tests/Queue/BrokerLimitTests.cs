using Tracking.Functional.Tests.Rewrite;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Queue;

/// <summary>A broker that takes small messages only.</summary>
public sealed class BrokerLimitTests(TestPostgres postgres)
{
    [Fact]
    public async Task A_message_whose_output_is_too_large_for_the_broker_goes_out_as_it_came()
    {
        await using var rabbit = new TestRabbit { Settings = ["max_message_size = 20000"] };
        await using var host = await QueueHost.StartAsync(postgres, rabbit);
        var mail = Mail.Html("many", [.. Enumerable.Range(0, 300).Select(i => $"http://s.example/{i}")]);
        Assert.InRange(mail.Length, 10_000, 20_000);

        // The output is the original message without control headers, which recipients must not get.
        foreach (var control in (string[])["", "X-Tracking-Tags: many\r\n"])
        {
            var large = await PlainClients.PublishAsync(host.Broker, Mail.Bytes(control + mail));
            Assert.Equal(WireWords.Of(Untouched.OutputTooLarge), large.Header("tracking-untouched"));
            Assert.Equal(mail, large.Text);
            Assert.Equal(("0", "no"), (large.Header("tracking-links"), large.Header("tracking-opens")));
        }

        var small = await PlainClients.PublishAsync(
            host.Broker, Mail.Bytes(Mail.Html("one", "https://shop.example/")));
        Assert.Equal("1", small.Header("tracking-links"));
    }
}
