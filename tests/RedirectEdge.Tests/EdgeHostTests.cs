using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Tracking.Database;

namespace Tracking.RedirectEdge.Tests;

public sealed class EdgeHostTests
{
    private static readonly Action<RedirectEdgeOptions> _impatient = options =>
        (options.SealAfter, options.ResendAfter) = (TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(200));

    [Fact]
    public async Task Clicks_are_stored_once_over_the_bus_and_leave_the_spool_although_acknowledgements_are_lost()
    {
        const int Clicks = 200;
        var ingest = new StandInIngest { Lose = batch => batch.Deliveries <= 1, AnswerTwice = true };
        await using var edge = await EdgeUnderTest.StartAsync(_impatient, configureHost: ingest.AddTo);

        await Parallel.ForEachAsync(Enumerable.Range(0, Clicks), async (i, _) => Assert.Equal(
            302,
            (await edge.SendAsync($"GET /c/{EdgeUnderTest.Token()} HTTP/1.1\r\nHost: {EdgeUnderTest.Host}\r\n"
                + $"User-Agent: {i}\r\nConnection: close\r\n\r\n")).Status));

        await Poll.UntilAsync(() => edge.Spool.Events == 0, "everything is acknowledged");
        Assert.Equal(
            Enumerable.Range(0, Clicks).Select(i => $"{i}").Order(), ingest.StoredMarkers.Order());
        Assert.True(ingest.LargestInFlight <= 8, $"{ingest.LargestInFlight} batches in flight");
        Assert.Empty(edge.Recorded());
    }

    [Fact]
    public async Task What_a_stopped_edge_had_not_sent_is_stored_once_by_the_next_run()
    {
        using var folder = new TemporaryFolder();
        var silent = new StandInIngest { Lose = _ => true };
        await using (var edge = await EdgeUnderTest.StartAsync(folder: folder, configureHost: silent.AddTo))
        {
            for (var i = 0; i < 20; i++)
            {
                await edge.GetAsync($"/c/{EdgeUnderTest.Token(ordinal: i)}");
            }
        }

        var ingest = new StandInIngest();
        await using var next = await EdgeUnderTest.StartAsync(
            _impatient, folder, ingest.AddTo, withCopies: false);
        await Poll.UntilAsync(() => next.Spool.Events == 0, "everything is acknowledged");
        Assert.Equal(20, ingest.StoredMarkers.Count);

        // The copies were written again at stop: still served with the database away.
        Assert.Equal(302, (await next.GetAsync($"/c/{EdgeUnderTest.Token()}")).Status);
    }

    [Fact]
    public async Task Without_database_and_copies_the_edge_says_hello_is_not_ready_and_asks_to_try_again()
    {
        await using var edge = await EdgeUnderTest.StartAsync(withCopies: false);
        Assert.Equal("Hello.", (await edge.GetAsync("/")).Body);
        Assert.Equal(503, (await edge.GetAsync($"/c/{EdgeUnderTest.Token()}")).Status);
        Assert.Equal(404, (await edge.GetAsync("/nothing")).Status);
        var report = await edge.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(
            check => check.Name == "edge", TestContext.Current.CancellationToken);
        Assert.Equal(HealthStatus.Unhealthy, report.Status);
    }

    [Theory]
    [InlineData("Track.Example", "track.example")]
    [InlineData("track.example.", "track.example:8081")]
    [InlineData("tr\u00e4ck.example", "xn--trck-moa.example")]
    [InlineData("TR\u00c4CK.example.", "XN--trck-moa.example.")]
    public async Task The_system_host_is_served_however_it_is_written(string configured, string asked)
    {
        await using var edge = await EdgeUnderTest.StartAsync(configureHost: builder =>
            builder.Services.Configure<SystemOptions>(options => options.SystemHost = configured));
        Assert.Equal(302, (await edge.GetAsync($"/c/{EdgeUnderTest.Token()}", asked)).Status);
        Assert.Equal(404, (await edge.GetAsync($"/c/{EdgeUnderTest.Token()}", "other.example")).Status);
    }

    [Fact]
    public async Task A_required_track_host_header_is_required_for_links_only()
    {
        await using var edge = await EdgeUnderTest.StartAsync(options => options.RequireTrackHostHeader = true);
        var path = $"/c/{EdgeUnderTest.Token()}";
        Assert.Equal(404, (await edge.GetAsync(path)).Status);
        Assert.Equal(404, (await edge.GetAsync(path, headers: "X-Postal-Track-Host: 0\r\n")).Status);
        Assert.Equal(302, (await edge.GetAsync(path, headers: "X-Postal-Track-Host: 1\r\n")).Status);
        Assert.Equal(200, (await edge.GetAsync("/")).Status);
    }

    [Theory]
    [InlineData("127.0.0.1", "203.0.113.9", "203.0.113.9")]
    [InlineData("127.0.0.0/8", "198.51.100.1, 203.0.113.9", "203.0.113.9")]
    [InlineData("127.0.0.0/8,10.0.0.0/8", "198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9")]
    [InlineData("127.0.0.0/8", "198.51.100.1, nonsense", "127.0.0.1")]
    [InlineData("127.0.0.0/8", "2001:db8::1", "2001:db8::1")]
    [InlineData("127.0.0.0/8", "203.0.113.9:4711", "203.0.113.9")]
    [InlineData("127.0.0.0/8", "::ffff:203.0.113.9", "203.0.113.9")]
    [InlineData("127.0.0.0/8", "", "127.0.0.1")]
    [InlineData("10.0.0.0/8", "203.0.113.9", "127.0.0.1")]
    [InlineData("", "203.0.113.9", "127.0.0.1")]
    public async Task The_client_address_is_forwarded_by_configured_proxies_only(
        string proxies, string forwarded, string expected)
    {
        await using var edge = await EdgeUnderTest.StartAsync(options =>
        {
            foreach (var proxy in proxies.Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                options.TrustedProxies.Add(proxy);
            }
        });
        await edge.GetAsync($"/c/{EdgeUnderTest.Token()}", headers: $"X-Forwarded-For: {forwarded}\r\n");
        Assert.Equal(IPAddress.Parse(expected), Assert.Single(edge.Recorded()).Client);
    }

    [Fact]
    public async Task Wrong_options_stop_the_start_with_a_line_that_names_them()
    {
        var wrong = await Assert.ThrowsAsync<OptionsValidationException>(
            () => EdgeUnderTest.StartAsync(options => options.TrustedProxies.Add("10.0.0.0/99")));
        Assert.Contains(
            "'10.0.0.0/99' is neither an address nor a CIDR range", wrong.Message, StringComparison.Ordinal);
    }
}
