using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Links;

namespace Tracking.Database.Tests.Hosts;

/// <summary>Names in memory keep to their bound, and those in use stay.</summary>
public sealed class HostMemoryTests
{
    [Fact]
    public void What_is_read_again_takes_nobodys_place()
    {
        var memory = new HostMemory(100);
        for (var round = 0; round < 20; round++)
        {
            for (var number = 0; number < 100; number++)
            {
                memory.Put(Host(number, round));
            }
        }

        Assert.Equal(100, memory.Count);
        Assert.Equal(Enumerable.Range(0, 100).Select(number => Host(number, 0).Hostname).Order(), memory.Names.Order());
        Assert.All(memory.ToList(), host => Assert.Equal(19, host.Cluster.Value));
        Assert.Equal(100, memory.ToList().Count);
    }

    [Fact]
    public void One_name_that_is_read_again_and_again_or_comes_and_goes_pushes_nobody_out()
    {
        var memory = new HostMemory(100);
        for (var number = 0; number < 100; number++)
        {
            memory.Put(Host(number, 1));
        }

        for (var round = 0; round < 10_000; round++)
        {
            memory.Put(Host(7, round));
            Assert.NotNull(memory.Remove(Host(8, 0).Hostname));
            Assert.Null(memory.Put(Host(8, round)));
        }

        Assert.Equal(100, memory.Count);
        Assert.Equal(100, memory.Names.Distinct().Count());
    }

    [Fact]
    public void Beyond_the_bound_what_was_not_asked_for_goes_first()
    {
        var memory = new HostMemory(100);
        for (var number = 0; number < 1_000; number++)
        {
            memory.Put(Host(number, 1));
            Assert.True(memory.TryGet("N0.SHOP.EXAMPLE", out _));
            Assert.InRange(memory.Count, 1, 100);
        }

        Assert.True(memory.TryGet("n999.shop.example", out _));
        Assert.False(memory.TryGet("n1.shop.example", out _));
    }

    private static TrackingHost Host(int number, int cluster) =>
        new($"n{number}.shop.example", new ClusterId(cluster), DomainStatus.Active);
}
