using System.Net;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>The main job, from outside: the shipped newsletters are rewritten, every link followed, the pixel fetched.
/// </summary>
public sealed class FollowNewsletters
{
    /// <summary>The shipped newsletters.</summary>
    public static TheoryData<string> Shipped => [.. Newsletters.Files.Select(path => Path.GetFileName(path)).Order()];

    [Theory]
    [MemberData(nameof(Shipped))]
    public async Task Every_link_of_a_newsletter_leads_where_it_led_and_is_recorded_once(string newsletter)
    {
        await using var standalone = await StandaloneProcess.StartAsync(TestContext.Current.CancellationToken);
        using var api = new ApiClient(standalone.Api, standalone.AdminKey);
        using var recipient = new Recipient();
        var cluster = await api.CreateClusterAsync("newsletters");
        var original = await File.ReadAllBytesAsync(Newsletters.PathOf(newsletter));

        var (rewritten, headers) = await api.RewriteAsync(
            cluster, original, ("tracking-recipient", "reader@example.org"), ("tracking-message-id", newsletter));

        var before = ReadMail.Urls(original);
        var after = ReadMail.Urls(rewritten);
        var pixels = after.Where(url => url.Contains("/o/")).ToList();
        var pairs = before.Zip(after.Where(url => !url.Contains("/o/")))
            .Where(pair => pair.First != pair.Second).ToList();
        Assert.Equal(before.Count, after.Count - pixels.Count);
        Assert.Equal(int.Parse(headers.GetValues("Tracking-Links").Single()), pairs.Count);
        Assert.NotEmpty(pairs);

        var ledger = new Ledger();
        foreach (var (index, (destination, tracked)) in pairs.Index())
        {
            var marker = $"reader-{index}";
            ledger.Attempt(marker);
            using var response = await recipient.FetchAsync(tracked, marker);
            Assert.Equal(HttpStatusCode.Found, response.StatusCode);
            Assert.Equal(ReadMail.AsBrowser(destination), response.Headers.GetValues("Location").Single());
            Assert.True(response.Headers.CacheControl!.NoStore);
            ledger.Acknowledge(marker);
        }

        foreach (var (index, pixel) in pixels.Index())
        {
            var marker = $"opener-{index}";
            ledger.Attempt(marker);
            using var response = await recipient.FetchAsync(pixel, marker);
            Assert.Equal("image/gif", response.Content.Headers.ContentType!.MediaType);
            Assert.StartsWith("GIF89a", global::System.Text.Encoding.ASCII.GetString(
                await response.Content.ReadAsByteArrayAsync()));
            ledger.Acknowledge(marker);
        }

        using (await recipient.FetchAsync(pairs[0].Second, "head", HttpMethod.Head))
        {
            // HEAD counts nothing: its marker is not in the ledger and must not be stored.
        }

        var events = await api.WaitForEventsAsync(cluster, events => events.Count >= ledger.Attempted);
        ledger.AssertBalanced([.. events.Select(e => e.GetProperty("userAgent").GetString()!)]);
        Assert.All(events, e => Assert.Equal(newsletter, e.GetProperty("messageId").GetString()));

        var stats = await api.GetAsync($"/api/v1/clusters/{cluster}/stats?groupBy=day&human=all");
        var rows = stats.GetProperty("rows").EnumerateArray().ToList();
        Assert.Equal(pairs.Count, rows.Sum(row => row.GetProperty("clicks").GetInt64()));
        Assert.Equal(pixels.Count, rows.Sum(row => row.GetProperty("opens").GetInt64()));
    }

    [Fact]
    public async Task The_edge_greets_and_refuses_what_it_does_not_know()
    {
        await using var standalone = await StandaloneProcess.StartAsync(TestContext.Current.CancellationToken);
        using var api = new ApiClient(standalone.Api, standalone.AdminKey);
        using var recipient = new Recipient();
        var cluster = await api.CreateClusterAsync("edge");
        var mail = "Subject: x\r\n\r\nSee https://www.example.com/offer today.\r\n"u8.ToArray();
        var (rewritten, _) = await api.RewriteAsync(cluster, mail);
        var link = ReadMail.Urls(rewritten).Single();
        var edge = standalone.Edge.ToString().TrimEnd('/');

        using var greeting = await recipient.FetchAsync(edge + "/", "curious");
        Assert.Equal("Hello.", (await greeting.Content.ReadAsStringAsync()).Trim());

        using var good = await recipient.FetchAsync(link, "reader");
        Assert.Equal(HttpStatusCode.Found, good.StatusCode);

        var tampered = link[..^1] + (link[^1] == 'A' ? 'B' : 'A');
        using var damaged = await recipient.FetchAsync(tampered, "tamperer");
        Assert.Equal(HttpStatusCode.NotFound, damaged.StatusCode);

        using var elsewhere = await recipient.FetchAsync(link.Replace("track.localhost", "other.localhost"), "lost");
        Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);

        var events = await api.WaitForEventsAsync(cluster, events => events.Count >= 1);
        Assert.Equal("reader", Assert.Single(events).GetProperty("userAgent").GetString());
    }
}
