using Tracking.Servers;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Functional.Tests.Gateway;

/// <summary>The routes of the gateway: which request reaches which service.</summary>
public sealed class RouteRequestsTests
{
    private static readonly KeyValuePair<string, string>[] _inProcess = [];
    private static readonly KeyValuePair<string, string>[] _proxied = [new("Tracking:Gateway:Edge", "proxied")];

    [Theory]
    [InlineData("/api/v1/clusters", "management")]
    [InlineData("/openapi/v1.json", "management")]
    [InlineData("/", "management")]
    [InlineData("/api/v1/clusters/abc/rewrite", "rewrite")]
    [InlineData("/api/v1/clusters/abc/rewrite/more", "management")]
    [InlineData("/.well-known/acme-challenge/token", "certificates")]
    public async Task A_request_to_a_name_of_the_api_reaches_the_service_that_answers_it(string path, string service)
    {
        await using var host = await GatewayHost.StartAsync(
            _inProcess, ServiceNames.Management, ServiceNames.Rewrite, ServiceNames.Certificates);
        var (status, body) = await host.GetAsync("API.example.org", path);
        Assert.Equal(200, status);
        Assert.StartsWith($"{service} api.example.org {path} ", body, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Every_other_name_is_the_edges_in_this_process()
    {
        await using var host = await GatewayHost.StartAsync(
            _inProcess, ServiceNames.Management, ServiceNames.Certificates);
        Assert.Equal((200, "Hello."), await host.GetAsync("whatever.example", "/"));
        Assert.Equal(404, (await host.GetAsync("track.example.org", "/api/v1/clusters")).Status);
        Assert.Equal(404, (await host.GetAsync("track.example.org", "/health/ready")).Status);
        var (_, challenge) = await host.GetAsync("track.example.org", "/.well-known/acme-challenge/token");
        Assert.StartsWith("certificates track.example.org ", challenge, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_other_name_is_the_edges_behind_it_when_proxied()
    {
        await using var host = await GatewayHost.StartAsync(_proxied, ServiceNames.Management, ServiceNames.Edge);
        var (status, body) = await host.GetAsync("track.example.org", "/c/anything");
        Assert.Equal(200, status);
        Assert.StartsWith("edge track.example.org /c/anything ", body, StringComparison.Ordinal);
        Assert.StartsWith(
            "management ", (await host.GetAsync("api.example.org", "/c/anything")).Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task Nobody_outside_chooses_the_address_he_is_taken_for(string platformBelievesEverybody)
    {
        await using var host = await GatewayHost.StartAsync(
            [.. _proxied, new("FORWARDEDHEADERS_ENABLED", platformBelievesEverybody)], ServiceNames.Edge);
        var (_, body) = await host.GetAsync("track.example.org", "/x", ("X-Forwarded-For", "203.0.113.9"));
        Assert.EndsWith(" for 127.0.0.1", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_is_not_there_is_a_503_and_not_a_wrong_answer()
    {
        await using var host = await GatewayHost.StartAsync(_inProcess, ServiceNames.Management);
        Assert.Equal(503, (await host.GetAsync("api.example.org", "/api/v1/clusters/abc/rewrite")).Status);
    }

    [Fact]
    public async Task A_copy_that_cannot_be_reached_costs_no_request()
    {
        // Nothing listens on ports 1 and 2.
        await using var host = await GatewayHost.StartAsync(
            [
                .. _proxied,
                new("services:edge:http:1", "http://127.0.0.1:1"), new("services:edge:http:2", "http://127.0.0.1:2"),
                new("services:rewrite:http:1", "http://127.0.0.1:1"),
            ],
            ServiceNames.Edge,
            ServiceNames.Rewrite);
        for (var n = 0; n < 50; n++)
        {
            Assert.Equal((200, $"edge track.example.org /{n} for 127.0.0.1"), await host.GetAsync(
                "track.example.org", $"/{n}"));
            using var message = new HttpRequestMessage(HttpMethod.Post, "/api/v1/clusters/abc/rewrite")
            {
                Content = new StringContent($"?{n}"),
            };
            Assert.Equal(
                (200, $"rewrite api.example.org /api/v1/clusters/abc/rewrite?{n} for 127.0.0.1"),
                await host.SendAsync("api.example.org", message));
        }
    }

    [Fact]
    public async Task When_all_copies_were_down_the_first_one_that_is_back_gets_requests_at_once()
    {
        var port = FreePort.Take(1)[0];
        await using var host = await GatewayHost.StartAsync(
            [.. _proxied, new("services:edge:http:0", $"http://127.0.0.1:{port}")]);
        for (var n = 0; n < 50; n++)
        {
            Assert.Equal(503, (await host.GetAsync("track.example.org", "/")).Status);
        }

        await host.StartServiceAsync(ServiceNames.Edge, port);
        Assert.Equal(200, (await host.GetAsync("track.example.org", "/")).Status);
    }
}
