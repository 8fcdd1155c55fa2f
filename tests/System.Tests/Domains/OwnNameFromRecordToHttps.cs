using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Npgsql;
using Tracking.Servers;

namespace Tracking.System.Tests.Domains;

/// <summary>
/// The whole way of a customer's own name, from outside: added, its one record published in a real zone, verified, its
/// certificate from a real authority, a message rewritten onto it, clicked over HTTPS; the record gone and two strikes;
/// back, and the kept certificate serves at once.
/// </summary>
public sealed class OwnNameFromRecordToHttps
{
    private const string Host = "track.shop.example.com";
    private const string Zone = "example.com";
    private const string NameServer = "@ NS ns1\nns1 A 127.0.0.1\n";

    private static readonly byte[] _mail =
        "Subject: x\r\nFrom: shop@example.com\r\n\r\nSee https://www.example.org/offer today.\r\n"u8.ToArray();

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_name_goes_from_its_record_to_clicks_over_https_is_lost_after_two_strikes_and_comes_back()
    {
        var ports = FreePort.Take(4);
        await using var zones = new TestKnot(new IPEndPoint(IPAddress.Loopback, ports[0]))
            .Add(Zone, NameServer)
            .Add("op.net", NameServer + "links A 127.0.0.1\n*.track A 127.0.0.1");
        await zones.StartAsync(Ends);
        await using var resolver = new TestUnbound().Ask(Zone, zones.EndPoint).Ask("op.net", zones.EndPoint);
        await resolver.StartAsync(Ends);
        await using var authority = new TestPebble { Looks = (ports[1], ports[2], resolver.EndPoint) };
        await authority.StartAsync(Ends);
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.In("authority.pem"), authority.RootPem, Ends);
        await using var standalone = await StandaloneProcess.StartAsync(
            Ends,
            settings: new Dictionary<string, string>
            {
                ["TRACKING_EDGE_PORT"] = $"{ports[1]}",
                ["TRACKING_EDGE_TLS_PORT"] = $"{ports[2]}",
                ["Tracking__SystemHost"] = "links.op.net",
                ["Tracking__SystemZone"] = "track.op.net",
                ["Tracking__Dns__Resolvers__0"] = resolver.EndPoint.ToString(),
                ["Tracking__Dns__NameServerPort"] = $"{ports[0]}",
                ["Tracking__Dns__AllowPrivateAddresses"] = "true",
                ["Tracking__Certificates__Authorities__0__Directory"] = authority.Directory,
                ["Tracking__Certificates__Authorities__0__RootCertificates"] = folder.In("authority.pem"),
                ["Tracking__Certificates__AcceptTermsOfService"] = "true",
            });
        using var api = new ApiClient(standalone.Api, standalone.AdminKey);
        var cluster = await api.CreateClusterAsync("shop");
        var domains = $"/api/v1/clusters/{cluster}/tracking-domains";

        var added = await api.SendAsync(HttpMethod.Post, domains, new { hostname = Host, setAsDefault = true });
        Assert.Equal(HttpStatusCode.Created, added.Status);
        var target = added.Body.GetProperty("verification").GetProperty("value").GetString()!;
        Assert.False(added.Body.GetProperty("acceptsNewLinks").GetBoolean());

        await PublishAsync(zones, target);
        await Eventually.HoldsAsync(
            async () => (await api.SendAsync(HttpMethod.Post, $"{domains}/{Host}/verify")).Status == HttpStatusCode.OK,
            "the name is verified",
            Ends);
        var domain = await UntilAsync(api, $"{domains}/{Host}", domain =>
            domain.GetProperty("acceptsNewLinks").GetBoolean(), "the certificate is there");
        Assert.True(domain.GetProperty("isDefault").GetBoolean());

        var link = await RewriteAsync(api, cluster);
        Assert.StartsWith($"https://{Host}/c/", link, StringComparison.Ordinal);
        var serial = await ClickAsync(link, ports[2], HttpStatusCode.Found);
        await api.WaitForEventsAsync(cluster, events => events.Count == 1);

        // Gone: the first check warns, the second, a day later, ends it.
        await zones.ReplaceAsync(Zone, NameServer, Ends);
        await CheckAsync(standalone, "strikes = 0");
        await UntilAsync(api, $"{domains}/{Host}", domain => domain.GetProperty("strikes").GetInt32() == 1, "a strike");
        await ClickAsync(link, ports[2], HttpStatusCode.Found);
        await CheckAsync(standalone, "strikes = 1");
        await UntilAsync(api, $"{domains}/{Host}", domain =>
            domain.GetProperty("status").GetString() == "pending", "the name is pending");
        await Eventually.HoldsAsync(
            async () => await StatusAsync(link, ports[2]) == HttpStatusCode.NotFound, "its links stop", Ends);
        Assert.DoesNotContain(Host, await RewriteAsync(api, cluster), StringComparison.Ordinal);

        // Back: nothing is ordered, the certificate that was kept serves.
        await PublishAsync(zones, target);
        await Eventually.HoldsAsync(
            async () => (await api.SendAsync(HttpMethod.Post, $"{domains}/{Host}/verify")).Status == HttpStatusCode.OK,
            "the name is verified again",
            Ends);
        await Eventually.HoldsAsync(
            async () => await StatusAsync(link, ports[2]) == HttpStatusCode.Found, "its links work again", Ends);
        Assert.Equal(serial, await ClickAsync(link, ports[2], HttpStatusCode.Found));
    }

    private static Task PublishAsync(TestKnot zones, string target) =>
        zones.ReplaceAsync(Zone, $"{NameServer}track.shop CNAME {target}.", Ends);

    // A day passes: what the database says was yesterday.
    private static async Task CheckAsync(StandaloneProcess standalone, string condition)
    {
        await using var connection = new NpgsqlConnection(standalone.DatabaseConnection);
        await connection.OpenAsync(Ends);
        await using var command = new NpgsqlCommand(
            $"""
            UPDATE domains.tracking_domains SET next_check_at = now(), struck_at = struck_at - interval '25 hours',
                last_checked_at = last_checked_at - interval '25 hours'
            WHERE {condition}
            """,
            connection);
        await command.ExecuteNonQueryAsync(Ends);
    }

    private static async Task<JsonElement> UntilAsync(
        ApiClient api, string path, Func<JsonElement, bool> condition, string what)
    {
        JsonElement domain = default;
        await Eventually.HoldsAsync(async () => condition(domain = await api.GetAsync(path)), what, Ends);
        return domain;
    }

    private static async Task<string> RewriteAsync(ApiClient api, string cluster) =>
        ReadMail.Urls((await api.RewriteAsync(cluster, _mail, ("tracking-message-id", $"{Guid.NewGuid():N}"))).Message)
            .Single();

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

    // Returns the serial number of the certificate that was shown.
    private static async Task<string> ClickAsync(string link, int port, HttpStatusCode expected)
    {
        var (status, location, serial) = await FetchAsync(link, port);
        Assert.Equal(expected, status);
        Assert.Equal("https://www.example.org/offer", location);
        return serial;
    }

    private static async Task<(HttpStatusCode Status, string? Location, string Serial)> FetchAsync(string link, int port)
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
                // The authority's root is nobody's; the name has to be right.
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
}
