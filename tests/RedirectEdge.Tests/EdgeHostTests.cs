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

        // The stop wrote the copies again, so the edge serves while the database is unavailable.
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
    [InlineData("127.0.0.0/8", "[2001:db8::1]:443", "2001:db8::1")]
    [InlineData("127.0.0.0/8", "[2001:db8::1]", "2001:db8::1")]
    [InlineData("127.0.0.0/8", " 203.0.113.9 , 127.0.0.2", "203.0.113.9")]
    [InlineData("::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9")]
    [InlineData("127.0.0.0/8,2001:db8::/32", "203.0.113.9, 2001:db8::1", "203.0.113.9")]
    [InlineData("127.0.0.0/8", "203.0.113.9, 1", "127.0.0.1")]
    [InlineData("127.0.0.0/8", "203.0.113.9, 0x7f.1", "127.0.0.1")]
    [InlineData("127.0.0.0/8", "010.0.0.1", "127.0.0.1")]
    [InlineData("127.0.0.0/8", "203.0.113.9:99999", "127.0.0.1")]
    [InlineData("127.0.0.0/8", ":1", "127.0.0.1")]
    [InlineData("127.0.0.0/8", "unknown", "127.0.0.1")]
    [InlineData("127.0.0.0/8", "203.0.113.9,", "127.0.0.1")]
    [InlineData("127.0.0.0/8", ",", "127.0.0.1")]
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

    [Theory]
    [InlineData("127.0.0.0/8")]
    [InlineData("127.0.0.1")]
    [InlineData("::ffff:127.0.0.1")]
    public async Task The_id_that_a_gateway_gives_is_the_events_and_so_is_its_time(string gateway)
    {
        await using var edge = await EdgeUnderTest.StartAsync(options => options.Gateways.Add(gateway));
        var time = TimeProvider.System.GetUtcNow().AddSeconds(-20);
        var given = Guid.CreateVersion7(time);

        // The second request stands for a request to a second edge: only the id matters.
        for (var n = 0; n < 2; n++)
        {
            Assert.Equal(302, (await edge.GetAsync(
                $"/c/{EdgeUnderTest.Token()}",
                headers: $"Tracking-Event-Id: {given}\r\nX-Forwarded-For: 203.0.113.9\r\n")).Status);
        }

        Assert.All(edge.Recorded(), recorded => Assert.Equal(
            (given, time.ToUnixTimeMilliseconds() * 1000, IPAddress.Parse("203.0.113.9")),
            (recorded.Id, recorded.TimeMicros, recorded.Client)));
        Assert.Equal(2, edge.Recorded().Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("10.0.0.0/8")]
    public async Task An_id_from_anybody_else_is_not_taken(string gateway)
    {
        await using var edge = await EdgeUnderTest.StartAsync(options =>
        {
            options.TrustedProxies.Add("127.0.0.1");
            if (gateway.Length > 0)
            {
                options.Gateways.Add(gateway);
            }
        });
        var given = Guid.CreateVersion7();
        await edge.GetAsync($"/c/{EdgeUnderTest.Token()}", headers: $"Tracking-Event-Id: {given}\r\n");
        Assert.NotEqual(given, Assert.Single(edge.Recorded()).Id);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("")]
    [InlineData("00000000-0000-0000-0000-000000000000")]
    [InlineData("{now:N}")]
    [InlineData("{now:B}")]
    [InlineData("{now:D}, {now:D}")]
    [InlineData("{now:D}\r\nTracking-Event-Id: {now:D}")]
    [InlineData("{random:D}")]
    [InlineData("{late:D}")]
    [InlineData("{early:D}")]
    public async Task An_id_that_cannot_be_costs_the_click_nothing(string header)
    {
        await using var edge = await EdgeUnderTest.StartAsync(options =>
        {
            options.Gateways.Add("127.0.0.1");
            options.LargestGatewayClockOffset = TimeSpan.FromSeconds(10);
        });
        var now = TimeProvider.System.GetUtcNow();
        foreach (var (name, id) in new[]
        {
            ("now", Guid.CreateVersion7(now)), ("random", Guid.NewGuid()),
            ("late", Guid.CreateVersion7(now.AddMinutes(5))), ("early", Guid.CreateVersion7(now.AddMinutes(-5))),
        })
        {
            header = header.Replace($"{{{name}:N}}", id.ToString("N"), StringComparison.Ordinal)
                .Replace($"{{{name}:B}}", id.ToString("B"), StringComparison.Ordinal)
                .Replace($"{{{name}:D}}", id.ToString("D"), StringComparison.Ordinal);
        }

        Assert.Equal(302, (await edge.GetAsync(
            $"/c/{EdgeUnderTest.Token()}", headers: $"Tracking-Event-Id: {header}\r\n")).Status);

        var recorded = Assert.Single(edge.Recorded());
        Assert.DoesNotContain(recorded.Id.ToString(), header, StringComparison.Ordinal);
        Assert.Equal(7, recorded.Id.Version);
        Assert.InRange(recorded.TimeMicros, now.ToUnixTimeMilliseconds() * 1000, long.MaxValue);
    }

    [Fact]
    public async Task The_same_port_speaks_both_versions_of_http_without_tls()
    {
        await using var edge = await EdgeUnderTest.StartAsync();
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        foreach (var version in (Version[])[HttpVersion.Version20, HttpVersion.Version11, HttpVersion.Version20])
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get, $"http://127.0.0.1:{edge.Port}/c/{EdgeUnderTest.Token()}")
            {
                Version = version,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Headers = { Host = EdgeUnderTest.Host },
            };
            using var answer = await client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal((version, HttpStatusCode.Found), (answer.Version, answer.StatusCode));
        }
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
