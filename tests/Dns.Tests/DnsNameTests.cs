using static Tracking.Dns.Tests.Asking;

namespace Tracking.Dns.Tests;

public sealed class DnsNameTests
{
    [Theory]
    [InlineData("Track.Shop.EXAMPLE.", "track.shop.example")]
    [InlineData("*.shop.example", "*.shop.example")]
    [InlineData(".", "")]
    [InlineData("", "")]
    [InlineData("a\\.b.example", "a\\.b.example")]
    [InlineData("a\\046b.example", "a\\.b.example")]
    [InlineData("a\\065.example", "aa.example")]
    [InlineData("\\255\\000.example", "\\255\\000.example")]
    [InlineData("https://x.example", "https://x.example")]
    public void A_name_has_one_text(string text, string expected)
    {
        Assert.True(DnsName.TryParse(text, out var name));
        Assert.Equal(expected, name.Text);
        Assert.Equal(name, Name(name.Text));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("a..example")]
    [InlineData(".example")]
    [InlineData("..")]
    [InlineData("bücher.example")]
    [InlineData("a\\")]
    [InlineData("a\\25")]
    [InlineData("a\\256.example")]
    public void What_is_no_name_is_refused(string? text) => Assert.False(DnsName.TryParse(text, out _));

    [Fact]
    public void Names_are_as_long_as_the_wire_allows()
    {
        var label = new string('a', 63);
        Assert.True(DnsName.TryParse($"{label}.{label}.{label}.{label[..61]}", out _));
        Assert.False(DnsName.TryParse($"{label}.{label}.{label}.{label[..62]}", out _));
        Assert.False(DnsName.TryParse(label + "a.example", out _));
        Assert.Null(Name($"{label}.{label}").Before(Name($"{label}.{label}")));
    }

    [Fact]
    public void A_name_is_below_another_by_whole_labels()
    {
        Assert.True(Name("a.shop.example").IsBelow(Name("shop.example")));
        Assert.True(Name("a.shop.example").IsBelow(DnsName.Root));
        Assert.False(Name("ashop.example").IsBelow(Name("shop.example")));
        Assert.False(Name("a\\.shop.example").IsBelow(Name("shop.example")));
        Assert.False(Name("shop.example").IsBelow(Name("shop.example")));
        Assert.True(Name("shop.example").IsAtOrBelow(Name("shop.example")));
        Assert.Equal("a.b", Name("a.b.shop.example").Without(Name("shop.example")));
        Assert.Null(Name("a.example").Without(Name("b.example")));
    }

    [Fact]
    public void Parents_end_at_the_root()
    {
        var name = Name("a\\.b.example");

        Assert.Equal("a\\.b", name.FirstLabel);
        Assert.Equal(Name("example"), name.Parent);
        Assert.Equal(DnsName.Root, name.Parent.Parent);
        Assert.Equal(DnsName.Root, DnsName.Root.Parent);
    }
}
