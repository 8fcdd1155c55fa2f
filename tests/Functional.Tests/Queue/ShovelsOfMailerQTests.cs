using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using RabbitMQ.Client;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Queue;

/// <summary>The two shovels of <c>deploy/mta/mailerq.md</c>, with only the address and the virtual hosts changed, and
/// with the account of <c>docs/amqp.md</c>.</summary>
public sealed partial class ShovelsOfMailerQTests(TestPostgres postgres)
{
    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Mail_goes_from_inbox_to_outbox_and_is_rewritten_on_its_way()
    {
        await using var rabbit = new TestRabbit { Plugins = ["rabbitmq_shovel"] };
        await using var host = await QueueHost.StartAsync(postgres, rabbit);
        var (configure, write, read) = MtaAccountTests.Accounts().Select(account => account.Data).First();
        var mta = await host.Broker.AsNewAccountAsync(configure, write, read, Ends);
        var mailerQ = await rabbit.CreateVirtualHostAsync(Ends);
        await using (var connection = await mailerQ.ConnectAsync(Ends))
        await using (var channel = await connection.CreateChannelAsync(cancellationToken: Ends))
        {
            foreach (var queue in (string[])["inbox", "outbox"])
            {
                await channel.QueueDeclareAsync(
                    queue, durable: true, exclusive: false, autoDelete: false, cancellationToken: Ends);
            }
        }

        var page = await File.ReadAllTextAsync(
            Path.Combine(BuiltPrograms.Repository, "deploy", "mta", "mailerq.md"), Ends);
        var shovels = Shovels().Matches(page);
        Assert.Equal(["to-tracking", "from-tracking"], shovels.Select(shovel => shovel.Groups[1].Value));
        foreach (Match shovel in shovels)
        {
            var definition = shovel.Groups[2].Value
                .Replace("amqp://mta:PASSWORD@localhost/tracking", mta.AmqpUri.AbsoluteUri, StringComparison.Ordinal)
                .Replace(
                    "amqp:///mailerq",
                    $"amqp:///{Uri.EscapeDataString(mailerQ.Name)}",
                    StringComparison.Ordinal);
            await mailerQ.AddShovelAsync(shovel.Groups[1].Value, JsonNode.Parse(definition)!, Ends);
        }

        var message = new JsonObject
        {
            ["recipient"] = "anna@example.net",
            ["mime"] = Mail.Html("by shovel", "https://shop.example/"),
        };
        await mailerQ.PublishAsync(
            "",
            "inbox",
            Encoding.UTF8.GetBytes(message.ToJsonString()),
            Ends,
            new BasicProperties { ContentType = "application/json" });

        var rewritten = await mailerQ.TakeAsync("outbox", Ends);
        Assert.Contains("track.localhost/c/", Encoding.UTF8.GetString(rewritten.Body), StringComparison.Ordinal);
        Assert.Equal("application/json", rewritten.Properties.ContentType);
    }

    [GeneratedRegex(@"set_parameter -p mailerq shovel (\S+) \\\n\s+'(.*)'\n")]
    private static partial Regex Shovels();
}
