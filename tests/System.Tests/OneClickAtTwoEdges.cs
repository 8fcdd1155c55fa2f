using System.Net;
using System.Text;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>The same request reaches both edges, as after a death of the gateway or a fault of the network.</summary>
[Collection(typeof(InTheWholeDeployment))]
public sealed class OneClickAtTwoEdges(WholeDeployment system)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_that_two_edges_have_answered_is_one_event_and_counts_once()
    {
        using var api = new ApiClient(system.Deployment.Api, system.Deployment.AdminKey);
        var cluster = await api.CreateClusterAsync("twice");
        var (rewritten, _) = await api.RewriteAsync(
            cluster, Encoding.ASCII.GetBytes("Subject: x\r\n\r\nhttps://www.example.com/twice\r\n"));
        var link = new Uri(ReadMail.Urls(rewritten).Single());
        using var recipient = new Recipient();
        await recipient.UntilServedAsync(link.AbsoluteUri, system.Deployment.Edges);

        var id = Guid.CreateVersion7();
        foreach (var (marker, given) in new[] { ("first", id), ("second", id), ("last", Guid.CreateVersion7()) })
        {
            var edge = system.Deployment.Edges[marker == "second" ? 1 : 0];
            Assert.Equal(HttpStatusCode.Found, await ClickAsync(edge, link, marker, given));
        }

        // The edge of the first click also got the last one. So the first is stored before the last.
        var events = await api.WaitForEventsAsync(
            cluster, all => all.Any(e => e.GetProperty("userAgent").GetString() == "last"));
        await Eventually.HoldsAsync(system.Deployment.AreSpoolsEmpty, "everything is stored", Cancelled);
        events = await api.WaitForEventsAsync(cluster, all => all.Count >= 2);
        Assert.Equal(2, events.Count);
        Assert.Equal(
            id, Assert.Single(events, e => e.GetProperty("userAgent").GetString() != "last").GetProperty("id").GetGuid());
    }

    private static async Task<HttpStatusCode> ClickAsync(ServiceProcess edge, Uri link, string marker, Guid id)
    {
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(edge.Address, link.PathAndQuery))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Headers = { Host = link.Authority },
        };
        request.Headers.TryAddWithoutValidation("User-Agent", marker);
        request.Headers.TryAddWithoutValidation("Tracking-Event-Id", id.ToString());
        using var answer = await client.SendAsync(request, Cancelled);
        return answer.StatusCode;
    }
}
