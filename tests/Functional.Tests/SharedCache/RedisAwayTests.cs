using System.Text;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.SharedCache;

/// <summary>Redis stopped, frozen and restarted. The cost is counted in commands, not measured in time.</summary>
public sealed class RedisAwayTests : IAsyncLifetime
{
    private const string Url = "https://shop.example/";
    private static readonly ClusterId _cluster = new(4711);
    private readonly TestRedis _redis = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _redis.StartAsync(Cancelled);

    public ValueTask DisposeAsync() => _redis.DisposeAsync();

    [Fact]
    public async Task A_frozen_Redis_costs_one_timeout_and_then_nobody_asks_until_it_answers_again()
    {
        await using var user = await CacheUser.UsingAsync(
            _redis, change: options => options.CallTimeout = TimeSpan.FromMilliseconds(50));
        await _redis.FreezeAsync();
        for (var i = 1; i <= 20_000; i++)
        {
            Assert.Null(await user.Links.FindAsync(_cluster, new LinkId((ulong)i)));
        }

        Assert.False(user.Cache.IsUsed);
        Assert.Equal(0, user["tracking.cache.reads/miss"]);
        Assert.InRange(user["tracking.cache.reads/failed"], 0, 1);
        Assert.InRange(user["tracking.cache.reads/skipped"], 19_999, 20_000);
        // The command that timed out, one command of the background task, and the library's own commands.
        Assert.InRange(user.Connection.Outstanding, 0, 20);

        await _redis.ThawAsync();
        await user.UsesAsync();
    }

    [Fact]
    public async Task Many_requests_to_a_frozen_Redis_wait_together_and_not_one_after_the_other()
    {
        await using var user = await CacheUser.UsingAsync(
            _redis, change: options => options.CallTimeout = TimeSpan.FromMilliseconds(50));
        await _redis.FreezeAsync();
        var asking = Enumerable.Range(1, 500)
            .Select(i => user.Links.FindAsync(_cluster, new LinkId((ulong)i)).AsTask());
        Assert.All(await Task.WhenAll(asking), Assert.Null);
        Assert.False(user.Cache.IsUsed);
        Assert.Single(user.Log.Lines, line => line.Contains("left out", StringComparison.Ordinal));

        Assert.Null(await user.Links.FindAsync(_cluster, new LinkId(1)));
        Assert.InRange(user["tracking.cache.reads/skipped"], 1, 501);
    }

    [Fact]
    public async Task A_connection_that_stays_silent_is_made_anew_and_lets_go_of_what_it_was_asked()
    {
        await using var user = await CacheUser.UsingAsync(_redis, change: options =>
        {
            options.CallTimeout = TimeSpan.FromMilliseconds(50);
            options.ConnectTimeout = TimeSpan.FromMilliseconds(200);
        });
        var silent = await ClientsAsync();
        Assert.NotEmpty(silent);
        // A slow connection may have been logged too.
        var told = Lines(user).Count;
        await _redis.FreezeAsync();
        await Task.WhenAll(Enumerable.Range(1, 500)
            .Select(i => user.Links.FindAsync(_cluster, new LinkId((ulong)i)).AsTask()));
        await Eventually.HoldsAsync(
            () => Lines(user).Skip(told).Any(line => line.Contains("no connection", StringComparison.Ordinal)),
            "the silent connection is given up",
            Cancelled);
        // The library's own commands on new connections, and none of the 500.
        Assert.InRange(user.Connection.Outstanding, 0, 50);

        await _redis.ThawAsync();
        await user.UsesAsync();
        Assert.Null(await user.Links.FindAsync(_cluster, new LinkId(1)));
        await Eventually.HoldsAsync(
            async () =>
                !(await ClientsAsync()).Intersect(silent).Any(), "none of the old connections is left", Cancelled);
    }

    [Fact]
    public async Task A_killed_Redis_is_found_again_on_the_same_address_empty_or_not()
    {
        await using var user = await CacheUser.UsingAsync(_redis);
        for (var round = 1; round <= 2; round++)
        {
            await _redis.KillAsync();
            await Eventually.HoldsAsync(
                async () =>
                {
                    Assert.Null(await user.Links.FindAsync(_cluster, new LinkId(1)));
                    return !user.Cache.IsUsed;
                },
                "Redis is left out",
                Cancelled);
            await _redis.StartAsync(Cancelled);
            await user.UsesAsync();

            Assert.Null(await user.Links.FindAsync(_cluster, new LinkId(1)));
            user.Links.Offer(_cluster, new LinkId(1), Encoding.ASCII.GetBytes(Url));
            await Eventually.HoldsAsync(
                async () => await user.Links.FindAsync(_cluster, new LinkId(1)) == Url, "the link is there", Cancelled);
        }
    }

    [Fact]
    public async Task A_flushed_Redis_has_misses_only()
    {
        await using var user = await CacheUser.UsingAsync(_redis);
        user.Links.Offer(_cluster, new LinkId(1), Encoding.ASCII.GetBytes(Url));
        await Eventually.HoldsAsync(
            async () => await user.Links.FindAsync(_cluster, new LinkId(1)) == Url, "the link is there", Cancelled);
        await _redis.FlushAsync(Cancelled);
        Assert.Null(await user.Links.FindAsync(_cluster, new LinkId(1)));
        Assert.True(user.Cache.IsUsed);
    }

    [Fact]
    public async Task A_process_starts_while_Redis_is_down_and_uses_it_when_it_comes()
    {
        await _redis.StopAsync();
        await using var user = await new CacheUser(_redis.ConnectionString).StartAsync();
        Assert.Null(await user.Links.FindAsync(_cluster, new LinkId(1)));
        user.Links.Offer(_cluster, new LinkId(1), Encoding.ASCII.GetBytes(Url));
        Assert.Equal(1, user["tracking.cache.reads/skipped"]);
        Assert.Equal(1, user["tracking.cache.writes/dropped"]);
        await Eventually.HoldsAsync(
            () => Lines(user).Any(line => line.Contains("left out", StringComparison.Ordinal)),
            "it is told",
            Cancelled);

        await _redis.StartAsync(Cancelled);
        await user.UsesAsync();
    }

    [Fact]
    public async Task A_wrong_password_is_told_once_without_it_and_nothing_else_happens()
    {
        await using var guarded = new TestRedis { Password = "right-password" };
        await guarded.StartAsync(Cancelled);
        await using var right = await CacheUser.UsingAsync(guarded);
        await using var wrong = await new CacheUser(
            guarded.ConnectionString.Replace("right", "wrong", StringComparison.Ordinal),
            change: options => options.ConnectTimeout = CacheUser.Patient).StartAsync();

        // On a slow machine the connection first times out before the password is refused. Then both are logged.
        await Eventually.HoldsAsync(
            () => Lines(wrong).Any(line => line.Contains("AuthenticationFailure", StringComparison.Ordinal)),
            "it is told",
            Cancelled);
        Assert.False(wrong.Cache.IsUsed);
        Assert.Null(await wrong.Links.FindAsync(_cluster, new LinkId(1)));
        var lines = Lines(wrong);
        Assert.Equal(lines.Distinct(), lines);
        Assert.All(lines, line => Assert.Contains("left out until it answers again", line, StringComparison.Ordinal));
        Assert.All(lines, line => Assert.DoesNotContain("password", line, StringComparison.Ordinal));
    }

    /// <summary>The ids of all connections except the one of this query.</summary>
    private async Task<List<string>> ClientsAsync()
    {
        var clients = (string)(await _redis.CommandAsync(Cancelled, "CLIENT", "LIST"))!;
        return
        [
            .. clients.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Where(client => !client.Contains(" cmd=client", StringComparison.Ordinal))
                .Select(client => client[..client.IndexOf(' ', StringComparison.Ordinal)]),
        ];
    }

    private static List<string> Lines(CacheUser user)
    {
        lock (user.Log)
        {
            return [.. user.Log.Lines];
        }
    }
}
