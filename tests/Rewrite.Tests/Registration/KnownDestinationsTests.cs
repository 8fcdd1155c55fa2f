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

    [Fact]
    public void Nothing_is_remembered_that_was_begun_before_all_was_forgotten()
    {
        Add(1, "https://example.com/a", 7);
        var before = _known.Now;
        _known.Forget();
        Assert.False(_known.TryGet(new ClusterId(1), "https://example.com/a"u8, out _));
        before.Add(new ClusterId(1), "https://example.com/late"u8.ToArray(), new LinkId(8));
        Assert.False(_known.TryGet(new ClusterId(1), "https://example.com/late"u8, out _));
    }

    [Fact]
    public void A_memory_is_of_the_first_state_of_the_database_that_it_is_told()
    {
        Assert.True(_known.Now.IsOf("one"));
        Assert.True(_known.Now.IsOf("one"));
        Assert.False(_known.Now.IsOf("two"));
        _known.Forget();
        Assert.True(_known.Now.IsOf("two"));
    }

    private void Add(int cluster, string url, ulong link) =>
        _known.Add(new ClusterId(cluster), Encoding.ASCII.GetBytes(url), new LinkId(link));
}
