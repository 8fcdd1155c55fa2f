using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Links;
using Tracking.RedirectEdge;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Events;
using Tracking.RedirectEdge.Hosts;
using Tracking.Servers;

namespace Tracking.Functional.Tests.RedirectEdge;

/// <summary>The edge's data with a real database and then without one.</summary>
public sealed class StoreAwayTests(TestPostgres server) : IAsyncLifetime
{
    private static readonly ClusterId _cluster = new(4711);
    private static readonly LinkKey _known = new(_cluster, new LinkId(0xffee_ddcc_bbaa_9988));

    private readonly byte[] _masterKey = RandomNumberGenerator.GetBytes(MasterKey.Size);
    private readonly TemporaryFolder _folder = new();
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private NpgsqlDataSource _database = null!;
    private NpgsqlDataSource _own = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var connection = await server.CreateDatabaseAsync(Cancelled);
        await FirstKey.MakeAsync(connection, _masterKey);
        _database = NpgsqlDataSource.Create(connection);
        _own = NpgsqlDataSource.Create(ServiceLogins.Of(connection, "edge"));
        await ExecuteAsync(
            "INSERT INTO management.clusters (id, name) VALUES ($1, 'edge'), ($1 + 1, 'other')", _cluster.Value);
        await ExecuteAsync(
            "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES ($1, $2, '', $3)",
            _cluster.Value,
            _known.Link.ToInt64(),
            "https://example.com/known");
    }

    public async ValueTask DisposeAsync()
    {
        await _own.DisposeAsync();
        await _database.DisposeAsync();
        await _services.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_link_is_read_once_and_served_by_a_killed_and_restarted_edge_without_the_database()
    {
        using (var folder = EdgeFolder.Open(_folder.Path))
        using (var links = Lookup(folder, _own))
        {
            links.Restore();
            var found = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => links.FindAsync(_known)));
            Assert.All(found, result => Assert.Equal("https://example.com/known", result.Link?.Url));
            Assert.Single(found.Select(result => result.Link).Distinct());
            Assert.True(links.TryGet(_known, out _));

            // Without Compact, as if the process were killed here.
        }

        await using var away = Away();
        using var nextFolder = EdgeFolder.Open(_folder.Path);
        using var next = Lookup(nextFolder, away);
        next.Restore();
        Assert.True(next.TryGet(_known, out var link));
        Assert.Equal("https://example.com/known", link.Url);
        var unknown = await next.FindAsync(new LinkKey(_cluster, new LinkId(2)));
        Assert.Equal(LookupOutcome.Unavailable, unknown.Outcome);
    }

    [Fact]
    public async Task A_link_of_one_cluster_is_not_found_under_another_and_a_missing_one_is_remembered_for_a_while()
    {
        using var folder = EdgeFolder.Open(_folder.Path);
        using var links = Lookup(folder, _own, negativeAge: TimeSpan.FromMinutes(5));
        var other = new LinkKey(new ClusterId(_cluster.Value + 1), _known.Link);
        Assert.Equal(LookupOutcome.NotFound, (await links.FindAsync(other)).Outcome);
        await InsertOtherAsync("https://example.com/other");
        Assert.Equal(LookupOutcome.NotFound, (await links.FindAsync(other)).Outcome);

        using var impatient = Lookup(folder, _own, negativeAge: TimeSpan.Zero);
        Assert.Equal("https://example.com/other", (await impatient.FindAsync(other)).Link?.Url);
    }

    [Fact]
    public async Task A_destination_that_is_not_safe_in_a_header_is_never_served()
    {
        await InsertOtherAsync("https://example.com/\r\nSet-Cookie: a=b");
        using var folder = EdgeFolder.Open(_folder.Path);
        using var links = Lookup(folder, _own);
        var other = new LinkKey(new ClusterId(_cluster.Value + 1), _known.Link);
        Assert.Equal(LookupOutcome.Unsafe, (await links.FindAsync(other)).Outcome);
        Assert.False(links.TryGet(other, out _));
    }

    [Fact]
    public async Task Hosts_and_keys_are_known_again_without_the_database_and_a_deleted_cluster_stops()
    {
        string token;
        using var masterKey = new MasterKey(_masterKey);
        using (var folder = EdgeFolder.Open(_folder.Path))
        {
            var clusters = new ClusterDirectory(_own, NullLogger<ClusterDirectory>.Instance);
            var keys = new SigningKeyRing(_own, masterKey, TimeProvider.System);
            var hosts = Hosts(clusters, keys, folder);
            Assert.False(hosts.IsLoaded);
            Assert.Equal(HostOutcome.NotLoaded, hosts.Check("track.localhost", _cluster));

            await keys.RefreshAsync(Cancelled);
            await clusters.RefreshAsync(Cancelled);
            hosts.Copy();
            Assert.Equal(HostOutcome.Served, hosts.Check("track.localhost", _cluster));
            token = new LinkToken(_cluster, new MessageKey(1, 2), _known.Link, 3, LinkKind.Click)
                .ToString(keys.Current!.Current);

            await ExecuteAsync("UPDATE management.clusters SET deleted_at = now() WHERE id = $1", _cluster.Value + 1);
            await clusters.RefreshAsync(Cancelled);
            Assert.Equal(
                HostOutcome.UnknownCluster, hosts.Check("track.localhost", new ClusterId(_cluster.Value + 1)));
            hosts.Copy();
        }

        await using var away = Away();
        using var nextFolder = EdgeFolder.Open(_folder.Path);
        var nextKeys = new SigningKeyRing(away, masterKey, TimeProvider.System);
        var next = Hosts(new ClusterDirectory(away, NullLogger<ClusterDirectory>.Instance), nextKeys, nextFolder);
        next.Restore();
        Assert.True(next.IsLoaded);
        Assert.Equal(TokenOutcome.Valid, LinkToken.Read(token, next.Keys!, out _));
        Assert.Equal(HostOutcome.Served, next.Check("track.localhost", _cluster));

        // Not in the copy: the cluster is either deleted or newer than the copy. The database decides.
        Assert.Equal(HostOutcome.UnknownCluster, next.Check("track.localhost", new ClusterId(_cluster.Value + 1)));
    }

    [Fact]
    public async Task A_copy_of_the_keys_is_never_written_over_by_less()
    {
        using var masterKey = new MasterKey(_masterKey);
        string token;
        using (var folder = EdgeFolder.Open(_folder.Path))
        {
            var (hosts, keys) = await ReadAsync(folder);
            await new SigningKeyRing(_database, masterKey, TimeProvider.System).RotateAsync(Cancelled);
            await ExecuteAsync("UPDATE links.signing_keys SET signs_from = now()");
            await keys.RefreshAsync(Cancelled);
            token = new LinkToken(_cluster, new MessageKey(1, 2), _known.Link, 3, LinkKind.Click)
                .ToString(keys.Current!.Current);
            hosts.Copy();
        }

        foreach (var accident in (string[])
            ["DELETE FROM links.signing_keys WHERE version = 2", "DELETE FROM links.signing_keys"])
        {
            await ExecuteAsync(accident);
            using var folder = EdgeFolder.Open(_folder.Path);
            var (hosts, _) = await ReadAsync(folder);
            hosts.Restore();
            hosts.Copy();
            Assert.Equal(TokenOutcome.Valid, LinkToken.Read(token, hosts.Keys!, out _));
        }

        await using var away = Away();
        using var lastFolder = EdgeFolder.Open(_folder.Path);
        var last = Hosts(
            new ClusterDirectory(away, NullLogger<ClusterDirectory>.Instance),
            new SigningKeyRing(away, masterKey, TimeProvider.System),
            lastFolder);
        last.Restore();
        Assert.Equal(TokenOutcome.Valid, LinkToken.Read(token, last.Keys!, out _));

        async Task<(HostDirectory Hosts, SigningKeyRing Keys)> ReadAsync(EdgeFolder folder)
        {
            var clusters = new ClusterDirectory(_own, NullLogger<ClusterDirectory>.Instance);
            var keys = new SigningKeyRing(_own, masterKey, TimeProvider.System);
            await keys.RefreshAsync(Cancelled);
            await clusters.RefreshAsync(Cancelled);
            return (Hosts(clusters, keys, folder), keys);
        }
    }

    [Fact]
    public async Task A_cluster_made_since_the_clusters_were_read_is_served_and_a_deleted_one_is_asked_for_once()
    {
        var clusters = new ClusterDirectory(_own, NullLogger<ClusterDirectory>.Instance);
        await clusters.RefreshAsync(Cancelled);
        using var find = Find(clusters);
        var (made, deleted) = (new ClusterId(_cluster.Value + 2), new ClusterId(_cluster.Value + 3));
        await ExecuteAsync(
            "INSERT INTO management.clusters (id, name, deleted_at) VALUES ($1, 'made', NULL), ($1 + 1, 'gone', now())",
            made.Value);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => find.RunAsync(made).AsTask()));
        Assert.All(outcomes, outcome => Assert.Equal(HostOutcome.Served, outcome));
        Assert.Equal(HostOutcome.ForeignHost, await find.RunAsync(deleted));
        var readAt = clusters.Living.ReadAt;
        Assert.Equal(HostOutcome.ForeignHost, await find.RunAsync(deleted));
        Assert.Equal(readAt, clusters.Living.ReadAt);
    }

    [Fact]
    public async Task Whether_a_cluster_is_new_is_not_guessed_while_the_database_is_away()
    {
        await using var away = Away();
        using var find = Find(new ClusterDirectory(away, NullLogger<ClusterDirectory>.Instance));
        Assert.Equal(HostOutcome.NotLoaded, await find.RunAsync(_cluster));
    }

    private static FindNewCluster Find(ClusterDirectory clusters) => new(
        clusters,
        Options.Create(new RedirectEdgeOptions { LookupTimeout = TimeSpan.FromSeconds(30) }),
        TimeProvider.System,
        NullLogger<FindNewCluster>.Instance);

    private static NpgsqlDataSource Away() => NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Timeout=1");

    private static HostDirectory Hosts(ClusterDirectory clusters, SigningKeyRing keys, EdgeFolder folder) =>
        new(
            clusters,
            keys,
            NamesUnderTest.Without(TimeProvider.System),
            folder,
            Options.Create(new SystemOptions()),
            NullLogger<HostDirectory>.Instance);

    private LinkLookup Lookup(EdgeFolder folder, NpgsqlDataSource database, TimeSpan? negativeAge = null) => new(
        database,
        folder,
        Options.Create(new RedirectEdgeOptions { NegativeAge = negativeAge ?? TimeSpan.FromSeconds(5) }),
        TimeProvider.System,
        new EdgeMeters(_services.GetRequiredService<IMeterFactory>()),
        NullLogger<LinkLookup>.Instance);

    private Task InsertOtherAsync(string url) => ExecuteAsync(
        "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES ($1, $2, '', $3)",
        _cluster.Value + 1,
        _known.Link.ToInt64(),
        url);

    private async Task ExecuteAsync(string sql, params object[] values)
    {
        await using var command = _database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        await command.ExecuteNonQueryAsync(Cancelled);
    }
}
