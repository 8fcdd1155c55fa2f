using Tracking.ServiceDefaults;

namespace Tracking.Functional.Tests.Gateway;

/// <summary>Which request reaches which service through the gateway.</summary>
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
}
