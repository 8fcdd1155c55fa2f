using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Api;
using Tracking.Functional.Tests.Management;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Tenants;

/// <summary>The API's requests of one tenant do not delay another tenant's mail. These tests check the limits without
/// measuring time. The benchmark <c>tenants-apart</c> measures the delay.</summary>
public sealed class TenantsApartTests(RewritePostgres postgres)
{
    private const string Link = "https://shop.example/a";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Mail_is_registered_while_every_connection_of_the_API_is_busy()
    {
        await using var host = await StartAsync(
            ("Tracking:Database:ApiConnections", "2"),
            ("Tracking:Database:ApiStatementTimeout", "00:02:00"),
            ("Tracking:Management:ConcurrentRequests", "8"));
        var (loud, quiet) = (await host.CreateClusterAsync(), await host.CreateClusterAsync());
        using var client = host.Client(await host.CreateKeyAsync(loud));
        Task<HttpResponseMessage>[] reads;

        await using (await host.LockAsync("ingest.events"))
        {
            reads = [.. Enumerable.Range(0, 8).Select(_ => Expect.GetAsync(client, $"/api/v1/clusters/{loud}/events"))];
            await Eventually.HoldsAsync(
                async () => await WaitingForLocksAsync(host) == 2, "both connections are taken", Cancelled);

            var message = await host.AcceptedAsync(quiet, Mail.Html("Hello", Link));

            Assert.Contains("https://track.localhost/c/", message, StringComparison.Ordinal);
            Assert.DoesNotContain(reads, read => read.IsCompleted);
            Assert.Equal(1L, await host.CountAsync("rewrite.messages"));
        }

        foreach (var read in reads)
        {
            using var answer = await read;
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    [Theory]
    [InlineData("events", "ingest.events")]
    [InlineData("events?kind=open", "ingest.events")]
    [InlineData("stats?groupBy=day", "ingest.counts")]
    public async Task A_read_that_takes_too_long_is_ended_and_says_what_to_ask_instead(string read, string table)
    {
        await using var host = await StartAsync(("Tracking:Database:ApiStatementTimeout", "00:00:00.300"));
        var cluster = await host.CreateClusterAsync();
        await using var held = await host.LockAsync(table);

        using var answer = await Expect.GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/{read}");

        await Expect.ProblemAsync(
            answer, HttpStatusCode.UnprocessableEntity, "too-expensive", "0.3 s", "from, to");
        Assert.Equal(0L, await WaitingForLocksAsync(host));
    }

    [Fact]
    public async Task A_change_that_waits_too_long_may_be_tried_again()
    {
        await using var host = await StartAsync(("Tracking:Database:ApiStatementTimeout", "00:00:00.300"));
        var cluster = await host.CreateClusterAsync();
        await using var held = await host.LockAsync("management.sending_domains");

        using var answer = await Expect.PatchAsync(host.Admin, $"/api/v1/clusters/{cluster}", """{"name":"other"}""");

        await Expect.ProblemAsync(answer, HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.NotNull(answer.Headers.RetryAfter);
    }

    [Fact]
    public async Task Requests_of_a_tenant_beyond_those_that_run_and_wait_are_refused_and_anothers_are_not()
    {
        await using var host = await StartAsync(
            ("Tracking:Database:ApiStatementTimeout", "00:02:00"),
            ("Tracking:Management:ConcurrentRequests", "1"),
            ("Tracking:Management:WaitingRequests", "1"));
        var (loud, quiet) = (await host.CreateClusterAsync(), await host.CreateClusterAsync());
        using var client = host.Client(await host.CreateKeyAsync(loud));
        using var otherKey = host.Client(await host.CreateKeyAsync(loud));
        using var other = host.Client(await host.CreateKeyAsync(quiet));
        Task<HttpResponseMessage>[] taken;

        await using (await host.LockAsync("ingest.events"))
        {
            var runs = Expect.GetAsync(client, $"/api/v1/clusters/{loud}/events");
            await Eventually.HoldsAsync(
                async () => await WaitingForLocksAsync(host) == 1, "the first request runs", Cancelled);
            var two = new[] { client, otherKey }
                .Select(sender => Expect.GetAsync(sender, $"/api/v1/clusters/{loud}/events")).ToList();

            // One of both waits for the first. The other exceeds the limit, with either key.
            var first = await Task.WhenAny(two);
            using var refused = await first;
            await Expect.ProblemAsync(
                refused, HttpStatusCode.TooManyRequests, "too-many-requests", "1 requests at a time");
            Assert.NotNull(refused.Headers.RetryAfter);
            two.Remove(first);
            taken = [runs, .. two];

            Assert.NotNull((string?)(await ManagementHost.GetAsync(other, $"/api/v1/clusters/{quiet}"))["id"]);
            Assert.DoesNotContain(taken, request => request.IsCompleted);
        }

        foreach (var request in taken)
        {
            using var answer = await request;
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    [Theory]
    [InlineData("application/x-ndjson")]
    [InlineData("text/csv")]
    public async Task Exports_of_a_tenant_beyond_the_most_are_refused(string mediaType)
    {
        await using var host = await StartAsync(
            ("Tracking:Database:ApiStatementTimeout", "00:02:00"), ("Tracking:Management:ConcurrentExports", "1"));
        var cluster = await host.CreateClusterAsync();
        using var client = host.Client(await host.CreateKeyAsync(cluster));
        client.DefaultRequestHeaders.Accept.ParseAdd(mediaType);
        Task<HttpResponseMessage> export;
        await using (await host.LockAsync("ingest.events"))
        {
            export = Expect.GetAsync(client, $"/api/v1/clusters/{cluster}/events");
            await Eventually.HoldsAsync(
                async () => await WaitingForLocksAsync(host) == 1, "the export runs", Cancelled);

            using var refused = await Expect.GetAsync(client, $"/api/v1/clusters/{cluster}/events");
            await Expect.ProblemAsync(
                refused, HttpStatusCode.TooManyRequests, "too-many-requests", "1 exports at a time");
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        using var first = await export;
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        using var next = await Expect.GetAsync(client, $"/api/v1/clusters/{cluster}/events");
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
    }

    [Fact]
    public async Task Invented_keys_cost_a_few_queries_per_second_and_evict_no_other_key()
    {
        const int Invented = 1000;
        const int PerSecond = 5;
        await using var host = await StartAsync(
            ("Tracking:ApiKeys:RememberFor", "00:00:05"),
            ("Tracking:ApiKeys:MaxRemembered", "100"),
            ("Tracking:ApiKeys:UnknownPerSecondAndNetwork", $"{PerSecond}"));
        var quiet = await host.CreateClusterAsync();
        using var mail = host.Client(await MakeKeyAsync(host, quiet));
        using var counts = new Counts(host);
        using var nobody = host.Client(null);
        var clock = Stopwatch.StartNew();
        var statuses = new List<HttpStatusCode>();

        for (var i = 0; i < Invented; i++)
        {
            using var request = RewriteHost.Request(
                $"/api/v1/clusters/{quiet}/rewrite", Mail.Bytes(Mail.Html("x", Link)),
                ("Authorization", $"Bearer {ApiKeySecret.Create()}"));
            using var answer = await nobody.SendAsync(request, Cancelled);
            statuses.Add(answer.StatusCode);
            if (i % 100 == 0)
            {
                using var own = RewriteHost.Request(
                    $"/api/v1/clusters/{quiet}/rewrite", Mail.Bytes(Mail.Html("Hello", Link)));
                using var accepted = await mail.SendAsync(own, Cancelled);
                Assert.Equal(HttpStatusCode.OK, accepted.StatusCode);
            }
        }

        Assert.All(statuses, status => Assert.True(
            status is HttpStatusCode.Unauthorized or HttpStatusCode.TooManyRequests, $"{status}"));
        Assert.Equal(statuses.Count(status => status == HttpStatusCode.Unauthorized), counts["unknown"]);
        Assert.Equal(statuses.Count(status => status == HttpStatusCode.TooManyRequests), counts["unknownKey"]);
        Assert.InRange(counts["unknown"], 1, PerSecond * (2 + clock.Elapsed.TotalSeconds));
        Assert.InRange(counts["found"], 1, 2 + clock.Elapsed.TotalSeconds / 5);
    }

    [Fact]
    public async Task A_key_that_was_just_made_works_at_once_and_soon_in_other_processes_also_among_invented_ones()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var host = await RewriteHost.StartAsync(
            database, ("Tracking:ApiKeys:UnknownPerSecondAndNetwork", "1"));
        // The other host's announcements do not arrive, because the in-memory bus is per process.
        await using var other = await RewriteHost.StartAsync(
            database,
            ("Tracking:DirectoryRefresh", "00:00:01"),
            ("Tracking:ApiKeys:UnknownPerSecondAndNetwork", "1"));
        var cluster = await host.CreateClusterAsync();
        // The test stored the admin's key directly in the database. After this request the host knows it.
        await ManagementHost.GetAsync(host.Admin, "/api/v1/clusters");
        using var done = new CancellationTokenSource();
        var flood = Task.WhenAll(FloodAsync(host, done.Token), FloodAsync(other, done.Token));

        var key = await MakeKeyAsync(host, cluster);

        using var here = host.Client(key);
        Assert.NotNull((string?)(await ManagementHost.GetAsync(here, $"/api/v1/clusters/{cluster}"))["id"]);
        using var there = other.Client(key);
        await Eventually.HoldsAsync(
            async () =>
            {
                using var answer = await Expect.GetAsync(there, $"/api/v1/clusters/{cluster}");
                Assert.True(
                    answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.TooManyRequests, $"{answer.StatusCode}");
                return answer.StatusCode == HttpStatusCode.OK;
            },
            "the key works in the other process",
            Cancelled);
        await done.CancelAsync();
        await flood;
    }

    private static async Task FloodAsync(RewriteHost host, CancellationToken stop)
    {
        using var nobody = host.Client(null);
        while (!stop.IsCancellationRequested)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/clusters");
            request.Headers.Authorization = new("Bearer", ApiKeySecret.Create());
            using var answer = await nobody.SendAsync(request, CancellationToken.None);
            Assert.False(answer.IsSuccessStatusCode);
        }
    }

    private static async Task<string> MakeKeyAsync(RewriteHost host, ClusterId cluster) =>
        (string)(await ManagementHost.PostAsync(
            host.Admin, $"/api/v1/clusters/{cluster}/api-keys", new { name = "mta" }))["secret"]!;

    private async Task<RewriteHost> StartAsync(params (string Key, string Value)[] settings) =>
        await RewriteHost.StartAsync(await postgres.CreateDatabaseAsync(), settings);

    private static Task<long> WaitingForLocksAsync(RewriteHost host) => host.ScalarAsync<long>(
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database() AND application_name = 'tracking-api'
        """);

    /// <summary>The API's counters of this host, by their only tag.</summary>
    private sealed class Counts : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Dictionary<string, long> _counts = [];

        public Counts(RewriteHost host)
        {
            var scope = host.Services.GetRequiredService<IMeterFactory>();
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == ApiTelemetry.Name && instrument.Meter.Scope == scope)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            {
                var tag = (string)tags[0].Value!;
                lock (_counts)
                {
                    _counts[tag] = _counts.GetValueOrDefault(tag) + value;
                }
            });
            _listener.Start();
        }

        public long this[string tag]
        {
            get
            {
                lock (_counts)
                {
                    return _counts.GetValueOrDefault(tag);
                }
            }
        }

        public void Dispose() => _listener.Dispose();
    }
}
