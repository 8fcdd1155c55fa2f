namespace Tracking.Database.Tests;

public sealed class LinkMapTests
{
    [Fact]
    public void Places_come_back_as_they_were_written()
    {
        LinkPlace[] places =
        [
            new(0, 1, "Read more"),
            new(0, 2, ""),
            new(1, 127, "Überblick \u2192"),
            new(130, 16_384, new string('x', 300)),
            new(int.MaxValue, int.MaxValue, "last"),
        ];

        Assert.Equal(places, LinkMap.Read(LinkMap.Write(places)));
    }

    [Fact]
    public void A_message_without_links_has_a_map_of_one_byte()
    {
        Assert.Equal([LinkMap.CurrentVersion], LinkMap.Write([]));
        Assert.Empty(LinkMap.Read(LinkMap.Write([])));
    }

    [Fact]
    public void The_bytes_are_the_documented_ones()
    {
        Assert.Equal([1, 2, 0xac, 0x02, 2, (byte)'h', (byte)'i'], LinkMap.Write([new LinkPlace(2, 300, "hi")]));
    }

    [Fact]
    public void A_map_cut_anywhere_gives_the_places_before_the_cut()
    {
        LinkPlace[] places = [new(0, 1, "one"), new(0, 200, "two"), new(1, 3, "three")];
        var map = LinkMap.Write(places);
        for (var length = 0; length < map.Length; length++)
        {
            var read = LinkMap.Read(map.AsSpan(0, length));
            Assert.Equal(places.Take(read.Count), read);
        }
    }

    [Fact]
    public void A_map_of_another_version_or_of_noise_gives_nothing_wrong()
    {
        Assert.Empty(LinkMap.Read([]));
        Assert.Empty(LinkMap.Read([2, 0, 1, 0]));
        Assert.Empty(LinkMap.Read([1, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0]));
        Assert.Empty(LinkMap.Read([1, 0, 1, 200, 1, (byte)'x']));
    }

    [Fact]
    public void A_negative_place_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => LinkMap.Write([new LinkPlace(-1, 1, "")]));
}
