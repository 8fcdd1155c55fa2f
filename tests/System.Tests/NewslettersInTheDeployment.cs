using System.Text;
using RabbitMQ.Client;

namespace Tracking.System.Tests;

/// <summary>
/// The main function in separate processes: a plain AMQP client publishes the shipped newsletters, and recipients
/// follow them through the gateway. Any copy of a service may do each step.
/// </summary>
[Collection(typeof(InTheWholeDeployment))]
public sealed class NewslettersInTheDeployment(WholeDeployment system)
{
    /// <summary>The shipped newsletters.</summary>
    public static TheoryData<string> Shipped => FollowNewsletters.Shipped;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Shipped))]
    public async Task A_newsletter_comes_out_on_rewritten_and_every_link_leads_where_it_led_and_is_recorded_once(
        string newsletter)
    {
        using var api = new ApiClient(system.Deployment.Api, system.Deployment.AdminKey);
        var cluster = await api.CreateClusterAsync(newsletter);
        var original = await File.ReadAllBytesAsync(Newsletters.PathOf(newsletter), Cancelled);

        await PublishAsync(original, cluster, newsletter);
        var rewritten = await system.Deployment.Bus.TakeAsync("rewritten", Cancelled);

        Assert.Equal(newsletter, Header(rewritten.Properties, "tracking-message-id"));
        Assert.Equal("kept", Header(rewritten.Properties, "x-campaign"));
        var followed = await FollowAsync(original, rewritten.Body);
        Assert.Equal(followed.Clicks, (long)rewritten.Properties.Headers!["tracking-links"]!);
        await followed.AssertRecordedOnceAsync(api, cluster, newsletter);
    }

    [Fact]
    public async Task A_newsletter_with_reply_to_comes_back_there_and_nowhere_else()
    {
        using var api = new ApiClient(system.Deployment.Api, system.Deployment.AdminKey);
        var cluster = await api.CreateClusterAsync("with an answer");
        var original = await File.ReadAllBytesAsync(Newsletters.Files[0], Cancelled);
        await using var client = await system.Deployment.Bus.ConnectAsync(Cancelled);
        await using var channel = await client.CreateChannelAsync(cancellationToken: Cancelled);
        var queue = await channel.QueueDeclareAsync(
            "answers", durable: true, exclusive: false, autoDelete: false, cancellationToken: Cancelled);

        await PublishAsync(original, cluster, "answered", properties =>
        {
            properties.ReplyTo = queue.QueueName;
            properties.CorrelationId = "question-7";
        });
        var answer = await system.Deployment.Bus.TakeAsync(queue.QueueName, Cancelled);

        Assert.Equal("question-7", answer.Properties.CorrelationId);
        Assert.Equal(0, await system.Deployment.Bus.CountReadyAsync("rewritten", Cancelled));
        var followed = await FollowAsync(original, answer.Body);
        await followed.AssertRecordedOnceAsync(api, cluster, "answered");
    }

    private async Task<FollowMail> FollowAsync(byte[] original, byte[] rewritten)
    {
        using var recipient = new Recipient();
        await recipient.UntilServedAsync(
            ReadMail.Urls(rewritten).First(url => url.Contains("//track.localhost")), system.Deployment.Edges);
        return await FollowMail.AsRecipientAsync(original, rewritten);
    }

    private async Task PublishAsync(
        byte[] mail, string cluster, string id, Action<BasicProperties>? change = null)
    {
        var properties = new BasicProperties
        {
            Persistent = true,
            ContentType = "message/rfc822",
            Headers = new Dictionary<string, object?>
            {
                ["tracking-cluster"] = cluster,
                ["tracking-message-id"] = id,
                ["tracking-recipient"] = "reader@example.org",
                ["x-campaign"] = "kept",
            },
        };
        change?.Invoke(properties);
        await system.Deployment.Bus.PublishAsync("", "rewrite", mail, Cancelled, properties);
    }

    private static string? Header(IReadOnlyBasicProperties properties, string name) =>
        properties.Headers!.TryGetValue(name, out var value) && value is byte[] bytes
            ? Encoding.UTF8.GetString(bytes)
            : null;
}
