using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Tracking.Database.Hosts;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.RedirectEdge;

/// <summary>Links of another system at the edge.</summary>
public sealed class ImportedLinksTests(TestPostgres postgres) : IAsyncLifetime
{
    private const int Cluster = 4711;
    private const int Other = 4712;
    private const string Host = "track.shop.example";

    private readonly TemporaryFolder _folder = new();
    private readonly LinkId _link = new(0xffee_ddcc_bbaa_9988);
    private readonly LinkId _right = new(0xffee_ddcc_bbaa_9989);
    private readonly MessageKey _message = new(1, 2);
    private string _connection = "";
    private NpgsqlDataSource _database = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _connection = await postgres.CreateDatabaseAsync(Cancelled);
        await FirstKey.MakeAsync(_connection);
        _database = NpgsqlDataSource.Create(_connection);
        await ExecuteAsync("INSERT INTO management.clusters (id, name) VALUES ($1, 'one'), ($2, 'two')", Cluster, Other);
        await ExecuteAsync(
            "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES ($1, $2, '', "
                + "'https://example.com/wrong'), ($1, $3, '', 'https://example.com/right')",
            Cluster, _link.ToInt64(), _right.ToInt64());
        await SomeDomains.AddAsync(_database, Cluster, Host);
        await SomeDomains.AddAsync(_database, Cluster, "plain.shop.example");
        await SomeDomains.AddAsync(_database, Cluster, "pending.shop.example", isActive: false);
        await SomeDomains.AddAsync(_database, Other, "track.other.example");
        await ExecuteAsync(
            "UPDATE domains.tracking_domains SET has_imported_links = true WHERE hostname <> 'plain.shop.example'");
        foreach (var (host, path, kind) in ((string, string, short)[])
        [
            (Host, "/server/link", 0), (Host, "/img/server/message", 1), (Host, "/click", -1), (Host, "/click?id=1", 0),
            (Host, $"/hash/{new string('a', 40)}", 0), ("plain.shop.example", "/server/link", 0),
            ("pending.shop.example", "/server/link", 0),
        ])
        {
            await AddAsync(host, path, kind);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(Host, "/server/link", 307)]
    [InlineData(Host, "/server/link?utm_source=x", 307)]
    [InlineData(Host, "/server/link).", 307)]
    [InlineData("TRACK.shop.example.", "/server/link", 307)]
    [InlineData(Host, "/hash/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 307)]
    [InlineData(Host, "/hash/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 404)]
    [InlineData(Host, "/click?id=1", 307)]
    [InlineData(Host, "/click?id=2", 404)]
    [InlineData(Host, "/click", 404)]
    [InlineData(Host, "/img/server/message", 200)]
    [InlineData(Host, "/img/server/none", 404)]
    [InlineData(Host, "/server/LINK", 404)]
    [InlineData(Host, "/", 200)]
    [InlineData("plain.shop.example", "/server/link", 404)]
    [InlineData("pending.shop.example", "/server/link", 404)]
    [InlineData("track.other.example", "/server/link", 404)]
    [InlineData("nobody.shop.example", "/server/link", 404)]
    [InlineData("track.localhost", "/server/link", 404)]
    public async Task A_path_is_served_on_its_own_host_alone(string host, string path, int status)
    {
        await using var edge = await EdgeHost.StartAsync(_folder, _connection);
        using var answer = await edge.SendAsync(host, path);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(
            status == 307 ? "https://example.com/wrong" : null, answer.Headers.Location?.OriginalString);
    }

    [Fact]
    public async Task Links_of_our_own_on_the_same_host_still_work()
    {
        await using var edge = await EdgeHost.StartAsync(_folder, _connection);
        Assert.Equal(302, await edge.GetAsync(Host, $"/c/{edge.Token(new ClusterId(Cluster), _link)}"));
        Assert.Equal(307, await edge.GetAsync(Host, "/server/link"));
    }

    [Fact]
    public async Task Blocked_and_repaired_destinations_are_so_for_imported_links_too()
    {
        await ExecuteAsync(
            "INSERT INTO links.repairs (cluster_id, id, link_id, new_link_id, message_key) VALUES ($1, $2, $3, $4, $5)",
            Cluster, Guid.CreateVersion7(), _link.ToInt64(), _right.ToInt64(), _message.ToBytes());
        await using (var edge = await EdgeHost.StartAsync(_folder, _connection))
        {
            using var repaired = await edge.SendAsync(Host, "/server/link");
            Assert.Equal("https://example.com/right", repaired.Headers.Location?.OriginalString);
            Assert.Equal(307, (int)repaired.StatusCode);
        }

        await ExecuteAsync("INSERT INTO links.blocked_destinations (pattern, reason) VALUES ('example.com', '')");
        await using var blocking = await EdgeHost.StartAsync(_folder, _connection);
        Assert.Equal(410, await blocking.GetAsync(Host, "/server/link"));
    }

    [Fact]
    public async Task Requests_for_a_path_at_once_share_one_query_and_an_unknown_path_is_not_queried_again()
    {
        await using var edge = await EdgeHost.StartAsync(
            _folder, _connection, ("Tracking:Edge:NegativeAge", "00:05:00"));
        await edge.GetAsync(Host, "/");
        var lookups = 0;
        using var listener = new MeterListener();
        var meter = edge.Services.GetRequiredService<IMeterFactory>();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name == "tracking.links.lookups" && ReferenceEquals(instrument.Meter.Scope, meter))
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            foreach (var tag in tags)
            {
                if (tag.Value is string outcome && outcome.StartsWith("Imported", StringComparison.Ordinal))
                {
                    Interlocked.Add(ref lookups, (int)value);
                }
            }
        });
        listener.Start();
        Assert.All(
            await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => edge.GetAsync(Host, "/server/link"))),
            status => Assert.Equal(307, status));
        Assert.Equal(1, lookups);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(404, await edge.GetAsync(Host, "/server/unknown"));
        }

        Assert.Equal(2, lookups);
    }

    [Fact]
    public async Task A_flood_of_unknown_paths_does_not_reach_the_database_and_what_is_in_memory_is_served()
    {
        await using var edge = await EdgeHost.StartAsync(
            _folder, _connection, ("Tracking:Edge:UnknownPathsPerSecond", "1"));
        Assert.Equal(307, await edge.GetAsync(Host, "/server/link"));
        var statuses = new List<int>();
        for (var i = 0; i < 20; i++)
        {
            statuses.Add(await edge.GetAsync(Host, $"/server/{i}"));
        }

        Assert.Contains(503, statuses);
        Assert.Equal(307, await edge.GetAsync(Host, "/server/link"));
    }

    [Fact]
    public async Task A_path_that_was_served_once_is_served_without_the_database_also_after_a_restart()
    {
        await using (var edge = await EdgeHost.StartAsync(_folder, _connection))
        {
            Assert.Equal(307, await edge.GetAsync(Host, "/server/link"));
            Assert.Equal(404, await edge.GetAsync("plain.shop.example", "/server/link"));
        }

        await using var restarted = await EdgeHost.StartAsync(_folder, "Host=127.0.0.1;Port=1;Timeout=2");
        Assert.Equal(307, await restarted.GetAsync(Host, "/server/link"));
        Assert.Equal(503, await restarted.GetAsync(Host, "/server/other"));
        Assert.Equal(404, await restarted.GetAsync("plain.shop.example", "/server/link"));
    }

    [Fact]
    public async Task A_host_that_gets_its_first_imported_links_is_known_without_the_bus()
    {
        await AddAsync("plain.shop.example", "/later", 0);
        await using var edge = await EdgeHost.StartAsync(
            _folder, _connection, ("Tracking:DirectoryRefresh", "00:00:01"));
        Assert.Equal(404, await edge.GetAsync("plain.shop.example", "/later"));
        await SomeDomains.ChangeAsync(_database, Cluster, "plain.shop.example", "has_imported_links = true");
        await Eventually.HoldsAsync(
            async () => await edge.GetAsync("plain.shop.example", "/later") == 307, "it is served", Cancelled);
        Assert.Contains(edge.Names.ToList(), (TrackingHost host) => host.HasImportedLinks);
    }

    private Task AddAsync(string host, string path, short kind) => ExecuteAsync(
        "INSERT INTO links.imported_links (cluster_id, host, path, kind, message_key, link_id) "
            + "VALUES ($1, $2, $3, $4, $5, $6)",
        Cluster, host, path, kind, _message.ToBytes(), kind == 0 ? _link.ToInt64() : 0L);

    private Task ExecuteAsync(string sql, params object[] values) =>
        SomeDomains.ExecuteAsync(_database, sql, values);
}
