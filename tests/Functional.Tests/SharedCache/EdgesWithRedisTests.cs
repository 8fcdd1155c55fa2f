using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Links;
using Tracking.RedirectEdge.Destinations;
using Tracking.Rewrite;
using Tracking.Rewrite.Registration;
using Tracking.Servers;

namespace Tracking.Functional.Tests.SharedCache;

/// <summary>Look-ups in memory, then Redis, then PostgreSQL: how often each is asked, and the right answer.</summary>
public sealed class EdgesWithRedisTests(TestPostgres postgres, TestRedis redis) : IAsyncLifetime
{
    private const int Links = 60;
    private readonly ClusterId _cluster = ClusterId.NewRandom();
    private string _connection = "";
    private NpgsqlDataSource _database = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await redis.StartAsync(Cancelled);
        _connection = await postgres.CreateDatabaseAsync(Cancelled);
        _database = NpgsqlDataSource.Create(_connection);
        _connection = ServiceLogins.Of(_connection, "edge");
        await using var command = _database.CreateCommand(
            """
            INSERT INTO links.destinations (cluster_id, link_id, url_hash, url)
            SELECT $1, n, '', 'https://shop.example/' || n FROM generate_series(1, $2) AS n
            """);
        command.Parameters.Add(new() { Value = _cluster.Value });
        command.Parameters.Add(new() { Value = Links });
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task A_link_that_one_edge_read_from_PostgreSQL_is_in_Redis_for_the_others()
    {
        await using var first = new SharedEdge(_connection, await CacheUser.UsingAsync(redis));
        await using var second = new SharedEdge(database: null, await CacheUser.UsingAsync(redis));
        var found = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => first.Links.FindAsync(Key(1))));
        Assert.All(found, result => Assert.Equal("https://shop.example/1", result.Link?.Url));
        Assert.Equal((1, 1), (first.Queries, first.Cache["tracking.cache.reads"]));
        await Eventually.HoldsAsync(
            () => first.Cache["tracking.cache.writes/written"] == 1, "it is written back", Cancelled);

        found = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => second.Links.FindAsync(Key(1))));

        Assert.All(found, result => Assert.Equal("https://shop.example/1", result.Link?.Url));
        Assert.Equal((0, 1), (second.Queries, second.Cache["tracking.cache.reads/hit"]));
        Assert.True(second.Links.TryGet(Key(1), out _));
        Assert.Equal(0, second.Cache["tracking.cache.writes"]);
    }

    [Fact]
    public async Task A_new_link_is_in_Redis_with_its_registration_and_served_by_an_edge_that_has_no_database()
    {
        await using var rewriter = await CacheUser.UsingAsync(redis);
        await using var edge = new SharedEdge(database: null, await CacheUser.UsingAsync(redis));
        using var register = await RegisterAsync(rewriter);
        string[] urls = ["https://shop.example/new?a=1", "https://shop.example/new?a=2"];

        var registered = await register.RegisterAsync(Message("first", urls), Cancelled);

        Assert.Equal(RegistrationOutcome.Registered, registered.Outcome);
        await Eventually.HoldsAsync(
            () => rewriter["tracking.cache.writes/written"] == urls.Length, "both are written", Cancelled);
        foreach (var (url, link) in urls.Zip(registered.Links))
        {
            Assert.Equal(url, (await edge.Links.FindAsync(new LinkKey(_cluster, link))).Link?.Url);
        }

        Assert.Equal(0, edge.Queries);

        // A campaign's second message has no new link.
        await register.RegisterAsync(Message("second", urls), Cancelled);
        Assert.Equal(urls.Length, rewriter["tracking.cache.writes"]);
        await register.StopAsync(Cancelled);
    }

    [Fact]
    public async Task A_dead_or_frozen_Redis_neither_delays_nor_fails_a_registration()
    {
        await using var own = new TestRedis();
        await using var rewriter = await CacheUser.UsingAsync(own);
        using var register = await RegisterAsync(rewriter);
        await own.FreezeAsync();
        for (var i = 0; i < 50; i++)
        {
            var result = await register.RegisterAsync(Message($"frozen{i}", $"https://shop.example/f{i}"), Cancelled);
            Assert.Equal(RegistrationOutcome.Registered, result.Outcome);
        }

        // Redis has answered none of the writes, but all messages are registered.
        Assert.Equal(0, rewriter["tracking.cache.writes/written"]);
        await own.KillAsync();
        var after = await register.RegisterAsync(Message("dead", "https://shop.example/dead"), Cancelled);
        Assert.Equal(RegistrationOutcome.Registered, after.Outcome);
        await register.StopAsync(Cancelled);
    }

    [Fact]
    public async Task A_Redis_that_freezes_dies_and_is_flushed_in_turn_costs_queries_only_and_one_a_link()
    {
        await using var own = new TestRedis();
        await using var edge = new SharedEdge(
            _connection,
            await CacheUser.UsingAsync(own, change: o => o.CallTimeout = TimeSpan.FromMilliseconds(50)));
        var asked = 0;

        await AskAsync();
        await own.FreezeAsync();
        await AskAsync();
        await AskAsync();
        await own.ThawAsync();
        await AskAsync();
        await own.KillAsync();
        await AskAsync();
        await own.StartAsync(Cancelled);
        await AskAsync();
        await edge.Cache.UsesAsync();
        await own.FlushAsync(Cancelled);
        await AskAsync();

        async Task AskAsync()
        {
            // Five new links, each requested twenty times at once.
            var keys = Enumerable.Range(asked + 1, 5).Select(n => Key((ulong)n)).ToList();
            asked += keys.Count;
            var found = await Task.WhenAll(keys.SelectMany(key => Enumerable.Range(0, 20).Select(async _ =>
                (key, (await edge.Links.FindAsync(key)).Link?.Url))));
            Assert.All(found, result =>
                Assert.Equal($"https://shop.example/{result.key.Link.Value}", result.Item2));
            Assert.Equal(asked, edge.Queries);
        }
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("noise")]
    public async Task An_edge_that_finds_a_poisoned_value_answers_right_and_puts_it_right(string poison)
    {
        await using var edge = new SharedEdge(_connection, await CacheUser.UsingAsync(redis));
        await using var other = new SharedEdge(database: null, await CacheUser.UsingAsync(redis));
        await redis.CommandAsync(
            Cancelled, "SET", $"tracking:1:link:{_cluster}:{new LinkId(1)}",
            poison == "noise" ? Encoding.Latin1.GetString(RandomNumberGenerator.GetBytes(60)) : poison);

        Assert.Equal("https://shop.example/1", (await edge.Links.FindAsync(Key(1))).Link?.Url);
        Assert.Equal((1, 1), (edge.Queries, edge.Cache["tracking.cache.reads/rejected"]));
        await Eventually.HoldsAsync(
            () => edge.Cache["tracking.cache.writes/written"] == 1, "it is put right", Cancelled);
        Assert.Equal("https://shop.example/1", (await other.Links.FindAsync(Key(1))).Link?.Url);
    }

    private LinkKey Key(ulong link) => new(_cluster, new LinkId(link));

    private async Task<RegisterMessages> RegisterAsync(CacheUser cache)
    {
        var options = Options.Create(new RewriteOptions { RegistrationTimeout = TimeSpan.FromMinutes(1) });
        var register = new RegisterMessages(
            _database, new KnownDestinations(options), options,
            new ApplicationLifetime(NullLogger<ApplicationLifetime>.Instance), TimeProvider.System,
            NullLogger<RegisterMessages>.Instance, cache.Links);
        await register.StartAsync(Cancelled);
        return register;
    }

    private MessageRegistration Message(string id, params string[] urls) => new()
    {
        Cluster = _cluster,
        MessageId = id,
        ContentHash = SHA256.HashData(Encoding.ASCII.GetBytes(id)),
        Host = "track.localhost",
        OpensTracked = false,
        Destinations = [.. urls.Select(url => new ReadOnlyMemory<byte>(Encoding.ASCII.GetBytes(url)))],
        LinkMap = [],
    };
}
