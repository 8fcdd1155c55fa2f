using System.Net;
using System.Text;
using RabbitMQ.Client;
using Tracking.Otlp;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>Standalone with a broker: the process takes messages from the queue, and its events go over the same
/// broker.</summary>
public sealed class StandaloneOverAmqp
{
    private const string PublisherTrace = "0af7651916cd43dd8448eb211c80319c";
    private const string PublisherSpan = "b7ad6b7169203331";

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_of_the_queue_goes_on_with_its_publisher_s_trace_and_its_click_is_stored()
    {
        await using var rabbit = new TestRabbit();
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        await using var collector = await OtlpReceiver.StartAsync(cancellationToken: Ends);
        await using var standalone = await StandaloneProcess.StartAsync(
            Ends,
            settings: new Dictionary<string, string>(collector.Variables)
            {
                ["ConnectionStrings__rabbitmq"] = broker.AmqpUri.AbsoluteUri,
            });
        using var api = new ApiClient(standalone.Api, standalone.AdminKey);
        using var recipient = new Recipient();
        var cluster = await api.CreateClusterAsync("queue");
        await Eventually.HoldsAsync(
            async () => (await broker.QueuesAsync(Ends)).Contains("rewritten"), "the queues are there", Ends);

        var mail = "Subject: x\r\n\r\nSee https://www.example.com/offer today.\r\n"u8.ToArray();
        await broker.PublishAsync("", "rewrite", mail, Ends, new BasicProperties
        {
            MessageId = "queued-1",
            Headers = new Dictionary<string, object?>
            {
                ["tracking-cluster"] = cluster,
                ["traceparent"] = $"00-{PublisherTrace}-{PublisherSpan}-01",
            },
        });
        var output = await broker.TakeAsync("rewritten", Ends);

        var process = await collector.WaitForSpanAsync(span => span.Name == "process rewrite", Eventually.Deadline);
        var rewrite = await collector.WaitForSpanAsync(span => span.Name == "rewrite message", Eventually.Deadline);
        var register = await collector.WaitForSpanAsync(span => span.Name == "register message", Eventually.Deadline);
        Assert.Equal((PublisherTrace, PublisherSpan), (process.TraceId, process.ParentSpanId));
        Assert.Equal(
            [(PublisherTrace, process.SpanId), (PublisherTrace, rewrite.SpanId)],
            [(rewrite.TraceId, rewrite.ParentSpanId), (register.TraceId, register.ParentSpanId)]);
        Assert.Equal($"00-{PublisherTrace}-{process.SpanId}-01", Header(output, "traceparent"));
        Assert.Equal("queued-1", Header(output, "tracking-message-id"));

        using (var click = await recipient.FetchAsync(ReadMail.Urls(output.Body).Single(), "reader"))
        {
            Assert.Equal(HttpStatusCode.Found, click.StatusCode);
        }

        var stored = await api.WaitForEventsAsync(cluster, events => events.Count == 1);
        Assert.Equal("queued-1", stored[0].GetProperty("messageId").GetString());
        var store = await collector.WaitForSpanAsync(span => span.Name == "store event", Eventually.Deadline);
        Assert.Equal((PublisherTrace, rewrite.SpanId), (store.Links.Single().TraceId, store.Links.Single().SpanId));
    }

    private static string Header(TakenMessage message, string name) =>
        Encoding.UTF8.GetString((byte[])message.Properties.Headers![name]!);
}
