using Tracking.Links;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Tests.Destinations;

public sealed class LinkCopyTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();
    private readonly EdgeFolder _folder;

    public LinkCopyTests() => _folder = EdgeFolder.Open(_temporary.Path);

    public void Dispose()
    {
        _folder.Dispose();
        _temporary.Dispose();
    }

    [Fact]
    public void What_was_appended_is_there_after_a_kill_at_every_offset_up_to_the_last_whole_record()
    {
        using (var copy = new LinkCopy(_folder, 1 << 20))
        {
            Assert.Empty(copy.Read());
            for (ulong i = 0; i < 5; i++)
            {
                copy.Append(Link(i));
            }
        }

        var path = Path.Combine(_temporary.Path, "links.copy");
        var bytes = File.ReadAllBytes(path);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            File.WriteAllBytes(path, bytes[..cut]);
            using var copy = new LinkCopy(_folder, 1 << 20);
            var links = copy.Read();
            Assert.Equal(cut / (bytes.Length / 5), links.Count);
            Assert.All(links, link => Assert.StartsWith("https://example.com/", link.Url, StringComparison.Ordinal));

            copy.Append(Link(9));
            using var again = new LinkCopy(_folder, 1 << 20);
            Assert.Equal(links.Count + 1, again.Read().Count);
        }
    }

    [Fact]
    public void The_file_stays_bounded_and_a_rewrite_keeps_the_last()
    {
        using var copy = new LinkCopy(_folder, 10_000);
        copy.Read();
        var links = Enumerable.Range(0, 1_000).Select(i => Link((ulong)i)).ToList();
        links.ForEach(copy.Append);
        Assert.True(copy.IsFull);
        Assert.InRange(new FileInfo(Path.Combine(_temporary.Path, "links.copy")).Length, 10_000, 10_100);

        copy.Rewrite(links);
        Assert.False(copy.IsFull);
        Assert.InRange(new FileInfo(Path.Combine(_temporary.Path, "links.copy")).Length, 4_900, 5_000);
        copy.Dispose();
        using var again = new LinkCopy(_folder, 10_000);
        Assert.Equal(links[^1].Url, again.Read()[^1].Url);
    }

    [Fact]
    public void A_file_that_is_larger_than_an_array_is_read_and_cut()
    {
        using (var copy = new LinkCopy(_folder, 1 << 20))
        {
            copy.Read();
            copy.Append(Link(1));
        }

        // A sparse file takes no space.
        var path = Path.Combine(_temporary.Path, "links.copy");
        var length = new FileInfo(path).Length;
        using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
        {
            RandomAccess.SetLength(file, 3L << 30);
        }

        using var again = new LinkCopy(_folder, 1 << 20);
        Assert.Equal(Link(1).Url, Assert.Single(again.Read()).Url);
        Assert.Equal(length, new FileInfo(path).Length);
    }

    [Fact]
    public void The_longest_destination_is_kept()
    {
        var link = new CachedLink(
            new LinkKey(new ClusterId(1), new LinkId(1)), new string('x', DestinationPolicy.MaxLength));
        using (var copy = new LinkCopy(_folder, 1 << 20))
        {
            copy.Read();
            copy.Append(link);
        }

        using var again = new LinkCopy(_folder, 1 << 20);
        Assert.Equal(link.Url, Assert.Single(again.Read()).Url);
    }

    private static CachedLink Link(ulong id) =>
        new(new LinkKey(new ClusterId(1), new LinkId(id)), $"https://example.com/{id:D4}");
}
