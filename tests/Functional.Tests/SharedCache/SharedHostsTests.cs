using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Privacy;
using Tracking.Functional.Tests.RedirectEdge;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.RedirectEdge.Events;
using Tracking.RedirectEdge.Hosts;
using Tracking.Servers;

namespace Tracking.Functional.Tests.SharedCache;

/// <summary>An edge that has read PostgreSQL shares the directory with an edge that cannot read it. A deleted cluster
/// is not served longer because of that.</summary>
public sealed class SharedHostsTests(TestPostgres postgres, TestRedis redis) : IAsyncLifetime
{
    private const string Host = "track.localhost";
    private static readonly ClusterId _old = new(11);
    private static readonly ClusterId _deleted = new(12);
    private static readonly ClusterId _new = new(13);

    private readonly byte[] _master = RandomNumberGenerator.GetBytes(MasterKey.Size);
    private readonly string _host = $"h{Guid.NewGuid():N}.{Host}";
    private readonly StandingTime _time = new();
    private NpgsqlDataSource _database = null!;
    private NpgsqlDataSource _own = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string Key => $"tracking:1:host:{_host}";

    public async ValueTask InitializeAsync()
    {
        await redis.StartAsync(Cancelled);
        var connection = await postgres.CreateDatabaseAsync(Cancelled);
        _database = NpgsqlDataSource.Create(connection);
        _own = NpgsqlDataSource.Create(ServiceLogins.Of(connection, "edge"));
        await ExecuteAsync($"INSERT INTO management.clusters (id, name) VALUES ({_old.Value}, 'a'), ({_new.Value}, 'b')");
    }

    public async ValueTask DisposeAsync()
    {
        await _own.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task An_edge_without_PostgreSQL_serves_what_another_has_read_and_not_what_its_own_copy_had_before()
    {
        await using var reader = await EdgeAsync(_own);
        await using var edge = await EdgeAsync(database: null);
        Assert.Equal((true, false, true), edge.Serves);

        await TellAsync(reader);
        await edge.Shared.ExchangeAsync();

        Assert.Equal((true, true, false), edge.Serves);
        var left = (long)(await redis.CommandAsync(Cancelled, "PTTL", Key))!;
        Assert.InRange(TimeSpan.FromMilliseconds(left), TimeSpan.FromMilliseconds(1), SharedHosts.MaxAge);
        var value = Encoding.Latin1.GetBytes((string)(await redis.CommandAsync(Cancelled, "GET", Key))!);
        Assert.Equal(CacheSeal.Overhead + 16, value.Length);
    }

    [Fact]
    public async Task An_entry_of_another_edge_is_valid_for_45_seconds_and_a_deleted_cluster_stays_deleted()
    {
        await using var reader = await EdgeAsync(_own);
        await using var edge = await EdgeAsync(database: null);
        await TellAsync(reader);
        await edge.Shared.ExchangeAsync();
        // An entry whose expiry in Redis is removed must not be valid for longer.
        await redis.CommandAsync(Cancelled, "PERSIST", Key);

        _time.Advance(SharedHosts.MaxAge - TimeSpan.FromSeconds(1));
        await edge.Shared.ExchangeAsync();
        Assert.Equal((true, true, false), edge.Serves);

        _time.Advance(TimeSpan.FromSeconds(1));
        await edge.Shared.ExchangeAsync();
        Assert.Equal((true, false, false), edge.Serves);
        await using var late = await EdgeAsync(database: null);
        await late.Shared.ExchangeAsync();
        Assert.Equal((true, false, true), late.Serves);

        // A read of PostgreSQL writes the entry again.
        await reader.Clusters.RefreshAsync(Cancelled);
        await TellAsync(reader);
        await edge.Shared.ExchangeAsync();
        Assert.Equal((true, true, false), edge.Serves);
    }

    [Fact]
    public async Task After_an_announcement_nothing_counts_that_was_read_before_it()
    {
        await using var reader = await EdgeAsync(_own);
        await using var edge = await EdgeAsync(database: null);
        await TellAsync(reader);
        await edge.Shared.ExchangeAsync();
        Assert.Equal((true, true, false), edge.Serves);

        await ExecuteAsync($"UPDATE management.clusters SET deleted_at = now() WHERE id = {_new.Value}");
        _time.Advance(TimeSpan.FromSeconds(1));
        edge.Refresh.RequestNow();
        await edge.Shared.ExchangeAsync();
        Assert.Null(edge.Shared.Current);
        Assert.Equal((true, false, false), edge.Serves);

        _time.Advance(TimeSpan.FromSeconds(1));
        await reader.Clusters.RefreshAsync(Cancelled);
        await TellAsync(reader);
        await edge.Shared.ExchangeAsync();
        Assert.NotNull(edge.Shared.Current);
        Assert.Equal((true, false, false), edge.Serves);
    }

    [Fact]
    public async Task Data_from_PostgreSQL_is_not_changed_by_anything_in_Redis()
    {
        await using var edge = await EdgeAsync(_own);
        await WriteAsync(edge.Cache.Seal(Key, SharedHosts.Encode([_deleted], _time.GetUtcNow().AddSeconds(1))));
        await edge.Shared.ExchangeAsync();
        Assert.Equal((true, true, false), edge.Serves);
        Assert.Null(edge.Shared.Current);
    }

    [Theory]
    [InlineData("old")]
    [InlineData("from the future")]
    [InlineData("of another host")]
    [InlineData("of another installation")]
    [InlineData("cut")]
    [InlineData("of half a cluster")]
    [InlineData("without a time")]
    [InlineData("of no time there is")]
    public async Task An_entry_that_is_not_one_of_this_moment_and_host_is_ignored(string kind)
    {
        await using var edge = await EdgeAsync(database: null);
        await using var foreign = await CacheUser.UsingAsync(redis);
        var now = _time.GetUtcNow();
        var right = SharedHosts.Encode([_new], now);
        await WriteAsync(kind switch
        {
            "old" => edge.Cache.Seal(Key, SharedHosts.Encode([_new], now - SharedHosts.MaxAge)),
            "from the future" => edge.Cache.Seal(Key, SharedHosts.Encode([_new], now.AddSeconds(16))),
            "of another host" => edge.Cache.Seal(Key + "2", right),
            "of another installation" => foreign.Seal(Key, right),
            "cut" => edge.Cache.Seal(Key, right)[..^1],
            "of half a cluster" => edge.Cache.Seal(Key, right.AsSpan()[..^1]),
            "without a time" => edge.Cache.Seal(Key, right.AsSpan(0, 7)),
            _ => edge.Cache.Seal(Key, Enumerable.Repeat((byte)0xff, 12).ToArray()),
        });

        await edge.Shared.ExchangeAsync();
        Assert.Equal((true, false, true), edge.Serves);

        await WriteAsync(edge.Cache.Seal(Key, right));
        await edge.Shared.ExchangeAsync();
        Assert.Equal((false, true, false), edge.Serves);
    }

    private static async Task TellAsync(Edge edge)
    {
        var written = edge.Cache["tracking.cache.writes/written"];
        await edge.Shared.ExchangeAsync();
        await Eventually.HoldsAsync(
            () => edge.Cache["tracking.cache.writes/written"] == written + 1, "the entry is written", Cancelled);
        await edge.Shared.ExchangeAsync();
        Assert.Equal(written + 1, edge.Cache["tracking.cache.writes"]);
    }

    private async Task WriteAsync(byte[] value) =>
        await redis.CommandAsync(Cancelled, "SET", Key, Encoding.Latin1.GetString(value));

    /// <summary>An edge whose copy has <see cref="_old"/> and <see cref="_deleted"/>. With a database, the edge has
    /// read it.</summary>
    private async Task<Edge> EdgeAsync(NpgsqlDataSource? database)
    {
        var edge = new Edge(
            database ?? NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Timeout=1"),
            await CacheUser.UsingAsync(redis, _master),
            new SystemOptions { SystemHost = _host },
            _master,
            _time);
        if (database is not null)
        {
            await edge.Clusters.RefreshAsync(Cancelled);
        }

        return edge;
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = _database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    private sealed class Edge : IAsyncDisposable
    {
        private readonly TemporaryFolder _temporary = new();
        private readonly EdgeFolder _folder;
        private readonly MasterKey _master;
        private readonly HostDirectory _hosts;
        private readonly string _host;

        public Edge(
            NpgsqlDataSource database, CacheUser cache, SystemOptions options, byte[] master, TimeProvider time)
        {
            Cache = cache;
            _host = options.SystemHost;
            _folder = EdgeFolder.Open(_temporary.Path);
            _master = new MasterKey(master);
            var sealedKey = _master.Seal(new byte[SigningKey.Size], "links.signing_keys/1");
            _folder.WriteChecked(
                "directory.copy",
                DirectoryCopy.Encode(
                    [(_old, ClusterPolicy.Strictest), (_deleted, ClusterPolicy.Strictest)],
                    [new SealedSigningKey(1, sealedKey, DateTimeOffset.UnixEpoch)]));
            Clusters = new ClusterDirectory(database, NullLogger<ClusterDirectory>.Instance, time);
            var keys = new SigningKeyRing(database, _master, time);
            Refresh = new RefreshDirectories(
                Clusters, Options.Create(options), time, NullLogger<RefreshDirectories>.Instance, keys);
            Shared = new SharedHosts(cache.Cache, Clusters, Refresh, Options.Create(options), time);
            _hosts = new HostDirectory(
                Clusters,
                keys,
                NamesUnderTest.Without(time),
                _folder,
                Options.Create(options),
                NullLogger<HostDirectory>.Instance,
                Shared);
            _hosts.Restore();
        }

        public CacheUser Cache { get; }

        public ClusterDirectory Clusters { get; }

        public RefreshDirectories Refresh { get; }

        public SharedHosts Shared { get; }

        /// <summary>Which of the three clusters the edge serves.</summary>
        public (bool Old, bool New, bool Deleted) Serves => (Is(_old), Is(_new), Is(_deleted));

        public async ValueTask DisposeAsync()
        {
            Shared.Dispose();
            Refresh.Dispose();
            _folder.Dispose();
            _master.Dispose();
            await Cache.DisposeAsync();
            _temporary.Dispose();
        }

        private bool Is(ClusterId cluster)
        {
            Assert.True(_hosts.IsLoaded);
            return _hosts.Check(_host, cluster) == HostOutcome.Served;
        }
    }
}
