using System.Text;
using Microsoft.Extensions.Options;
using Tracking.Links;
using Tracking.Rewrite.Registration;

namespace Tracking.Rewrite.Tests.Registration;

public sealed class KnownDestinationsTests
{
    private const int Size = 1_000;

    private readonly KnownDestinations _known =
        new(Options.Create(new RewriteOptions { KnownDestinations = Size }));

    [Fact]
    public void A_destination_is_known_to_its_own_cluster_only()
    {
        Add(1, "https://example.com/a", 7);
        Assert.True(_known.TryGet(new ClusterId(1), "https://example.com/a"u8, out var link));
        Assert.Equal(new LinkId(7), link);
        Assert.False(_known.TryGet(new ClusterId(2), "https://example.com/a"u8, out _));
        Assert.False(_known.TryGet(new ClusterId(1), "https://example.com/b"u8, out _));
    }

    [Fact]
    public void What_is_in_use_stays_and_the_rest_is_forgotten_in_time()
    {
        Add(1, "https://example.com/used", 1);
        Add(1, "https://example.com/unused", 2);
        for (var n = 0; n < 10 * Size; n++)
        {
            Add(1, $"https://example.com/{n}", (ulong)n + 3);
            Assert.True(_known.TryGet(new ClusterId(1), "https://example.com/used"u8, out _));
        }

        Assert.False(_known.TryGet(new ClusterId(1), "https://example.com/unused"u8, out _));
        var remembered = Enumerable.Range(0, 10 * Size).Count(n =>
            _known.TryGet(new ClusterId(1), Encoding.ASCII.GetBytes($"https://example.com/{n}"), out _));
        Assert.InRange(remembered, 1, Size + 2);
    }

    [Fact]
    public void Very_long_URLs_are_not_remembered()
    {
        var longest = "https://example.com/".PadRight(KnownDestinations.MaxUrlBytes, 'x');
        Add(1, longest, 1);
        Add(1, longest + "x", 2);
        Assert.True(_known.TryGet(new ClusterId(1), Encoding.ASCII.GetBytes(longest), out _));
        Assert.False(_known.TryGet(new ClusterId(1), Encoding.ASCII.GetBytes(longest + "x"), out _));
    }

    private void Add(int cluster, string url, ulong link) =>
        _known.Add(new ClusterId(cluster), Encoding.ASCII.GetBytes(url), new LinkId(link));
}
