using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Tracking.Bus;
using Tracking.Functional.Tests.Bus;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.RedirectEdge;

/// <summary>Changes of a tracking domain at the edge: at once with the bus, and the last state while bus and database
/// are unavailable.</summary>
public sealed class ChangedDomainsTests(TestPostgres postgres, TestRabbit rabbit, TestRedis redis) : IAsyncLifetime
{
    private const int Cluster = 4711;
    private const int Other = 4712;

    // Well before PostgreSQL is asked, which takes a minute here. With the bus up it takes milliseconds.
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(45);

    private readonly TemporaryFolder _folder = new();

    // The name is unique, because other tests with other databases use the same Redis. In an installation this cannot
    // happen.
    private readonly string _name = $"{Guid.NewGuid():N}.shop.example";
    private readonly LinkId _link = new(0xffee_ddcc_bbaa_9988);
    private string _connection = "";
    private NpgsqlDataSource _database = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _connection = await postgres.CreateDatabaseAsync(Cancelled);
        await FirstKey.MakeAsync(_connection);
        _database = NpgsqlDataSource.Create(_connection);
        await SomeDomains.ExecuteAsync(
            _database, "INSERT INTO management.clusters (id, name) VALUES ($1, 'one'), ($2, 'two')", Cluster, Other);
        await SomeDomains.ExecuteAsync(
            _database,
            "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) "
                + "SELECT c, $1, '', 'https://example.com/' FROM unnest($2) c",
            _link.ToInt64(),
            new[] { Cluster, Other });
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_change_that_is_announced_acts_at_once_at_an_edge_elsewhere()
    {
        await redis.StartAsync(Cancelled);
        var broker = await rabbit.CreateVirtualHostAsync(Cancelled);
        await using var announcer = await BusHost.StartAsync(
            broker, configure: builder => builder.AddDirectoryChanges());
        await announcer.IsReadyAsync();
        await using var edge = await EdgeHost.StartAsync(
            _folder,
            _connection,
            ("ConnectionStrings:rabbitmq", broker.AmqpUri.OriginalString),
            ("ConnectionStrings:redis", redis.ConnectionString),
            ("Tracking:DirectoryRefresh", "00:01:00"));
        var changes = announcer.Services.GetRequiredService<DirectoryChanges>();
        await SomeDomains.AddAsync(_database, Cluster, _name, isActive: false);
        await SomeDomains.AddAsync(_database, Cluster, "other.shop.example");
        Assert.Equal(404, await OnAsync(edge, Cluster));
        Assert.Equal(200, await edge.GetAsync(_name, "/"));

        // When the first change arrives, the edge's queue exists.
        await ChangeAsync(Cluster, "status = 1");
        await Eventually.HoldsAsync(
            async () =>
            {
                changes.Announce(new ClusterId(Cluster), hostname: _name);
                return await OnAsync(edge, Cluster) == 302;
            },
            "a verified name is served",
            Cancelled,
            _deadline);

        await ChangeAsync(Cluster, "is_retired = true");
        changes.Announce(new ClusterId(Cluster), hostname: _name);
        await ComesToAsync(
            () => Task.FromResult(edge.Names.TryGet(_name, out var host) && host!.IsRetired), "it is retired");
        Assert.Equal(302, await OnAsync(edge, Cluster));

        await ChangeAsync(Cluster, "status = 0");
        changes.Announce(new ClusterId(Cluster), isDeleted: true, hostname: _name);
        await ComesToAsync(async () => await OnAsync(edge, Cluster) == 404, "a demoted name stops");

        await SomeDomains.AddAsync(_database, Other, _name);
        changes.Announce(new ClusterId(Other), hostname: _name);
        await ComesToAsync(async () => await OnAsync(edge, Other) == 302, "its new owner's links are served");
        Assert.Equal(404, await OnAsync(edge, Cluster));

        await ChangeAsync(Other, "deleted_at = now(), status = 0");
        changes.Announce(new ClusterId(Other), isDeleted: true, hostname: _name);
        await ComesToAsync(async () => await OnAsync(edge, Other) == 404, "a deleted name stops");
        Assert.Equal(200, await edge.GetAsync(_name, "/"));
        Assert.Equal(302, await edge.GetAsync("other.shop.example", Path(edge, Cluster)));
    }

    [Fact]
    public async Task A_deleted_name_stops_without_the_bus_too()
    {
        await SomeDomains.AddAsync(_database, Cluster, _name);
        await using var edge = await EdgeHost.StartAsync(
            _folder, _connection, ("Tracking:DirectoryRefresh", "00:00:01"));
        Assert.Equal(302, await OnAsync(edge, Cluster));
        await ChangeAsync(Cluster, "deleted_at = now(), status = 0");
        await Eventually.HoldsAsync(async () => await OnAsync(edge, Cluster) == 404, "it stops", Cancelled);
    }

    [Fact]
    public async Task A_name_once_served_is_served_without_PostgreSQL_also_by_an_edge_that_starts_so()
    {
        await SomeDomains.AddAsync(_database, Cluster, _name);
        await SomeDomains.AddAsync(_database, Cluster, "cold.shop.example");
        await using var relay = new DatabaseRelay(_connection);
        string path;
        await using (var edge = await EdgeHost.StartAsync(_folder, relay.ConnectionString))
        {
            path = Path(edge, Cluster);
            Assert.Equal(302, await edge.GetAsync(_name, path));
            relay.Cut();
            Assert.Equal(302, await edge.GetAsync(_name, path));
            Assert.Equal(503, await edge.GetAsync("cold.shop.example", path));
        }

        await using var next = await EdgeHost.StartAsync(
            _folder, relay.ConnectionString, ("Tracking:DirectoryRefresh", "00:00:01"));
        Assert.Equal(302, await next.GetAsync(_name, path));
        Assert.Equal(503, await next.GetAsync("cold.shop.example", path));

        // The edge finds the change as soon as PostgreSQL is back.
        await ChangeAsync(Cluster, "status = 0");
        relay.Mend();
        await Eventually.HoldsAsync(async () => await next.GetAsync(_name, path) == 404, "it stops", Cancelled);
        await Eventually.HoldsAsync(
            async () => await next.GetAsync("cold.shop.example", path) == 302, "a cold name is found", Cancelled);
    }

    private string Path(EdgeHost edge, int cluster) => $"/c/{edge.Token(new ClusterId(cluster), _link)}";

    private Task<int> OnAsync(EdgeHost edge, int cluster) => edge.GetAsync(_name, Path(edge, cluster));

    private static Task ComesToAsync(Func<Task<bool>> condition, string what) =>
        Eventually.HoldsAsync(condition, what, Cancelled, _deadline);

    private Task ChangeAsync(int cluster, string set) => SomeDomains.ChangeAsync(_database, cluster, _name, set);
}
