using System.Security.Cryptography;
using System.Text;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.SharedCache;

/// <summary>Links in Redis, and the values that are not trusted.</summary>
public sealed class SharedLinksTests(TestRedis redis)
{
    private const string Url = "https://shop.example/reset?token=not-for-everybody#2";
    private readonly ClusterId _cluster = ClusterId.NewRandom();
    private readonly LinkId _link = new(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1);

    /// <summary>Wrong values of a link in Redis, made from the right one.</summary>
    public static TheoryData<string> Poisons =>
    [
        "nothing", "noise", "a URL", "cut", "longer", "another version", "another link's", "another cluster's",
        "another installation's", "a megabyte", "a list",
    ];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string Key => $"tracking:1:link:{_cluster}:{_link}";

    [Fact]
    public async Task A_link_that_one_process_writes_is_read_by_another_and_expires()
    {
        await using var writer = await CacheUser.UsingAsync(
            redis, change: options => options.LinkAge = TimeSpan.FromHours(3));
        await using var reader = await CacheUser.UsingAsync(redis);
        Assert.Null(await reader.Links.FindAsync(_cluster, _link));

        await WriteAsync(writer);

        Assert.Equal(Url, await reader.Links.FindAsync(_cluster, _link));
        Assert.Equal(1, writer["tracking.cache.writes/written"]);
        Assert.Equal((1, 1), (reader["tracking.cache.reads/miss"], reader["tracking.cache.reads/hit"]));
        var left = (long)(await redis.CommandAsync(Cancelled, "PTTL", Key))!;
        Assert.InRange(TimeSpan.FromMilliseconds(left), TimeSpan.FromHours(2), TimeSpan.FromHours(3));
    }

    [Fact]
    public async Task Nothing_of_a_destination_can_be_read_in_Redis()
    {
        await using var writer = await CacheUser.UsingAsync(redis);
        await WriteAsync(writer);
        var value = (string)(await redis.CommandAsync(Cancelled, "GET", Key))!;
        Assert.Equal(Url.Length + CacheSeal.Overhead, value.Length);
        Assert.DoesNotContain("shop", value, StringComparison.Ordinal);
        Assert.DoesNotContain("token", value, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Poisons))]
    public async Task A_poisoned_or_foreign_value_is_ignored_and_counted_and_replaced(string poison)
    {
        await using var user = await CacheUser.UsingAsync(redis);
        await using var foreign = await CacheUser.UsingAsync(redis, RandomNumberGenerator.GetBytes(MasterKey.Size));
        var right = user.Seal(Key, Encoding.ASCII.GetBytes(Url));
        var evil = "https://evil.example/"u8;
        var value = poison switch
        {
            "nothing" => [],
            "noise" => RandomNumberGenerator.GetBytes(100),
            "a URL" => evil.ToArray(),
            "cut" => right[..^1],
            "longer" => [.. right, 0],
            "another version" => [2, .. right[1..]],
            "another link's" => user.Seal($"tracking:1:link:{_cluster}:{new LinkId(1)}", evil),
            "another cluster's" => user.Seal($"tracking:1:link:{new ClusterId(1)}:{_link}", evil),
            "another installation's" => foreign.Seal(Key, evil),
            "a megabyte" => RandomNumberGenerator.GetBytes(1 << 20),
            _ => evil.ToArray(),
        };
        await redis.CommandAsync(
            Cancelled, poison == "a list" ? "RPUSH" : "SET", Key, Encoding.Latin1.GetString(value));

        Assert.Null(await user.Links.FindAsync(_cluster, _link));
        Assert.Equal(1, user["tracking.cache.reads/rejected"]);
        Assert.True(user.Cache.IsUsed);

        await WriteAsync(user);
        Assert.Equal(Url, await user.Links.FindAsync(_cluster, _link));
    }

    [Theory]
    [InlineData("javascript:alert(1)")]
    [InlineData("//evil.example/")]
    [InlineData("https://shop.example/\r\nSet-Cookie: a=b")]
    [InlineData("https://shop.example/ä")]
    [InlineData("")]
    public async Task A_destination_that_is_not_safe_in_a_header_is_not_taken_even_from_one_of_us(string unsafeUrl)
    {
        await using var user = await CacheUser.UsingAsync(redis);
        user.Links.Offer(_cluster, _link, Encoding.UTF8.GetBytes(unsafeUrl));
        await Eventually.HoldsAsync(() => user["tracking.cache.writes/written"] == 1, "it is written", Cancelled);

        Assert.Null(await user.Links.FindAsync(_cluster, _link));
        Assert.Equal(1, user["tracking.cache.reads/hit"]);
        Assert.DoesNotContain(unsafeUrl.Length > 0 ? unsafeUrl : "\0", Assert.Single(user.LinkLog.Lines));
    }

    [Fact]
    public async Task Surplus_writes_are_dropped_and_counted_without_making_anybody_wait()
    {
        await using var own = new TestRedis();
        await using var user = await CacheUser.UsingAsync(own, change: options => options.PendingWrites = 100);
        await own.FreezeAsync();
        for (var i = 1; i <= 10_000; i++)
        {
            user.Links.Offer(_cluster, new LinkId((ulong)i), Encoding.ASCII.GetBytes(Url));
        }

        // Only the batch in progress and the waiting writes are kept.
        Assert.InRange(user["tracking.cache.writes/dropped"], 10_000 - 100 - (2 * 128), 10_000);
        Assert.Equal(0, user["tracking.cache.writes/written"]);
        Assert.InRange(user.Connection.Outstanding, 0, 3 * 128);
    }

    [Fact]
    public async Task A_Redis_that_takes_no_more_values_is_still_read()
    {
        await using var own = new TestRedis();
        await using var user = await CacheUser.UsingAsync(own);
        await WriteAsync(user);
        await own.CommandAsync(Cancelled, "CONFIG", "SET", "maxmemory", "1");
        user.Links.Offer(_cluster, new LinkId(1), Encoding.ASCII.GetBytes(Url));
        await Eventually.HoldsAsync(() => user["tracking.cache.writes/failed"] == 1, "a write fails", Cancelled);

        Assert.Equal(Url, await user.Links.FindAsync(_cluster, _link));
        Assert.Null(await user.Links.FindAsync(_cluster, new LinkId(1)));
        await own.CommandAsync(Cancelled, "CONFIG", "SET", "maxmemory", "1gb");
        await Eventually.HoldsAsync(
            async () =>
            {
                user.Links.Offer(_cluster, new LinkId(1), Encoding.ASCII.GetBytes(Url));
                return await user.Links.FindAsync(_cluster, new LinkId(1)) is not null;
            },
            "values are taken again",
            Cancelled);
    }

    private async Task WriteAsync(CacheUser user)
    {
        var written = user["tracking.cache.writes/written"];
        user.Links.Offer(_cluster, _link, Encoding.ASCII.GetBytes(Url));
        await Eventually.HoldsAsync(
            () => user["tracking.cache.writes/written"] == written + 1, "the link is written", Cancelled);
    }
}
