using System.Text;

namespace Tracking.Links.Tests;

public sealed class DestinationsTests
{
    [Theory]
    [InlineData("https://example.org/", "example.org", "/")]
    [InlineData("HTTP://EXAMPLE.ORG", "EXAMPLE.ORG", "")]
    [InlineData("http://example.org?x=1#y", "example.org", "")]
    [InlineData("https://user:p@ss@example.org:8080/a/b?c/d#e", "example.org", "/a/b")]
    [InlineData("https:\\\\example.org\\x?y", "example.org", "\\x")]
    [InlineData("https:/\\/example.org/", "example.org", "/")]
    [InlineData("https://example.org\\@evil.example/", "example.org", "\\@evil.example/")]
    [InlineData("http://[2001:DB8::1]:80/", "[2001:db8::1]", "/")]
    [InlineData("http://127.1/", "127.0.0.1", "/")]
    [InlineData("http://0x7f000001/", "127.0.0.1", "/")]
    [InlineData("http://2130706433/", "127.0.0.1", "/")]
    [InlineData("http://ex%61mple.org/", "example.org", "/")]
    [InlineData("https://example.org/#/spa#two", "example.org", "/")]
    [InlineData("https://example.org/%zz%20%0d%0a|^[]{}`\"<>", "example.org", "/%zz%20%0d%0a|^[]{}`\"<>")]
    [InlineData("https://a_b.example.org./", "a_b.example.org.", "/")]
    [InlineData("https://{{host}}/", "{{host}}", "/")]
    [InlineData("https://example.org:/", "example.org", "/")]
    public void Printable_url_is_kept_as_it_stands(string url, string host, string path)
    {
        Assert.Equal(DestinationOutcome.Accepted, DestinationPolicy.Read(Utf8(url), null, out var destination));
        Assert.Equal(url, Text(destination.Url));
        Assert.Equal(host, Text(destination.Host));
        Assert.Equal(path, Text(destination.Path));
        Assert.True(DestinationPolicy.IsSafeLocation(url));
    }

    [Theory]
    [InlineData(" \t\nhttps://example.org/ \r\n", "https://example.org/")]
    [InlineData("ht\ntps://exam\tple.org/a\r\nb", "https://example.org/ab")]
    [InlineData("https://example.org/a b?c d#e f", "https://example.org/a%20b?c%20d#e%20f")]
    [InlineData("https://bücher.example/ü?ü#ü", "https://xn--bcher-kva.example/%C3%BC?%C3%BC#%C3%BC")]
    [InlineData("https://BÜCHER.example:8080/", "https://xn--bcher-kva.example:8080/")]
    [InlineData("https://bu\u0308cher.example/u\u0308", "https://xn--bcher-kva.example/u%CC%88")]
    [InlineData("https://ｅｘ%61mple。ｏｒｇ/", "https://example.org/")]
    [InlineData("https://me@１２７.１:80/", "https://me@127.0.0.1:80/")]
    [InlineData("https://usér@example.org/", "https://us%C3%A9r@example.org/")]
    [InlineData("https://example.org/\0\u007f\u0001x", "https://example.org/%00%7F%01x")]
    [InlineData("https://example.org/%20é%zz", "https://example.org/%20%C3%A9%zz")]
    [InlineData("https://example.org/\ud83d\ude00", "https://example.org/%F0%9F%98%80")]
    public void Other_urls_are_normalised_once(string url, string expected)
    {
        Assert.Equal(DestinationOutcome.Accepted, DestinationPolicy.Read(Utf8(url), null, out var destination));
        Assert.Equal(expected, Text(destination.Url));
        Assert.True(DestinationPolicy.IsSafeLocation(destination.Url));
        Assert.Equal(DestinationOutcome.Accepted, DestinationPolicy.Read(destination.Url, null, out var again));
        Assert.Equal(expected, Text(again.Url));
    }

    [Fact]
    public void Query_is_encoded_in_the_document_encoding_and_the_rest_in_utf8()
    {
        var url = Utf8("https://example.org/ü?q=ü€語#ü");
        Assert.Equal(DestinationOutcome.Accepted, DestinationPolicy.Read(url, Encoding.Latin1, out var destination));
        Assert.Equal("https://example.org/%C3%BC?q=%FC%26%238364%3B%26%2335486%3B#%C3%BC", Text(destination.Url));
    }

    [Theory]
    [InlineData("", DestinationOutcome.Empty)]
    [InlineData(" \r\n\t", DestinationOutcome.Empty)]
    [InlineData("#x", DestinationOutcome.Relative)]
    [InlineData("/x", DestinationOutcome.Relative)]
    [InlineData("//example.org/", DestinationOutcome.Relative)]
    [InlineData("\\\\example.org/", DestinationOutcome.Relative)]
    [InlineData("?x", DestinationOutcome.Relative)]
    [InlineData("www.example.org", DestinationOutcome.Relative)]
    [InlineData("https:example.org", DestinationOutcome.Relative)]
    [InlineData("https:/example.org", DestinationOutcome.Relative)]
    [InlineData("{{url}}", DestinationOutcome.Relative)]
    [InlineData("mailto:a@example.org", DestinationOutcome.NotHttp)]
    [InlineData("javascript:alert(1)", DestinationOutcome.NotHttp)]
    [InlineData("java\nscript:alert(1)", DestinationOutcome.NotHttp)]
    [InlineData("\u0001javascript:alert(1)", DestinationOutcome.NotHttp)]
    [InlineData("data:text/html,x", DestinationOutcome.NotHttp)]
    [InlineData("blob:https://example.org/x", DestinationOutcome.NotHttp)]
    [InlineData("ftp://example.org/", DestinationOutcome.NotHttp)]
    [InlineData("httpx://example.org/", DestinationOutcome.NotHttp)]
    [InlineData("https+notrack://example.org/", DestinationOutcome.NotHttp)]
    [InlineData("view-source:https://example.org/", DestinationOutcome.NotHttp)]
    [InlineData("https://", DestinationOutcome.NotAUrl)]
    [InlineData("https:///", DestinationOutcome.NotAUrl)]
    [InlineData("https://?x", DestinationOutcome.NotAUrl)]
    [InlineData("https://user@/", DestinationOutcome.NotAUrl)]
    [InlineData("https://:80/", DestinationOutcome.NotAUrl)]
    [InlineData("https://exa mple.org/", DestinationOutcome.NotAUrl)]
    [InlineData("https://exa\0mple.org/", DestinationOutcome.NotAUrl)]
    [InlineData("https://ex|ample.org/", DestinationOutcome.NotAUrl)]
    [InlineData("https://ex%00ample.org/", DestinationOutcome.NotAUrl)]
    [InlineData("https://ex%2fample.org/", DestinationOutcome.NotAUrl)]
    [InlineData("https://%%x%%/", DestinationOutcome.NotAUrl)]
    [InlineData("https://example.org:99999/", DestinationOutcome.NotAUrl)]
    [InlineData("https://example.org:8o/", DestinationOutcome.NotAUrl)]
    [InlineData("http://[::1/", DestinationOutcome.NotAUrl)]
    [InlineData("http://[fe80::1%25eth0]/", DestinationOutcome.NotAUrl)]
    [InlineData("http://::1/", DestinationOutcome.NotAUrl)]
    [InlineData("http://1.2.3.4.5/", DestinationOutcome.NotAUrl)]
    [InlineData("http://256.256.256.256/", DestinationOutcome.NotAUrl)]
    [InlineData("http://1.2.3.08/", DestinationOutcome.NotAUrl)]
    [InlineData("http://example.0x/", DestinationOutcome.NotAUrl)]
    [InlineData("https://GROẞ.example/", DestinationOutcome.NotAUrl)]
    [InlineData("https://xn--a.example/", DestinationOutcome.NotAUrl)]
    public void Url_that_is_no_destination_is_refused_with_the_reason(string url, DestinationOutcome expected)
    {
        Assert.Equal(expected, DestinationPolicy.Read(Utf8(url), null, out _));
        Assert.False(DestinationPolicy.IsSafeLocation(url));
    }

    [Fact]
    public void Url_beyond_the_limit_is_refused_before_and_after_normalising()
    {
        var longest = "https://example.org/" + new string('a', DestinationPolicy.MaxLength - 20);
        Assert.Equal(DestinationOutcome.Accepted, DestinationPolicy.Read(Utf8(longest), null, out _));
        Assert.Equal(DestinationOutcome.TooLong, DestinationPolicy.Read(Utf8(longest + "a"), null, out _));
        var growing = "https://example.org/" + new string(' ', 4000) + "a";
        Assert.Equal(DestinationOutcome.TooLong, DestinationPolicy.Read(Utf8(growing), null, out _));
    }

    [Theory]
    [InlineData("https://example.org/\r\nSet-Cookie: x")]
    [InlineData("https://example.org/\t")]
    [InlineData(" https://example.org/")]
    [InlineData("https://example.org/é")]
    [InlineData("https://example.org/\0")]
    [InlineData("//example.org/")]
    [InlineData("javascript:alert(1)")]
    [InlineData("/x")]
    public void Unsafe_text_is_no_location(string text)
    {
        Assert.False(DestinationPolicy.IsSafeLocation(text));
        Assert.False(DestinationPolicy.IsSafeLocation(Utf8(text)));
    }

    [Fact]
    public void Random_bytes_never_make_an_unsafe_location()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var alphabet = "https://example.org:80@[]%2f\\?#\r\n\t\0 é語<>\"'|^{}`~.-_"u8.ToArray();
        var url = new byte[64];
        for (var i = 0; i < 200_000; i++)
        {
            var length = random.Next(url.Length);
            "https://"u8.CopyTo(url);
            for (var j = random.Next(9); j < length; j++)
            {
                url[j] = random.Next(10) == 0 ? (byte)random.Next(256) : alphabet[random.Next(alphabet.Length)];
            }

            if (DestinationPolicy.Read(url.AsSpan(0, length), null, out var destination) == DestinationOutcome.Accepted)
            {
                Assert.True(DestinationPolicy.IsSafeLocation(destination.Url), $"seed {seed}: {Text(destination.Url)}");
            }
        }
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
