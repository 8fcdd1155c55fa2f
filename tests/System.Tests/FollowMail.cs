using System.Net;
using System.Text;

namespace Tracking.System.Tests;

/// <summary>A recipient who follows every link of a rewritten message and fetches its pixel. Every link leads to its
/// original destination. Each fetch has its own marker in the ledger.</summary>
internal sealed class FollowMail
{
    private FollowMail(int clicks, int opens) => (Clicks, Opens) = (clicks, opens);

    /// <summary>Every fetch that must be recorded.</summary>
    public Ledger Ledger { get; } = new();

    /// <summary>The number of rewritten links, each clicked once.</summary>
    public int Clicks { get; }

    /// <summary>The number of pixels, each fetched once.</summary>
    public int Opens { get; }

    /// <summary>Follows a message.</summary>
    public static async Task<FollowMail> AsRecipientAsync(byte[] original, byte[] rewritten)
    {
        using var recipient = new Recipient();
        var before = ReadMail.Urls(original);
        var after = ReadMail.Urls(rewritten);
        var pixels = after.Where(url => url.Contains("/o/")).ToList();
        var pairs = before.Zip(after.Where(url => !url.Contains("/o/")))
            .Where(pair => pair.First != pair.Second).ToList();
        Assert.Equal(before.Count, after.Count - pixels.Count);
        Assert.NotEmpty(pairs);

        var followed = new FollowMail(pairs.Count, pixels.Count);
        foreach (var (index, (destination, tracked)) in pairs.Index())
        {
            var marker = $"reader-{index}";
            followed.Ledger.Attempt(marker);
            using var response = await recipient.FetchAsync(tracked, marker);
            Assert.Equal(HttpStatusCode.Found, response.StatusCode);
            Assert.Equal(ReadMail.AsBrowser(destination), response.Headers.GetValues("Location").Single());
            Assert.True(response.Headers.CacheControl!.NoStore);
            followed.Ledger.Acknowledge(marker);
        }

        foreach (var (index, pixel) in pixels.Index())
        {
            var marker = $"opener-{index}";
            followed.Ledger.Attempt(marker);
            using var response = await recipient.FetchAsync(pixel, marker);
            Assert.Equal("image/gif", response.Content.Headers.ContentType!.MediaType);
            Assert.StartsWith("GIF89a", Encoding.ASCII.GetString(await response.Content.ReadAsByteArrayAsync()));
            followed.Ledger.Acknowledge(marker);
        }

        using (await recipient.FetchAsync(pairs[0].Second, "head", HttpMethod.Head))
        {
            // HEAD is not counted: its marker is not in the ledger and must not be stored.
        }

        return followed;
    }

    /// <summary>Waits until everything is stored. Checks that each event is stored once, with this message, and counted
    /// once. The cluster has no other events.</summary>
    public async Task AssertRecordedOnceAsync(ApiClient api, string cluster, string messageId)
    {
        var events = await api.WaitForEventsAsync(cluster, events => events.Count >= Ledger.Attempted);
        Ledger.AssertBalanced([.. events.Select(e => e.GetProperty("userAgent").GetString()!)]);
        Assert.All(events, e => Assert.Equal(messageId, e.GetProperty("messageId").GetString()));

        var stats = await api.GetAsync($"/api/v1/clusters/{cluster}/stats?groupBy=day&human=all");
        var rows = stats.GetProperty("rows").EnumerateArray().ToList();
        Assert.Equal(Clicks, rows.Sum(row => row.GetProperty("clicks").GetInt64()));
        Assert.Equal(Opens, rows.Sum(row => row.GetProperty("opens").GetInt64()));
    }
}
