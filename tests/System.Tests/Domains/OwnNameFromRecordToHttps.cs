using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Tracking.Servers;

namespace Tracking.System.Tests.Domains;

/// <summary>
/// The whole life of a customer's own name, tested from outside. The name is added, its record is published in a real
/// zone, and it is verified and gets a certificate from a real authority. A newsletter with links on the name is
/// clicked and opened over HTTPS. Then the record points elsewhere, and two strikes end the name. After the record is
/// back, the kept certificate serves old newsletters and new ones at once. In one process the operator uses trackctl,
/// with separate services the API.
/// </summary>
public sealed class OwnNameFromRecordToHttps
{
    private const string Host = "track.shop.example.com";
    private const string Shop = "shop";

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Installed.AsOneProcess)]
    [InlineData(Installed.AsSeparateServices)]
    public async Task A_name_goes_from_its_record_to_clicks_over_https_is_lost_after_two_strikes_and_comes_back(
        Installed installed)
    {
        await using var system = await OwnNameInstallation.StartAsync(installed, Ends);
        using var api = new ApiClient(system.Api, system.AdminKey);
        var cluster = await api.CreateClusterAsync(Shop);
        var domains = $"/api/v1/clusters/{cluster}/tracking-domains";
        var trackctl = installed == Installed.AsOneProcess ? new Trackctl(system.Api, system.AdminKey) : null;

        var added = await AddAsync(trackctl, api, domains);
        var record = added.GetProperty("verification");
        Assert.Equal("CNAME", record.GetProperty("type").GetString());
        Assert.Equal(Host, record.GetProperty("name").GetString());
        var target = record.GetProperty("value").GetString()!;
        Assert.False(added.GetProperty("acceptsNewLinks").GetBoolean());

        await system.PublishAsync(target, Ends);
        await VerifyAsync(trackctl, api, domains);
        var domain = await UntilAsync(api, $"{domains}/{Host}", domain =>
            domain.GetProperty("acceptsNewLinks").GetBoolean(), "the certificate is there");
        Assert.True(domain.GetProperty("isDefault").GetBoolean());

        // Every process learns of the verified name over the bus.
        var newsletter = await UntilOnTheNameAsync(api, cluster);
        await ComesToAsync(newsletter.Link, system.TlsPort, HttpStatusCode.Found, "its links work");
        Assert.Equal(HttpStatusCode.OK, (await FetchAsync(newsletter.Pixel, system.TlsPort)).Status);
        var events = await api.WaitForEventsAsync(cluster, events => events.Count >= 2);
        Assert.Equal(
            ["click", "open"],
            events.Select(e => e.GetProperty("kind").GetString()).Order(StringComparer.Ordinal));
        var serial = await ClickAsync(newsletter, system.TlsPort);

        // The record points elsewhere: the first check warns, and the second, a day later, makes the name pending.
        await system.PublishAsync("elsewhere.example.com", Ends);
        await system.PassADayAsync(Ends);
        await UntilAsync(api, $"{domains}/{Host}", domain => domain.GetProperty("strikes").GetInt32() == 1, "a strike");
        await ClickAsync(newsletter, system.TlsPort);
        await system.PassADayAsync(Ends);
        domain = await UntilAsync(api, $"{domains}/{Host}", domain =>
            domain.GetProperty("status").GetString() == "pending", "the name is pending");
        Assert.False(domain.GetProperty("isDefault").GetBoolean());
        await ComesToAsync(newsletter.Link, system.TlsPort, HttpStatusCode.NotFound, "its links stop");
        await Eventually.HoldsAsync(
            async () => (await Newsletter.RewriteAsync(api, cluster))?.IsOn(Host) != true,
            "no newsletter is rewritten onto the name", Ends);

        // The record is back: the kept certificate serves, and none is ordered.
        await system.PublishAsync(target, Ends);
        await VerifyAsync(trackctl, api, domains);
        await ComesToAsync(newsletter.Link, system.TlsPort, HttpStatusCode.Found, "its links work again");
        Assert.Equal(serial, await ClickAsync(newsletter, system.TlsPort));

        // The name becomes the default again only on request.
        Assert.False((await api.GetAsync($"{domains}/{Host}")).GetProperty("isDefault").GetBoolean());
        await MakeDefaultAsync(trackctl, api, domains);
        newsletter = await UntilOnTheNameAsync(api, cluster);
        await ComesToAsync(newsletter.Link, system.TlsPort, HttpStatusCode.Found, "links of new newsletters work");
        events = await api.WaitForEventsAsync(cluster, events => events.Any(newsletter.Caused));
        Assert.Equal("click", Assert.Single(events, newsletter.Caused).GetProperty("kind").GetString());
    }

    private static async Task<JsonElement> AddAsync(Trackctl? trackctl, ApiClient api, string domains)
    {
        if (trackctl is not null)
        {
            return await trackctl.RunAsync(["domains", "add", Host, "--cluster", Shop, "--default"], Ends);
        }

        var (status, added) = await api.SendAsync(
            HttpMethod.Post, domains, new { hostname = Host, setAsDefault = true });
        Assert.Equal(HttpStatusCode.Created, status);
        return added;
    }

    private static async Task VerifyAsync(Trackctl? trackctl, ApiClient api, string domains)
    {
        if (trackctl is not null)
        {
            var verified = await trackctl.RunAsync(
                ["domains", "verify", Host, "--cluster", Shop, "--wait", "3m", "--every", "1s"], Ends);
            Assert.Equal("active", verified.GetProperty("status").GetString());
            return;
        }

        await Eventually.HoldsAsync(
            async () =>
                (await api.SendAsync(HttpMethod.Post, $"{domains}/{Host}/verify")).Status == HttpStatusCode.OK,
            "the name is verified",
            Ends);
    }

    private static async Task MakeDefaultAsync(Trackctl? trackctl, ApiClient api, string domains)
    {
        if (trackctl is not null)
        {
            await trackctl.RunAsync(["domains", "default", Host, "--cluster", Shop], Ends);
            return;
        }

        Assert.Equal(
            HttpStatusCode.OK, (await api.SendAsync(HttpMethod.Put, $"{domains}/{Host}/default")).Status);
    }

    private static async Task<Newsletter> UntilOnTheNameAsync(ApiClient api, string cluster)
    {
        Newsletter? rewritten = null;
        await Eventually.HoldsAsync(
            async () => (rewritten = await Newsletter.RewriteAsync(api, cluster))?.IsOn(Host) == true,
            "newsletters are rewritten onto the name",
            Ends);
        return rewritten!;
    }

    private static async Task<JsonElement> UntilAsync(
        ApiClient api, string path, Func<JsonElement, bool> condition, string what)
    {
        JsonElement domain = default;
        try
        {
            await Eventually.HoldsAsync(async () => condition(domain = await api.GetAsync(path)), what, Ends);
            return domain;
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"{late.Message}\n{domain}", late);
        }
    }

    private static Task ComesToAsync(string link, int port, HttpStatusCode status, string what) =>
        Eventually.HoldsAsync(async () => await StatusAsync(link, port) == status, what, Ends);

    private static async Task<HttpStatusCode?> StatusAsync(string link, int port)
    {
        try
        {
            return (await FetchAsync(link, port)).Status;
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            return null;
        }
    }

    // Returns the serial number of the served certificate.
    private static async Task<string> ClickAsync(Newsletter newsletter, int port)
    {
        var (status, location, serial) = await FetchAsync(newsletter.Link, port);
        Assert.Equal(HttpStatusCode.Found, status);
        Assert.Equal(newsletter.Destination, location);
        return serial;
    }

    private static async Task<(HttpStatusCode Status, string? Location, string Serial)> FetchAsync(
        string link, int port)
    {
        string? shown = null;
        using var http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
            SslOptions = new SslClientAuthenticationOptions
            {
                // The authority's root is not trusted here, but the name must match.
                RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
                {
                    shown = ((X509Certificate2)certificate!).SerialNumber;
                    return !errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch);
                },
            },
        });
        using var answer = await http.GetAsync(new Uri(link), Ends);
        return (answer.StatusCode, answer.Headers.Location?.ToString(), shown!);
    }

    /// <summary>A rewritten newsletter: the message's id, its first tracked link with the destination, and its
    /// pixel.</summary>
    private sealed record Newsletter(string Id, string Link, string Destination, string Pixel)
    {
        /// <summary>Whether an event belongs to this newsletter.</summary>
        public bool Caused(JsonElement stored) => stored.GetProperty("messageId").GetString() == Id;

        public bool IsOn(string host) => Link.StartsWith($"https://{host}/c/", StringComparison.Ordinal)
            && Pixel.StartsWith($"https://{host}/o/", StringComparison.Ordinal);

        /// <summary>Rewrites a newsletter.</summary>
        /// <returns><see langword="null"/> when it was not changed: its links are https, and the system host has only
        /// http.</returns>
        public static async Task<Newsletter?> RewriteAsync(ApiClient api, string cluster)
        {
            var original = await File.ReadAllBytesAsync(
                Newsletters.PathOf("shop-alternative-quoted-printable.eml"), Ends);
            var id = $"{Guid.NewGuid():N}";
            var (message, _) = await api.RewriteAsync(cluster, original, ("tracking-message-id", id));
            var (before, after) = (ReadMail.Urls(original), ReadMail.Urls(message));
            var pixel = after.Find(url => url.Contains("/o/", StringComparison.Ordinal));
            var tracked =
                before.Zip(after.Where(url => url != pixel)).Where(pair => pair.First != pair.Second).ToList();
            return pixel is null || tracked.Count == 0
                ? null
                : new Newsletter(id, tracked[0].Second, tracked[0].First, pixel);
        }
    }
}
