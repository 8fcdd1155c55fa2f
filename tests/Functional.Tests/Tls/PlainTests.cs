using System.Globalization;
using System.Text;
using Tracking.Tls;

namespace Tracking.Functional.Tests.Tls;

/// <summary>The answers of port 80, and the check that requests over TLS belong to their connection.</summary>
public sealed class PlainTests : IAsyncLifetime
{
    private const string Name = "www.example.net";
    private const string Token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
    private const string Challenge = "/.well-known/acme-challenge/";
    private TlsHost _host = null!;

    public async ValueTask InitializeAsync() => _host = await TlsHost.StartAsync();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Theory]
    [InlineData(HostStanding.Registered)]
    [InlineData(HostStanding.Active)]
    [InlineData(HostStanding.ActiveWithHttps)]
    public async Task A_challenge_is_answered_for_every_name_of_ours_and_never_redirected(HostStanding standing)
    {
        _host.Add(Name);
        _host.Hosts[Name] = standing;

        var answer = await AskAsync(Name, Challenge + Token);

        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.EndsWith($"\r\n\r\n{Token}.{TlsHost.Thumbprint}", answer, StringComparison.Ordinal);
        Assert.Contains("Content-Type: text/plain\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Content-Type-Options: nosniff\r\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_challenge_is_answered_over_TLS_too()
    {
        _host.Add(Name);
        await using var tls = await _host.ConnectAsync(Name);

        Assert.EndsWith(
            $"{Token}.{TlsHost.Thumbprint}", await TlsHost.AskAsync(tls, Name, Challenge + Token), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("www.other.example", Token)]
    [InlineData("192.0.2.1", Token)]
    [InlineData(Name, "evaGxfADs6pSRb2LAv9IZ")]
    [InlineData(Name, "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA=")]
    [InlineData(Name, "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ/PCt92wr-oA")]
    [InlineData(Name, "%3Cscript%3Eevaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData(Name, "")]
    public async Task A_challenge_for_another_name_or_without_a_token_is_nothing(string host, string token)
    {
        _host.Add(Name);

        Assert.StartsWith("HTTP/1.1 404", await AskAsync(host, Challenge + token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_that_has_a_certificate_is_led_to_https_with_its_path_as_it_stands()
    {
        _host.Add(Name);

        Assert.Contains(
            $"\r\nLocation: https://{Name}/a%2Fb/c-ToKeN?x=%3F&y\r\n",
            await AskAsync(Name, "/a%2Fb/c-ToKeN?x=%3F&y"),
            StringComparison.Ordinal);
        // A client that names a port connects without a port mapping in between.
        var answer = await AskAsync($"{Name.ToUpperInvariant()}:{_host.PlainPort}", "/c/1");
        Assert.StartsWith("HTTP/1.1 301", answer, StringComparison.Ordinal);
        Assert.Contains(
            string.Create(CultureInfo.InvariantCulture, $"\r\nLocation: https://{Name}:{_host.TlsPort}/c/1\r\n"),
            answer,
            StringComparison.Ordinal);
        Assert.Contains("\r\nCache-Control: no-store\r\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_other_host_is_served_as_it_is()
    {
        // The cases: no certificate, https optional, an unknown host, the greeting page, and TLS ended in front of us.
        _host.Hosts["new.example.net"] = HostStanding.ActiveWithHttps;
        _host.Add("optional.example.net");
        _host.Hosts["optional.example.net"] = HostStanding.Active;
        _host.Add(Name);

        Assert.Contains("http new.example.net", await AskAsync("new.example.net", "/c/1"), StringComparison.Ordinal);
        Assert.Contains(
            "http optional.example.net", await AskAsync("optional.example.net", "/c/1"), StringComparison.Ordinal);
        Assert.Contains(
            "http www.other.example", await AskAsync("www.other.example", "/c/1"), StringComparison.Ordinal);
        Assert.Contains($"http {Name}", await AskAsync(Name, "/"), StringComparison.Ordinal);
        Assert.Contains(
            $"http {Name}", await AskAsync(Name, "/c/1", "X-Forwarded-Proto: https\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_goes_to_https_as_soon_as_it_has_a_certificate()
    {
        _host.Hosts[Name] = HostStanding.ActiveWithHttps;
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(Name, "/c/1"), StringComparison.Ordinal);

        _host.Add(Name);
        await _host.Served.ReplaceAsync(TlsHostNames.Of(Name), TestContext.Current.CancellationToken);

        Assert.StartsWith("HTTP/1.1 301", await AskAsync(Name, "/c/1"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("www.example.net", 200)]
    [InlineData("WWW.example.NET.", 200)]
    [InlineData("www.example.net:443", 200)]
    [InlineData("other.example.net", 421)]
    [InlineData("example.net", 421)]
    public async Task A_request_must_be_for_the_name_of_its_handshake(string host, int status)
    {
        _host.Add(Name);
        _host.Add("other.example.net");
        await using var tls = await _host.ConnectAsync(Name);

        Assert.StartsWith(
            string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status}"),
            await TlsHost.AskAsync(tls, host),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Over_HTTP_2_too_a_request_must_be_for_the_name_of_its_handshake()
    {
        _host.Add(Name);
        Assert.Contains((byte)0x88, await HeadersAsync(Name));
        Assert.True((await HeadersAsync("other.example.net")).AsSpan().IndexOf("421"u8) > 0);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData(1, "max-age=3600")]
    [InlineData(30, "max-age=86400")]
    [InlineData(24 * 8, "max-age=5184000")]
    public async Task Browsers_are_told_to_insist_on_https_only_after_a_renewal_and_longer_by_and_by(
        int? hours, string? expected)
    {
        _host.Add(Name, hours is { } since ? TimeProvider.System.GetUtcNow().AddHours(-since) : null);
        await using var tls = await _host.ConnectAsync(Name);

        var answer = await TlsHost.AskAsync(tls, Name);
        Assert.Equal(expected, Hsts(answer));

        _host.Hosts[Name] = HostStanding.Active;
        Assert.Null(Hsts(await TlsHost.AskAsync(tls, Name)));
        Assert.Null(Hsts(await AskAsync(Name, "/")));
    }

    // One handwritten request (RFC 9113, RFC 7541), because HttpClient never requests another name over a connection.
    // 0x88 is ":status: 200".
    private async Task<byte[]> HeadersAsync(string host)
    {
        await using var tls = await _host.ConnectAsync(Name, 0, "h2");
        byte[] fields = [0x82, 0x87, 0x84, 0x01, (byte)host.Length, .. Encoding.ASCII.GetBytes(host)];
        await tls.WriteAsync((byte[])[.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0,
            0, 0, (byte)fields.Length, 1, 5, 0, 0, 0, 1, .. fields]);
        while (true)
        {
            var frame = new byte[9];
            await tls.ReadExactlyAsync(frame);
            var payload = new byte[(frame[1] << 8) | frame[2]];
            await tls.ReadExactlyAsync(payload);
            if (frame[3] == 1)
            {
                return payload;
            }
        }
    }

    private static string? Hsts(string answer) => answer.Split("\r\n")
        .FirstOrDefault(line => line.StartsWith("Strict-Transport-Security: ", StringComparison.Ordinal))?.Split(": ")[1];

    private async Task<string> AskAsync(string host, string path, string more = "") =>
        Encoding.Latin1.GetString(await TlsHost.ExchangeAsync(_host.PlainPort, Encoding.ASCII.GetBytes(
            $"GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n")));
}
