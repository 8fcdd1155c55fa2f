using System.Net;
using Tracking.Servers;

namespace Tracking.System.Tests.Deploy;

/// <summary>An edge is killed during a burst and never comes back. Another edge publishes its spool.</summary>
public sealed class AdoptOrphanedSpool
{
    private const int Clicks = 400;

    [Fact]
    public async Task Every_answer_of_an_edge_that_never_came_back_is_stored_exactly_once()
    {
        using var folder = new TemporaryFolder();
        var adopt = Directory.CreateDirectory(folder.In("adopt")).FullName;
        var settings = new Dictionary<string, string> { ["Tracking__Edge__AdoptFolder"] = adopt };
        await using var standalone = await StandaloneProcess.StartAsync(
            TestContext.Current.CancellationToken, folder.In("data"), settings);
        var ledger = new Ledger();
        string cluster;
        List<string> links;
        using (var api = new ApiClient(standalone.Api, standalone.AdminKey))
        {
            cluster = await api.CreateClusterAsync("orphan");
            var (mail, _) = await api.RewriteAsync(cluster, await File.ReadAllBytesAsync(Newsletters.Files[0]));
            links = [.. ReadMail.Urls(mail).Where(url => url.Contains("track.localhost"))];
        }

        using (var recipient = new Recipient())
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, Clicks), async (n, cancelled) =>
                await ClickAsync(recipient, links[n % links.Count], $"lost-{n}", ledger, cancelled));
        }

        // Some batches are stored and removed from the spool, some stored but not yet removed, and some never sent.
        standalone.Kill();
        var left = Path.Combine(adopt, "lost");
        Directory.Move(Path.Combine(standalone.DataFolder, "edge"), left);
        await standalone.RestartAsync(TestContext.Current.CancellationToken);

        using var next = new Recipient();
        await ClickAsync(next, links[0], "next", ledger, TestContext.Current.CancellationToken);
        await Eventually.HoldsAsync(
            () => File.Exists(Path.Combine(left, "empty")), "the folder is empty", TestContext.Current.CancellationToken);
        using var afterwards = new ApiClient(standalone.Api, standalone.AdminKey);
        var events = await afterwards.WaitForEventsAsync(cluster, events => events.Count >= ledger.Acknowledged);
        ledger.AssertBalanced([.. events.Select(e => e.GetProperty("userAgent").GetString()!)]);
        Assert.NotEqual(
            await File.ReadAllTextAsync(Path.Combine(left, "edge-id"), TestContext.Current.CancellationToken),
            await File.ReadAllTextAsync(
                Path.Combine(standalone.DataFolder, "edge", "edge-id"), TestContext.Current.CancellationToken));
    }

    private static async Task ClickAsync(
        Recipient recipient, string link, string marker, Ledger ledger, CancellationToken cancellationToken)
    {
        ledger.Attempt(marker);
        using var response = await recipient.FetchAsync(link, marker, cancellationToken: cancellationToken);
        Assert.True(response.StatusCode is HttpStatusCode.Found or HttpStatusCode.OK);
        _ = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        ledger.Acknowledge(marker);
    }
}
