using System.Net.Sockets;
using Tracking.Servers;

namespace Tracking.Functional.Tests.SharedCache;

/// <summary>The tests' own Redis behaves as the other tests expect.</summary>
public sealed class TestRedisTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Redis_keeps_port_and_password_over_a_restart_and_loses_values_unless_persistent()
    {
        await using var redis = new TestRedis { Password = "not-for-everybody" };
        await using var persistent = new TestRedis { IsPersistent = true };
        await redis.StartAsync(Cancelled);
        await persistent.StartAsync(Cancelled);
        var connection = redis.ConnectionString;
        Assert.EndsWith(",password=not-for-everybody", connection, StringComparison.Ordinal);
        await redis.CommandAsync(Cancelled, "SET", "key", "vä\r\nlue");
        await persistent.CommandAsync(Cancelled, "SET", "key", "value");
        Assert.Equal("vä\r\nlue", await redis.CommandAsync(Cancelled, "GET", "key"));

        await redis.RestartAsync(Cancelled);
        await persistent.KillAsync();
        await Assert.ThrowsAnyAsync<SocketException>(() => persistent.CommandAsync(Cancelled, "PING"));
        await persistent.StartAsync(Cancelled);

        Assert.Equal(connection, redis.ConnectionString);
        Assert.Null(await redis.CommandAsync(Cancelled, "GET", "key"));
        Assert.Equal("value", await persistent.CommandAsync(Cancelled, "GET", "key"));
        Assert.Equal(1, await redis.CallsAsync("get", Cancelled));
        await persistent.FlushAsync(Cancelled);
        Assert.Null(await persistent.CommandAsync(Cancelled, "GET", "key"));
    }

    [Fact]
    public async Task A_frozen_Redis_accepts_connections_and_answers_nothing_until_it_is_thawed()
    {
        await using var redis = new TestRedis();
        await redis.StartAsync(Cancelled);
        await redis.FreezeAsync();
        var answer = redis.CommandAsync(Cancelled, "PING");
        await Assert.ThrowsAsync<TimeoutException>(() => answer.WaitAsync(TimeSpan.FromMilliseconds(200)));

        await redis.ThawAsync();
        Assert.Equal("PONG", await answer.WaitAsync(Eventually.Deadline));
    }
}
