using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Functional.Tests.SharedCache;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.RedirectEdge;

/// <summary>Look-ups of names: how often each store is asked, and the arrival of changes while stores are
/// unavailable.</summary>
public sealed class TrackingHostsTests(TrackingHostsTests.OwnPostgres postgres, TestRedis redis)
    : IClassFixture<TrackingHostsTests.OwnPostgres>, IAsyncLifetime
{
    private const int Cluster = 4711;
    private const int Other = 4712;
    private const string Name = "track.shop.example";

    // The shortest refresh. A refresh of a minute does not happen during a test.
    private static readonly TimeSpan _often = TimeSpan.FromSeconds(1);

    private string _connection = "";
    private NpgsqlDataSource _database = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var connection = await postgres.Server.CreateDatabaseAsync(Cancelled);
        _database = NpgsqlDataSource.Create(connection);
        _connection = ServiceLogins.Of(connection, "edge");
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task A_thousand_who_ask_for_a_cold_name_are_one_query_and_the_warm_ones_none()
    {
        await AddAsync(Cluster, Name);
        await using var names = Names();
        var found = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(_ => Task.Run(() => names.FindAsync(Name))));
        Assert.All(found, host => Assert.True(host!.Serves(new ClusterId(Cluster))));
        Assert.Equal(1, names.Queries);
        Assert.True(names.Hosts.TryGet("TRACK.shop.example", out var warm));
        Assert.Same(found[0], warm);
        Assert.Equal(1, names.Queries);
    }

    [Fact]
    public async Task A_name_is_read_with_all_that_is_known_of_it_an_active_one_first()
    {
        await AddAsync(Cluster, Name, isActive: false);
        await AddAsync(Other, Name);
        await ChangeAsync(
            Other,
            Name,
            "is_retired = true, track_clicks = false, track_opens = false, https = 1, "
                + "certificate_until = '2027-01-02Z', excluded_domains = '{*.bank.example,a.example/x/*}'");
        await AddAsync(Other, "deleted.shop.example");
        await ChangeAsync(Other, "deleted.shop.example", "deleted_at = now()");
        await using var names = Names();

        var host = (await names.FindAsync(Name))!;

        Assert.Equal((Name, Other, DomainStatus.Active), (host.Hostname, host.Cluster.Value, host.Status));
        Assert.Equal((true, false, false, HttpsPolicy.Optional),
            (host.IsRetired, host.TracksClicks, host.TracksOpens, host.Https));
        Assert.Equal(new DateTimeOffset(2027, 1, 2, 0, 0, 0, TimeSpan.Zero), host.CertificateUntil);
        Assert.Equal(["*.bank.example", "a.example/x/*"], host.ExcludedDomains);
        Assert.Equal(NewLinks.Pending, host.Of(new ClusterId(Cluster))!.AcceptsNewLinks(default, true));
        Assert.Null(host.Of(new ClusterId(1)));
        Assert.Null(await names.FindAsync("deleted.shop.example"));
    }

    [Fact]
    public async Task A_flood_of_invented_names_costs_bounded_memory_and_few_queries_and_impossible_ones_none()
    {
        await AddAsync(Cluster, Name);
        await using var names = Names(options => (options.MaxUnknown, options.UnknownPerSecond) = (100, 50));
        Assert.NotNull(await names.FindAsync(Name));
        string[] impossible =
            ["shop.example", "localhost", "192.0.2.1", "[::1]", "a..b.example", "-a.b.example", "", "v-1.track.localhost",
                new string('a', 64) + ".b.example", "track.shop.example:80", "a b.c.example"];
        foreach (var name in impossible)
        {
            Assert.Null(await names.FindAsync(name));
        }

        Assert.Equal(0, names.Nobody);
        var refused = 0;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        for (var number = 0; number < 100_000; number++)
        {
            var name = $"h{number}.attacker.example";
            var outcome = (await names.Hosts.FindAsync(name, isAnybodys: true)).Outcome;
            Assert.NotEqual(HostLookup.Found, outcome);
            refused += outcome == HostLookup.Unavailable ? 1 : 0;
        }

        // The limit of one second at the start, then the limit per second.
        Assert.InRange(names.Nobody, 1, 51 + (50 * clock.Elapsed.TotalSeconds));
        Assert.Equal(100_000, names.Nobody + refused);
        Assert.InRange(names.Hosts.UnknownCount, 1, 100);
        Assert.Equal(1, names.Hosts.Count);

        // Names in memory are served meanwhile, and known names do not wait.
        Assert.True(names.Hosts.TryGet(Name, out _));
        Assert.Equal(
            HostLookup.Nobody, (await names.Hosts.FindAsync("new.shop.example", isAnybodys: false)).Outcome);
    }

    [Fact]
    public async Task An_unknown_name_is_asked_for_once_and_known_as_soon_as_it_is_added()
    {
        await using var names = Names();
        await names.KeepFreshAsync(Cancelled);
        Assert.Null(await names.FindAsync(Name));
        Assert.Null(await names.FindAsync(Name));
        Assert.Equal(1, names.Queries);
        await AddAsync(Cluster, Name);
        names.Hosts.Heed(new HostChange(new ClusterId(Cluster), Name, IsGone: false));
        Assert.NotNull(await names.FindAsync(Name));
        Assert.Equal(2, names.Queries);
    }

    public static TheoryData<string, string?, bool> Changes => new()
    {
        { "verified", "status = 1", true },
        { "demoted", "status = 0", false },
        { "retired", "is_retired = true", true },
        { "deleted", "deleted_at = now(), status = 0", false },
        { "re-claimed", null, false },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_change_acts_without_the_bus_on_names_in_memory_and_on_unknown_ones(
        string what, string? set, bool isServed)
    {
        await AddAsync(Cluster, Name, isActive: what != "verified");
        await AddAsync(Cluster, "other.shop.example");
        await using var names = Names(refresh: _often);
        await names.KeepFreshAsync(Cancelled);
        await names.FindAsync("other.shop.example");
        var before = await names.FindAsync(Name);
        Assert.Equal(what != "verified", before!.Serves(new ClusterId(Cluster)));

        await ChangeAsync(Cluster, Name, set ?? "status = 0");
        if (what == "re-claimed")
        {
            await AddAsync(Other, Name);
        }

        await Eventually.HoldsAsync(
            async () => await names.FindAsync(Name) is var host
                && !TrackingHost.AreSame(before, host)
                && (host?.Serves(new ClusterId(Cluster)) ?? false) == isServed
                && (host?.Serves(new ClusterId(Other)) ?? false) == (what == "re-claimed"),
            "the change is seen",
            Cancelled);
    }

    [Fact]
    public async Task A_change_that_was_under_way_when_PostgreSQL_was_asked_is_seen_the_next_time()
    {
        await AddAsync(Cluster, Name);
        await using var names = Names();
        await names.KeepFreshAsync(Cancelled);
        await names.FindAsync(Name);
        await using var slow = await _database.OpenConnectionAsync(Cancelled);
        await using var transaction = await slow.BeginTransactionAsync(Cancelled);
        await using var change = new NpgsqlCommand(
            $"UPDATE domains.tracking_domains SET is_retired = true WHERE hostname = '{Name}'", slow, transaction);
        await change.ExecuteNonQueryAsync(Cancelled);

        // Later transactions begin and end, and PostgreSQL is asked for changes meanwhile.
        for (var number = 0; number < 3; number++)
        {
            await AddAsync(Cluster, $"later-{number}.shop.example");
            await names.Hosts.PollAsync(Cancelled);
        }

        var told = names.Cache["tracking.hosts.changed"];
        await transaction.CommitAsync(Cancelled);
        await names.Hosts.PollAsync(Cancelled);
        Assert.True(names.Cache["tracking.hosts.changed"] > told);
        await Eventually.HoldsAsync(
            () => names.Hosts.TryGet(Name, out var host) && host!.IsRetired, "the change is seen", Cancelled);
        told = names.Cache["tracking.hosts.changed"];
        await names.Hosts.PollAsync(Cancelled);
        Assert.Equal(told, names.Cache["tracking.hosts.changed"]);
    }

    [Fact]
    public async Task One_names_change_reloads_one_name_and_a_check_without_change_none()
    {
        for (var number = 0; number < 50; number++)
        {
            await AddAsync(Cluster, $"n{number}.shop.example");
        }

        await using var names = Names();
        await names.KeepFreshAsync(Cancelled);
        for (var number = 0; number < 50; number++)
        {
            await names.FindAsync($"n{number}.shop.example");
        }

        await ChangeAsync(Cluster, "n1.shop.example", "last_checked_at = now(), strikes = 1");
        await names.Hosts.PollAsync(Cancelled);
        Assert.Equal(0, names.Cache["tracking.hosts.changed"]);

        await ChangeAsync(Cluster, "n7.shop.example", "is_retired = true");
        await names.Hosts.PollAsync(Cancelled);
        Assert.Equal(1, names.Cache["tracking.hosts.changed"]);
        await Eventually.HoldsAsync(
            () => names.Hosts.TryGet("n7.shop.example", out var host) && host!.IsRetired, "it is reloaded", Cancelled);
        Assert.Equal(1, names.Reloaded);
        Assert.Equal(50, names.Queries);
    }

    [Fact]
    public async Task While_PostgreSQL_is_away_everything_stays_and_what_changed_meanwhile_is_seen_afterwards()
    {
        await AddAsync(Cluster, Name);
        await AddAsync(Cluster, "other.shop.example");
        await using var relay = new DatabaseRelay(_connection);
        await using var names = new NamesUnderTest(
            relay.ConnectionString, new CacheUser("127.0.0.1:1"), refresh: _often);
        await names.KeepFreshAsync(Cancelled);
        await names.FindAsync(Name);
        await names.FindAsync("other.shop.example");

        relay.Cut();
        await ChangeAsync(Cluster, Name, "status = 0");
        await ChangeAsync(Cluster, "other.shop.example", "status = 0");
        names.Hosts.Heed(new HostChange(new ClusterId(Cluster), Name, IsGone: false));
        names.Hosts.Heed(new HostChange(new ClusterId(Cluster), "other.shop.example", IsGone: true));
        Assert.True(names.Hosts.TryGet(Name, out var host) && host!.Status == DomainStatus.Active);
        Assert.False(names.Hosts.TryGet("other.shop.example", out _));
        var cold = await names.Hosts.FindAsync("cold.shop.example", isAnybodys: true);
        Assert.Equal(HostLookup.Unavailable, cold.Outcome);

        relay.Mend();
        await Eventually.HoldsAsync(
            () => names.Hosts.TryGet(Name, out var now) && now!.Status == DomainStatus.Pending,
            "the change is seen",
            Cancelled);
        Assert.Equal(DomainStatus.Pending, (await names.FindAsync("other.shop.example"))!.Status);
    }

    [Fact]
    public async Task Names_from_a_copy_are_read_again_when_PostgreSQL_answers()
    {
        await AddAsync(Cluster, Name);
        await using var names = Names();
        var until = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        names.Hosts.Restore(
        [
            new TrackingHost(Name, new ClusterId(Cluster), DomainStatus.Active, until),
            new TrackingHost("gone.shop.example", new ClusterId(Cluster), DomainStatus.Active),
        ]);
        Assert.True(names.Hosts.TryGet("gone.shop.example", out _));
        await names.KeepFreshAsync(Cancelled);
        await Eventually.HoldsAsync(
            () => !names.Hosts.TryGet("gone.shop.example", out _)
                && names.Hosts.TryGet(Name, out var host) && host!.CertificateUntil > until,
            "the copy is read again",
            Cancelled);
    }

    [Fact]
    public async Task A_name_that_one_process_read_from_PostgreSQL_is_in_Redis_for_the_others()
    {
        var name = $"{Guid.NewGuid():N}.shop.example";
        await AddAsync(Cluster, name);
        await using var first = Names(cache: await CacheUser.UsingAsync(redis));
        await using var second = new NamesUnderTest(database: null, await CacheUser.UsingAsync(redis));
        await first.FindAsync(name);
        await Eventually.HoldsAsync(
            () => first.Cache["tracking.cache.writes/written"] == 1, "it is written", Cancelled);
        var found = await second.FindAsync(name);
        Assert.True(TrackingHost.AreSame(found, await first.FindAsync(name)));
        Assert.Equal((0, 1), (second.Queries, second.Shared));
    }

    [Fact]
    public async Task An_entry_of_Redis_from_before_a_change_is_not_taken_whether_the_bus_or_PostgreSQL_told_of_it()
    {
        var name = $"{Guid.NewGuid():N}.shop.example";
        await AddAsync(Cluster, name);
        await using var first = Names(cache: await CacheUser.UsingAsync(redis));
        await using var told = Names(cache: await CacheUser.UsingAsync(redis));
        await using var asked = Names(cache: await CacheUser.UsingAsync(redis));
        await first.FindAsync(name);
        await Eventually.HoldsAsync(
            () => first.Cache["tracking.cache.writes/written"] == 1, "it is written", Cancelled);
        await asked.Hosts.PollAsync(Cancelled);

        await ChangeAsync(Cluster, name, "status = 0");
        told.Hosts.Heed(new HostChange(new ClusterId(Cluster), name, IsGone: true));
        await asked.Hosts.PollAsync(Cancelled);

        Assert.Equal(DomainStatus.Pending, (await told.FindAsync(name))!.Status);
        Assert.Equal(DomainStatus.Pending, (await asked.FindAsync(name))!.Status);
        Assert.Equal((0, 0), (told.Shared, asked.Shared));
        Assert.True(first.Hosts.TryGet(name, out var old) && old!.Status == DomainStatus.Active);
    }

    [Fact]
    public async Task Memory_keeps_to_its_bound_and_to_what_is_used()
    {
        await _database.CreateCommand(
            """
            INSERT INTO domains.tracking_domains (id, cluster_id, hostname, target, status)
            SELECT gen_random_uuid(), 4711, 'n' || n || '.shop.example', 'v-' || n, 1 FROM generate_series(1, 300) n
            """).ExecuteNonQueryAsync(Cancelled);
        await using var names = Names(options => options.MaxNames = 100);
        for (var number = 1; number <= 300; number++)
        {
            await names.FindAsync($"n{number}.shop.example");
            Assert.True(names.Hosts.TryGet("n1.shop.example", out _));
        }

        Assert.Equal(100, names.Hosts.Count);
        Assert.Equal(300, names.Queries);
    }

    private NamesUnderTest Names(
        Action<TrackingHostsOptions>? change = null, CacheUser? cache = null, TimeSpan? refresh = null) =>
        new(_connection, cache ?? new CacheUser("127.0.0.1:1"), change, refresh);

    private Task AddAsync(int cluster, string hostname, bool isActive = true) =>
        SomeDomains.AddAsync(_database, cluster, hostname, isActive);

    private Task ChangeAsync(int cluster, string hostname, string set) =>
        SomeDomains.ChangeAsync(_database, cluster, hostname, set);

    /// <summary>A server without other tests' transactions, because transaction numbers are counted per
    /// server.</summary>
    public sealed class OwnPostgres : IAsyncDisposable
    {
        internal TestPostgres Server { get; } = new();

        /// <inheritdoc/>
        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }
}
