using System.Diagnostics;
using System.Text;
using RabbitMQ.Client;
using Tracking.Links;
using Tracking.Otlp;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>The two traces across all processes: publish, rewrite and output; click, gateway, edge, spool and
/// ingest.</summary>
[Collection(typeof(InTheWholeDeployment))]
public sealed class TwoLinkedTracesInTheDeployment(WholeDeployment system)
{
    private const int Server = 2;
    private const int Client = 3;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_publishers_trace_goes_through_the_rewriter_and_a_clicks_trace_links_to_it()
    {
        using var api = new ApiClient(system.Deployment.Api, system.Deployment.AdminKey);
        var cluster = await api.CreateClusterAsync("traced");
        var publisher = (Trace: ActivityTraceId.CreateRandom().ToHexString(), Span: ActivitySpanId.CreateRandom());
        var properties = new BasicProperties
        {
            Headers = new Dictionary<string, object?>
            {
                ["tracking-cluster"] = cluster,
                ["traceparent"] = $"00-{publisher.Trace}-{publisher.Span.ToHexString()}-01",
            },
        };
        await system.Deployment.Bus.PublishAsync(
            "",
            "rewrite",
            "Subject: x\r\n\r\nSee https://www.example.com/offer today.\r\n"u8.ToArray(),
            Cancelled,
            properties);
        var output = await system.Deployment.Bus.TakeAsync("rewritten", Cancelled);

        var process = await SpanAsync(span => span.ParentSpanId == publisher.Span.ToHexString());
        var rewrite = await SpanAsync(span => span.ParentSpanId == process.SpanId && span.Name == "rewrite message");
        var register = await SpanAsync(span => span.ParentSpanId == rewrite.SpanId && span.Name == "register message");
        Assert.Equal(
            [publisher.Trace, publisher.Trace, publisher.Trace], [process.TraceId, rewrite.TraceId, register.TraceId]);
        Assert.Equal(["rewrite", "rewrite", "rewrite"], [Sender(process), Sender(rewrite), Sender(register)]);
        Assert.StartsWith(
            $"00-{publisher.Trace}-", Encoding.ASCII.GetString((byte[])output.Properties.Headers!["traceparent"]!));

        var tracked = ReadMail.Urls(output.Body).Single();
        using var recipient = new Recipient();
        await recipient.UntilServedAsync(tracked, system.Deployment.Edges);
        using (await recipient.FetchAsync(tracked, "reader"))
        {
            // Only the answer matters here. The rest happens after it.
        }

        var store = await SpanAsync(span => span.Links.Any(link => link.TraceId == publisher.Trace));
        var click = await SpanAsync(span => span.SpanId == store.ParentSpanId);
        var link = Assert.Single(store.Links);
        Assert.Equal((rewrite.TraceId, rewrite.SpanId), (link.TraceId, link.SpanId));
        Assert.NotEqual(publisher.Trace, click.TraceId);
        Assert.Equal(("store event", "ingest"), (store.Name, Sender(store)));
        Assert.Equal(Server, click.Kind);
        Assert.StartsWith("edge-", Sender(click), StringComparison.Ordinal);

        var asked = await SpanAsync(span => span.TraceId == click.TraceId && Sender(span) == "gateway"
            && span.Kind == Server);
        Assert.Equal([click.TraceId, click.TraceId], [store.TraceId, asked.TraceId]);
        Assert.Empty(asked.ParentSpanId);

        // The gateway's request to the edge has the link's address without the token.
        var proxied = await SpanAsync(span => span.ParentSpanId == asked.SpanId && span.Kind == Client);
        Assert.EndsWith("{token}", proxied.Attributes["url.full"], StringComparison.Ordinal);
        var token = new Uri(tracked).AbsolutePath[^LinkToken.Length..];
        Assert.DoesNotContain(
            system.Telemetry.Spans.SelectMany(span => span.Attributes.Values.Append(span.Name))
                .Concat(system.Telemetry.Logs.SelectMany(log => log.Attributes.Values.Append(log.Body))),
            value => value.Contains(token, StringComparison.Ordinal));
    }

    private Task<ReceivedSpan> SpanAsync(Func<ReceivedSpan, bool> fits) =>
        system.Telemetry.WaitForSpanAsync(fits, Eventually.Deadline);

    private static string Sender(ReceivedSpan span) => span.Resource["service.name"];
}
