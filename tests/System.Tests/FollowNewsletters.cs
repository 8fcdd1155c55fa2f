using System.Net;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>The main function, tested from outside: the shipped newsletters are rewritten, every link is followed, and
/// the pixel is fetched.
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
        var cluster = await api.CreateClusterAsync("newsletters");
        var original = await File.ReadAllBytesAsync(Newsletters.PathOf(newsletter));

        var (rewritten, headers) = await api.RewriteAsync(
            cluster, original, ("tracking-recipient", "reader@example.org"), ("tracking-message-id", newsletter));

        var followed = await FollowMail.AsRecipientAsync(original, rewritten);
        Assert.Equal(int.Parse(headers.GetValues("Tracking-Links").Single()), followed.Clicks);
        await followed.AssertRecordedOnceAsync(api, cluster, newsletter);
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
