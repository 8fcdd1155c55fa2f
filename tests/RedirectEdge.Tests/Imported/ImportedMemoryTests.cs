using Microsoft.Extensions.Time.Testing;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.RedirectEdge.Imported;

namespace Tracking.RedirectEdge.Tests.Imported;

public sealed class ImportedMemoryTests
{
    private static readonly ImportedLink _link =
        new(LinkKind.Open, new MessageKey(0x0102_0304_0506_0708, 9), new LinkId(10), TrackingLevel.Pseudonymous, false);

    [Fact]
    public void A_link_that_is_used_outlives_any_number_of_others_and_their_number_is_bounded()
    {
        var memory = new ImportedMemory(100);
        memory.Add(At(0), _link);
        for (var i = 1; i <= 10_000; i++)
        {
            memory.Add(At(i), _link);
            Assert.True(memory.TryGet(At(0), out _), $"after {i}");
        }

        Assert.InRange(memory.ToList().Count, 2, 100);
        Assert.False(memory.TryGet(At(1), out _));
        Assert.Contains(memory.ToList(), entry => entry.Key == At(0));
    }

    [Fact]
    public void A_link_is_the_same_after_a_copy_of_it_is_read()
    {
        foreach (var link in (ImportedLink[])
        [
            _link, _link with { Kind = LinkKind.Click, Level = TrackingLevel.Off }, _link with
            {
                Kind = LinkKind.Click,
                NeedsQuery = true,
            },
        ])
        {
            var bytes = ImportedBytes.Encode(new(At(7), link));
            Assert.Equal(new KeyValuePair<ImportedPath, ImportedLink>(At(7), link), ImportedBytes.Decode(bytes));
            Assert.Null(ImportedBytes.Decode(bytes.AsSpan(0, ImportedBytes.MinSize + 5)));
        }

        Assert.Null(ImportedLink.Read(new byte[3]));
    }

    [Fact]
    public void Unknown_paths_are_remembered_for_a_while_and_only_so_many_are_asked_for()
    {
        var time = new FakeTimeProvider();
        var unknown = new UnknownPaths(
            new RedirectEdgeOptions
            {
                MaxNegatives = 3,
                NegativeAge = TimeSpan.FromSeconds(5),
                UnknownPathsPerSecond = 2,
            },
            time);
        Assert.True(unknown.MayAsk());
        unknown.Add(At(1));
        unknown.Add(At(2));
        Assert.False(unknown.MayAsk());
        Assert.True(unknown.Contains(At(1)));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(unknown.MayAsk());
        unknown.Add(At(3));
        unknown.Add(At(4));
        Assert.False(unknown.Contains(At(4)));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.False(unknown.Contains(At(1)));
        unknown.Add(At(5));
        Assert.True(unknown.Contains(At(5)));
    }

    private static ImportedPath At(int number) => new(new ClusterId(1), "track.shop.example", $"/server/{number}");
}
