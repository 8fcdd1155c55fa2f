using Tracking.Links;
using Tracking.RedirectEdge.Destinations;

namespace Tracking.RedirectEdge.Tests.Destinations;

public sealed class LinkCacheTests
{
    [Fact]
    public void The_cache_stays_within_its_number_of_links_and_keeps_what_is_used()
    {
        var cache = new LinkCache(maxLinks: 100, maxBytes: long.MaxValue);
        cache.Add(Link(0));
        for (ulong i = 1; i < 10_000; i++)
        {
            cache.Add(Link(i));
            Assert.True(cache.TryGet(Link(0).Key, out _));
            Assert.InRange(cache.Count, 1, 100);
        }
    }

    [Fact]
    public void The_cache_stays_within_its_bytes()
    {
        var cache = new LinkCache(maxLinks: int.MaxValue, maxBytes: 50_000);
        for (ulong i = 0; i < 1_000; i++)
        {
            cache.Add(Link(i, new string('x', (int)i)));
            Assert.InRange(cache.Bytes, 1, 50_000);
        }

        Assert.Equal(cache.ToList().Sum(link => link.Size), cache.Bytes);
    }

    [Fact]
    public void Links_of_two_clusters_under_the_same_id_are_two_links()
    {
        var cache = new LinkCache(10, long.MaxValue);
        cache.Add(new CachedLink(new LinkKey(new ClusterId(1), new LinkId(5)), "https://one.example/"));
        cache.Add(new CachedLink(new LinkKey(new ClusterId(2), new LinkId(5)), "https://two.example/"));
        Assert.True(cache.TryGet(new LinkKey(new ClusterId(2), new LinkId(5)), out var link));
        Assert.Equal("https://two.example/", link.Url);
    }

    private static CachedLink Link(ulong id, string path = "") =>
        new(new LinkKey(new ClusterId(1), new LinkId(id * 0x9E3779B97F4A7C15)), "https://example.com/" + path);
}
