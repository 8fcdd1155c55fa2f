using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Tracking.Servers;

namespace Tracking.System.Tests.Chaos;

/// <summary>SIGKILL during clicks and deliveries of webhooks. Every answered click is delivered at least once, always
/// under the same id.</summary>
public sealed class KillStandaloneWhileItDelivers
{
    private const int Clients = 4;
    private const int DeliveredBeforeKill = 200;

    // A cache of parsed markers, because the received webhooks are examined repeatedly.
    private readonly ConcurrentDictionary<string, string> _markers = new();

    [Fact]
    public async Task Every_click_that_was_answered_reaches_the_receiver_under_one_id()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var standalone = await StandaloneProcess.StartAsync(
            TestContext.Current.CancellationToken,
            settings: new Dictionary<string, string>
            {
                ["Tracking__Webhooks__AllowHttp"] = "true",
                ["Tracking__Webhooks__AllowPrivateAddresses"] = "true",
                ["Tracking__Webhooks__Ports__0"] = "0",
                ["Tracking__Webhooks__Lease"] = "00:00:10",
                ["Tracking__Webhooks__AttemptTimeout"] = "00:00:04",
                ["Tracking__Webhooks__VisitTime"] = "00:00:01",
            });
        var (cluster, links) = await PrepareAsync(standalone, receiver.Url);
        using var recipient = new Recipient();
        var ledger = new Ledger();
        await UntilKnownAsync(recipient, links[0], receiver, ledger);

        await ClickAndKillAsync(standalone, recipient, links, receiver, ledger);
        await standalone.RestartAsync(TestContext.Current.CancellationToken);
        await ClickAsync(recipient, links[0], "after-restart", ledger);

        await Eventually.HoldsAsync(
            () => ledger.Missing(Markers(receiver)) == 0,
            "everything that was answered has reached the receiver",
            TestContext.Current.CancellationToken);
        ledger.AssertBalanced(Markers(receiver), "webhooks", mayRepeat: true);
        Assert.All(
            receiver.All.GroupBy(MarkerOf), marker => Assert.Single(marker.Select(received => received.Id).Distinct()));
        using var api = new ApiClient(standalone.Api, standalone.AdminKey);
        var stored = (await api.EventsAsync(cluster)).Select(tracked => tracked.GetProperty("id").GetString()!);
        Assert.Subset(stored.ToHashSet(), receiver.Ids.ToHashSet());
    }

    private static async Task<(string Cluster, List<string> Links)> PrepareAsync(
        StandaloneProcess standalone, Uri receiver)
    {
        using var api = new ApiClient(standalone.Api, standalone.AdminKey);
        var cluster = await api.CreateClusterAsync("delivered");
        var (status, _) = await api.SendAsync(
            HttpMethod.Post, $"/api/v1/clusters/{cluster}/webhooks",
            new { url = receiver, eventTypes = new[] { "message.clicked" } });
        Assert.Equal(HttpStatusCode.Created, status);
        var (rewritten, _) = await api.RewriteAsync(cluster, await File.ReadAllBytesAsync(Newsletters.Files[0]));
        return (cluster, [.. ReadMail.Urls(rewritten).Where(url => url.Contains("/c/", StringComparison.Ordinal))]);
    }

    // A new endpoint may miss the events of its first seconds. So these clicks are attempts without acknowledgement.
    private static async Task UntilKnownAsync(
        Recipient recipient, string link, WebhookReceiver receiver, Ledger ledger)
    {
        var clicks = 0;
        await Eventually.HoldsAsync(
            async () =>
            {
                var marker = $"warm-up-{clicks++}";
                ledger.Attempt(marker);
                using var response = await recipient.FetchAsync(link, marker);
                return !receiver.All.IsEmpty;
            },
            "the endpoint is known",
            TestContext.Current.CancellationToken);
    }

    private static async Task ClickAndKillAsync(
        StandaloneProcess standalone, Recipient recipient, List<string> links, WebhookReceiver receiver, Ledger ledger)
    {
        using var stop = new CancellationTokenSource();
        var clients = Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
        {
            for (var n = 0; !stop.IsCancellationRequested; n++)
            {
                try
                {
                    await ClickAsync(recipient, links[(client + n) % links.Count], $"click-{client}-{n}", ledger);
                }
                catch (HttpRequestException)
                {
                    return; // The process was killed during this request.
                }
            }
        })).ToArray();
        await Eventually.HoldsAsync(
            () => receiver.All.Count >= DeliveredBeforeKill,
            "webhooks are on their way",
            TestContext.Current.CancellationToken);
        standalone.Kill();
        await stop.CancelAsync();
        await Task.WhenAll(clients);
    }

    private static async Task ClickAsync(Recipient recipient, string link, string marker, Ledger ledger)
    {
        ledger.Attempt(marker);
        using var response = await recipient.FetchAsync(link, marker);
        Assert.Equal(HttpStatusCode.Found, response.StatusCode);
        ledger.Acknowledge(marker);
    }

    private List<string> Markers(WebhookReceiver receiver) => [.. receiver.All.Select(MarkerOf)];

    private string MarkerOf(ReceivedWebhook received) => _markers.GetOrAdd(
        received.Id, _ => (string)JsonNode.Parse(received.Body)!["data"]!["userAgent"]!);
}
