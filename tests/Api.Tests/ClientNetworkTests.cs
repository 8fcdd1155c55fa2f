using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Api.Tests;

public sealed class ClientNetworkTests
{
    [Theory]
    [InlineData("192.0.2.7", null, "192.0.2.7")]
    [InlineData("::ffff:192.0.2.7", null, "192.0.2.7")]
    [InlineData("2001:db8:1:2:3:4:5:6", null, "2001:db8:1:2::")]
    [InlineData("192.0.2.7", "198.51.100.1", "192.0.2.7")]
    [InlineData("10.0.0.1", "198.51.100.1", "198.51.100.1")]
    [InlineData("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1")]
    [InlineData("10.0.0.1", "203.0.113.9, nonsense, 10.0.0.2", "10.0.0.2")]
    [InlineData("10.0.0.1", "198.51.100.1:4711", "198.51.100.1")]
    [InlineData("10.0.0.1", "2001:db8:1:2:3::1", "2001:db8:1:2::")]
    [InlineData("10.0.0.1", null, "10.0.0.1")]
    [InlineData("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1")]
    public void The_network_is_that_of_who_connects_or_of_whom_a_trusted_proxy_speaks_for(
        string connected, string? forwarded, string network)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse(connected);
        if (forwarded is not null)
        {
            context.Request.Headers["X-Forwarded-For"] = forwarded;
        }

        Assert.Equal(IPAddress.Parse(network), new ClientNetwork(["10.0.0.0/8"]).Of(context));
    }

    [Fact]
    public void A_bucket_gives_a_second_s_worth_at_once_and_then_as_time_goes_by()
    {
        var time = new FakeTimeProvider();
        var buckets = new TokenBuckets(1, perSecond: 3, time);
        bool Take() => buckets.TryTake("x");

        Assert.Equal([true, true, true, false], [Take(), Take(), Take(), Take()]);
        time.Advance(new TimeSpan(TimeSpan.TicksPerSecond / 3 + 1));
        Assert.Equal([true, false], [Take(), Take()]);
        time.Advance(new TimeSpan(TimeSpan.TicksPerDay));
        Assert.Equal([true, true, true, false], [Take(), Take(), Take(), Take()]);
    }

    [Fact]
    public void What_one_key_takes_another_of_another_bucket_does_not_miss()
    {
        var buckets = new TokenBuckets(4096, perSecond: 1, new FakeTimeProvider());
        var taken = Enumerable.Range(0, 100).Count(key => buckets.TryTake(key));
        Assert.InRange(taken, 80, 100);
        Assert.All(Enumerable.Range(0, 100), key => Assert.False(buckets.TryTake(key)));
    }
}
