using Tracking.Otlp;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>A click comes days after its mail: two traces, the second linked to the first through the
/// message.</summary>
public sealed class TwoLinkedTraces
{
    [Fact]
    public async Task Rewriting_and_clicking_are_two_traces_and_the_second_links_to_the_first()
    {
        await using var receiver = await OtlpReceiver.StartAsync(OtlpProtocol.HttpProtobuf);
        await using var standalone = await StandaloneProcess.StartAsync(
            TestContext.Current.CancellationToken, settings: receiver.Variables);
        using var api = new ApiClient(standalone.Api, standalone.AdminKey);
        using var recipient = new Recipient();
        var cluster = await api.CreateClusterAsync("traced");
        var mail = "Subject: x\r\n\r\nSee https://www.example.com/offer today.\r\n"u8.ToArray();

        var (rewritten, _) = await api.RewriteAsync(cluster, mail);
        using (await recipient.FetchAsync(ReadMail.Urls(rewritten).Single(), "reader"))
        {
            // Only the answer matters here. The rest happens after it.
        }

        var deadline = TimeSpan.FromSeconds(30);
        var request = await receiver.WaitForSpanAsync(span => span.Name.EndsWith("/rewrite"), deadline);
        var rewrite = await receiver.WaitForSpanAsync(span => span.Name == "rewrite message", deadline);
        var register = await receiver.WaitForSpanAsync(span => span.Name == "register message", deadline);
        Assert.Equal(request.SpanId, rewrite.ParentSpanId);
        Assert.Equal(rewrite.SpanId, register.ParentSpanId);
        Assert.Equal([request.TraceId, request.TraceId], [rewrite.TraceId, register.TraceId]);

        var store = await receiver.WaitForSpanAsync(span => span.Name == "store event", deadline);
        var click = await receiver.WaitForSpanAsync(span => span.SpanId == store.ParentSpanId, deadline);
        Assert.Equal(click.TraceId, store.TraceId);
        Assert.NotEqual(request.TraceId, click.TraceId);
        var link = Assert.Single(store.Links);
        Assert.Equal((rewrite.TraceId, rewrite.SpanId), (link.TraceId, link.SpanId));
    }
}
