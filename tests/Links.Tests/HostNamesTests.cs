using System.Text;

namespace Tracking.Links.Tests;

public sealed class HostNamesTests
{
    [Theory]
    [InlineData("Track.Example.COM.", "track.example.com")]
    [InlineData("bücher.example", "xn--bcher-kva.example")]
    [InlineData("BÜCHER.example", "xn--bcher-kva.example")]
    [InlineData("straße.example", "xn--strae-oqa.example")]
    [InlineData("日本語。jp", "xn--wgv71a119e.jp")]
    [InlineData("пример.рф", "xn--e1afmkfd.xn--p1ai")]
    [InlineData("ｅｘａｍｐｌｅ.com", "example.com")]
    [InlineData("klick.bu\u0308cher.example", "klick.xn--bcher-kva.example")]
    [InlineData("XN--BCHER-KVA.example", "xn--bcher-kva.example")]
    [InlineData("✌️.example", "xn--7bi.example")]
    [InlineData("İSTANBUL.example", "xn--istanbul-o0e.example")]
    [InlineData("a_b.example", "a_b.example")]
    [InlineData("a--b.example", "a--b.example")]
    [InlineData("localhost", "localhost")]
    [InlineData("1.example", "1.example")]
    public void Name_is_folded_to_one_form(string text, string expected)
    {
        Assert.True(HostName.TryParse(text, out var name));
        Assert.Equal(expected, name.Value);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("a..b")]
    [InlineData("-a.example")]
    [InlineData("a-.example")]
    [InlineData("a b.example")]
    [InlineData("a:80")]
    [InlineData("https://a.example")]
    [InlineData("127.0.0.1")]
    [InlineData("1.2")]
    [InlineData("a.0x1f")]
    [InlineData("[::1]")]
    [InlineData("*.example.com")]
    [InlineData("xn--99999999.example")]
    [InlineData("xn--a.example")]
    [InlineData("GROẞ.example")]
    [InlineData("a\0.example")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example")]
    public void Text_that_is_no_host_name_is_refused(string? text) => Assert.False(HostName.TryParse(text, out _));

    [Theory]
    [InlineData("xn--bcher-kva.example", "bücher.example")]
    [InlineData("plain.example", "plain.example")]
    [InlineData("XN--E1AFMKFD.xn--p1ai", "пример.рф")]
    [InlineData("xn--istanbul-o0e.example", "i\u0307stanbul.example")]
    public void Name_is_shown_with_its_letters(string text, string expected)
    {
        Assert.True(HostName.TryParse(text, out var name));
        Assert.Equal(expected, name.ToUnicode());
    }

    [Theory]
    [InlineData("a.example.com", "*.example.com", true)]
    [InlineData("a.b.example.com", "*.EXAMPLE.com.", true)]
    [InlineData("example.com", "*.example.com", false)]
    [InlineData("notexample.com", "*.example.com", false)]
    [InlineData("example.com", "Example.com", true)]
    [InlineData("a.example.com", "example.com", false)]
    [InlineData("xn--bcher-kva.example", "bücher.example", true)]
    [InlineData("a.example.com", "*.", false)]
    [InlineData("a.example.com", "", false)]
    public void Pattern_means_exactly_these_names(string text, string pattern, bool expected)
    {
        Assert.True(HostName.TryParse(text, out var name));
        Assert.Equal(expected, name.Matches(pattern));
        Assert.Equal(expected, HostSet.Of(pattern).Contains(Encoding.ASCII.GetBytes(text)));
        Assert.Equal(
            expected,
            HostSet.Of(pattern, "other.example").Contains(Encoding.ASCII.GetBytes(text.ToUpperInvariant() + ".")));
    }

    [Fact]
    public void Set_knows_addresses_too()
    {
        var set = HostSet.Of("192.0.2.1", "[2001:DB8::1]");
        Assert.True(set.Contains("192.0.2.1"u8));
        Assert.True(set.Contains("[2001:db8::1]"u8));
        Assert.False(set.Contains("192.0.2.10"u8));
        Assert.False(HostSet.Empty.Contains("a"u8));
    }
}
