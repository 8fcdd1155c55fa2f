using Microsoft.Extensions.Options;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Functional.Tests.Gateway;

/// <summary>The API's host names in all spellings, and the hosts that serve the health endpoints.</summary>
public sealed class ApiHostsTests
{
    private static readonly KeyValuePair<string, string> _proxied = new("Tracking:Gateway:Edge", "proxied");

    [Theory]
    [InlineData("api.example.org")]
    [InlineData("API.Example.ORG")]
    [InlineData("api.example.org.")]
    [InlineData("api.example.org:8080")]
    [InlineData("Api.example.org.:8080")]
    public async Task A_name_of_the_api_is_known_in_every_spelling(string host)
    {
        foreach (var settings in (KeyValuePair<string, string>[][])[[], [_proxied]])
        {
            await using var gateway = await GatewayHost.StartAsync(settings, ServiceNames.Management);
            Assert.StartsWith(
                "management api.example.org", (await gateway.GetAsync(host, "/x")).Body,
                StringComparison.OrdinalIgnoreCase);
        }
    }

    [Theory]
    [InlineData("track.example.org", false)]
    [InlineData("whatever.example", false)]
    [InlineData("api.example.org.evil.example", false)]
    [InlineData("203.0.113.9", false)]
    [InlineData("api.example.org", true)]
    [InlineData("API.example.org.", true)]
    [InlineData("localhost", true)]
    [InlineData("localhost:8080", true)]
    [InlineData("127.0.0.1", true)]
    public async Task Health_is_served_only_under_names_of_the_API_and_of_the_machine(string host, bool isTold)
    {
        foreach (var settings in (KeyValuePair<string, string>[][])[[], [_proxied]])
        {
            await using var gateway = await GatewayHost.StartAsync(settings, ServiceNames.Edge);
            foreach (var path in (string[])["/health/live", "/health/ready"])
            {
                var (_, body) = await gateway.GetAsync(host, path);
                Assert.Equal(isTold, body.StartsWith("{\"status\":", StringComparison.Ordinal));
            }
        }
    }

    [Theory]
    [InlineData("track.example.org", "track.example.org")]
    [InlineData("track.example.org", "Track.Example.org.")]
    [InlineData("Track.example.org.", "track.example.org")]
    [InlineData("träck.example.org", "xn--trck-moa.example.org")]
    [InlineData("xn--trck-moa.example.org", "TRÄCK.example.org")]
    public async Task The_system_host_among_the_names_of_the_api_stops_the_start(string system, string api)
    {
        var wrong = await Assert.ThrowsAsync<OptionsValidationException>(() => GatewayHost.StartAsync([
            _proxied, new("Tracking:SystemHost", system), new("Tracking:Gateway:ApiHosts:1", api)]));
        var line = Assert.Single(wrong.Failures);
        Assert.StartsWith(
            $"Tracking__Gateway__ApiHosts__1: got \"{api}\", which is Tracking__SystemHost", line,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_system_host_among_the_names_that_the_api_has_by_itself_stops_the_start()
    {
        var wrong = await Assert.ThrowsAsync<OptionsValidationException>(() => GatewayHost.StartWithoutAsync(
            ["Tracking:Gateway:ApiHosts:0"], [_proxied, new("Tracking:SystemHost", "localhost")]));
        Assert.Contains("Tracking__Gateway__ApiHosts", wrong.Message, StringComparison.Ordinal);
    }
}
