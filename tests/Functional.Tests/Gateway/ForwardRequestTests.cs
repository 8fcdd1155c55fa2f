using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tracking.RedirectEdge;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Functional.Tests.Gateway;

/// <summary>The headers about the client that services get. A client cannot forge them.</summary>
public sealed class ForwardRequestTests
{
    private static readonly KeyValuePair<string, string> _proxied = new("Tracking:Gateway:Edge", "proxied");

    [Theory]
    [InlineData("", "203.0.113.9", "127.0.0.1")]
    [InlineData("10.0.0.0/8", "203.0.113.9", "127.0.0.1")]
    [InlineData("127.0.0.1", "203.0.113.9", "203.0.113.9, 127.0.0.1")]
    [InlineData("::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9, 127.0.0.1")]
    [InlineData("127.0.0.0/8", "2001:db8::1, 10.1.2.3:4711", "2001:db8::1, 10.1.2.3:4711, 127.0.0.1")]
    [InlineData("127.0.0.0/8", "nonsense", "nonsense, 127.0.0.1")]
    [InlineData("127.0.0.0/8", "", "127.0.0.1")]
    public async Task The_client_is_forwarded_as_configured_proxies_say(string proxy, string forwarded, string expected)
    {
        await using var host = await StartAsync(proxy);
        foreach (var (name, service) in new[]
        {
            ("track.example.org", ServiceNames.Edge), ("api.example.org", ServiceNames.Management),
        })
        {
            await host.GetAsync(name, "/x", ("X-Forwarded-For", forwarded));
            Assert.Equal(expected, host.Last(service)["X-Forwarded-For"].ToString());
        }
    }

    [Theory]
    [InlineData("", "https", "http")]
    [InlineData("127.0.0.1", "https", "https")]
    [InlineData("127.0.0.1", "http", "http")]
    [InlineData("127.0.0.1", "javascript", "http")]
    [InlineData("127.0.0.1", "", "http")]
    public async Task The_scheme_is_forwarded_as_configured_proxies_say(string proxy, string forwarded, string expected)
    {
        await using var host = await StartAsync(proxy);
        await host.GetAsync("api.example.org", "/x", ("X-Forwarded-Proto", forwarded));
        Assert.Equal(expected, host.Last(ServiceNames.Management)["X-Forwarded-Proto"].ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("127.0.0.1")]
    public async Task No_other_header_about_a_clients_route_is_forwarded(string proxy)
    {
        await using var host = await StartAsync(proxy);
        await host.GetAsync(
            "track.example.org", "/x",
            ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Prefix", "/evil"), ("Forwarded", "for=203.0.113.9"),
            ("X-Real-IP", "203.0.113.9"), ("Tracking-Event-Id", Guid.CreateVersion7().ToString()));
        var received = host.Last(ServiceNames.Edge);
        Assert.Equal("track.example.org", received["X-Forwarded-Host"].ToString());
        Assert.Equal("track.example.org", received["Host"].ToString());
        Assert.DoesNotContain(
            received, header => header.Value.ToString() is var value
                && (value.Contains("203.0.113.9", StringComparison.Ordinal)
                    || value.Contains("evil", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_gateways_proxies_are_those_of_the_edge_in_its_process()
    {
        await using var host = await GatewayHost.StartAsync([
            new("Tracking:Gateway:TrustedProxies:0", "10.0.0.1"), new("Tracking:Edge:TrustedProxies:0", "10.0.0.2")]);
        Assert.Equal(
            ["10.0.0.2", "10.0.0.1"],
            host.Services.GetRequiredService<IOptions<RedirectEdgeOptions>>().Value.TrustedProxies);
    }

    [Fact]
    public async Task A_proxy_that_is_no_address_stops_the_start()
    {
        var wrong = await Assert.ThrowsAsync<StartUpException>(() => StartAsync("proxy.example.org"));
        Assert.StartsWith(
            "Tracking__Gateway__TrustedProxies: 'proxy.example.org' is neither an address nor a CIDR range",
            wrong.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET http://track.example.org/x HTTP/1.1\r\nHost: api.example.org\r\n", 400)]
    [InlineData("GET http://api.example.org/x HTTP/1.1\r\nHost: track.example.org\r\n", 400)]
    [InlineData("GET /x HTTP/1.1\r\nHost: track.example.org\r\nHost: api.example.org\r\n", 400)]
    [InlineData("GET /x HTTP/1.1\r\nHost: track.example.org, api.example.org\r\n", 400)]
    [InlineData("GET /x HTTP/1.1\r\nHost: track.example.org/api\r\n", 400)]
    [InlineData("GET /x HTTP/1.1\r\n", 400)]
    [InlineData("GET http://track.example.org/x HTTP/1.1\r\nHost: track.example.org\r\n", 200)]
    public async Task Two_hosts_in_one_request_reach_nobody(string head, int status)
    {
        await using var host = await StartAsync("");
        using var client = new TcpClient();
        await client.ConnectAsync(
            IPAddress.Loopback, host.Client.BaseAddress!.Port, TestContext.Current.CancellationToken);
        await using var stream = client.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"{head}Connection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var answer = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Equal(
            status == 200 ? (1, 0) : (0, 0), (host.Asked(ServiceNames.Edge), host.Asked(ServiceNames.Management)));
    }

    private static Task<GatewayHost> StartAsync(string proxy) => GatewayHost.StartAsync(
        proxy.Length == 0 ? [_proxied] : [_proxied, new("Tracking:Gateway:TrustedProxies:0", proxy)],
        ServiceNames.Edge,
        ServiceNames.Management);
}
