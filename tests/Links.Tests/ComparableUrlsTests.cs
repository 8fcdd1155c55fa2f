using System.Buffers;
using System.Numerics;
using System.Text;

namespace Tracking.Links.Tests;

public sealed class ComparableUrlsTests
{
    [Theory]
    [InlineData("https://example.org/u?id=1&s=abc", "HTTPS://EXAMPLE.ORG/u?id=1&s=abc")]
    [InlineData("https://example.org/u", "https://example.org:443/u")]
    [InlineData("https://example.org/u", "https://example.org:00443/u")]
    [InlineData("https://example.org/u", "https://example.org:/u")]
    [InlineData("http://example.org/u", "http://example.org:80/u")]
    [InlineData("https://example.org:8443/u", "https://example.org:08443/u")]
    [InlineData("https://example.org/u", " https://example.org/u\r\n")]
    [InlineData("https://example.org/u", "https://exam\tple.org/\nu")]
    [InlineData("https://example.org/", "https://example.org")]
    [InlineData("https://example.org/?x", "https://example.org?x")]
    [InlineData("https://example.org/#x", "https://example.org#x")]
    [InlineData("https://example.org/u", "https://example.org/u#")]
    [InlineData("https://example.org/u", "https://example.org./u")]
    [InlineData("https://example.org/u", "https:\\\\example.org\\u")]
    [InlineData("https://example.org/u", "https:////example.org/u")]
    [InlineData("https://example.org/u", "https://@example.org/u")]
    [InlineData("https://example.org/u", "https://:@example.org/u")]
    [InlineData("https://a%40b:c%3Ad@example.org/u", "https://a@b:c:d@example.org/u")]
    [InlineData("https://xn--bcher-kva.example/u", "https://bücher.example/u")]
    [InlineData("https://xn--bcher-kva.example/u", "https://bu\u0308cher.example/u")]
    [InlineData("https://xn--bcher-kva.example/u", "https://B%C3%BCcher.example/u")]
    [InlineData("https://xn--bcher-kva.example/u", "https://XN--Bcher-KVA.example/u")]
    [InlineData("http://127.0.0.1/u", "http://0x7f.1/u")]
    [InlineData("http://[2001:db8::1]/u", "http://[2001:DB8:0:0::1]:80/u")]
    [InlineData("https://example.org/a/b", "https://example.org/a/./b")]
    [InlineData("https://example.org/a/b", "https://example.org/x/../a/%2e/b")]
    [InlineData("https://example.org/a/b", "https://example.org/../../a/x/%2E./b")]
    [InlineData("https://example.org/a/", "https://example.org/a/b/..")]
    [InlineData("https://example.org/a/", "https://example.org/a/.")]
    [InlineData("https://example.org/", "https://example.org/a/../..")]
    [InlineData("https://example.org//a", "https://example.org//x/../a")]
    [InlineData("https://example.org/gr%C3%B6%C3%9Fe", "https://example.org/größe")]
    [InlineData("https://example.org/a%20b?c%20d#e%20f", "https://example.org/a b?c d#e f")]
    [InlineData("https://example.org/%22%3C%3E%5E%60%7B%7D", "https://example.org/\"<>^`{}")]
    [InlineData("https://example.org/?%22%3C%3E%27", "https://example.org/?\"<>'")]
    [InlineData("https://example.org/%C3%B6", "https://example.org/%c3%b6")]
    [InlineData("https://example.org/~user", "https://example.org/%7Euser")]
    public void Two_spellings_of_a_url_have_one_comparable_form(string one, string other)
    {
        Assert.Equal(one, Write(one));
        Assert.Equal(one, Write(other));
    }

    [Theory]
    [InlineData("https://example.org/u?id=1", "https://example.org/u?id=1&s=abc")]
    [InlineData("https://example.org/u", "http://example.org/u")]
    [InlineData("https://example.org/u", "https://example.org:80/u")]
    [InlineData("https://example.org/u", "https://example.org/U")]
    [InlineData("https://example.org/u", "https://example.org/u/")]
    [InlineData("https://example.org/u", "https://example.org/u?")]
    [InlineData("https://example.org/u", "https://example.org/u#top")]
    [InlineData("https://example.org/u", "https://www.example.org/u")]
    [InlineData("https://example.org/u", "https://example.org//u")]
    [InlineData("https://example.org/u", "https://me@example.org/u")]
    [InlineData("https://me@example.org/u", "https://ME@example.org/u")]
    [InlineData("https://example.org/a/b", "https://example.org/a%2Fb")]
    [InlineData("https://example.org/a?b", "https://example.org/a%3Fb")]
    [InlineData("https://example.org/?a&b", "https://example.org/?a%26b")]
    [InlineData("https://example.org/?a/../b", "https://example.org/?b")]
    [InlineData("https://example.org/a..", "https://example.org/")]
    [InlineData("https://example.org/%zz", "https://example.org/zz")]
    [InlineData("https://example.org/%7B", "https://example.org/%%37B")]
    [InlineData("https://example.org/?%2B", "https://example.org/?%2%42")]
    [InlineData("https://example.org/é", "https://example.org/e\u0301")]
    public void Two_urls_have_two_comparable_forms(string one, string other) =>
        Assert.NotEqual(Write(one), Write(other));

    [Theory]
    [InlineData("https://example.org/u?id=1&s=abc", true)]
    [InlineData("HTTP://Example.ORG/a.b/c..d?x=/y", true)]
    [InlineData("https://example.org", false)]
    [InlineData("https://example.org:443/u", false)]
    [InlineData("https://me@example.org/u", false)]
    [InlineData("https:\\/example.org/u", false)]
    [InlineData("https:///example.org/u", false)]
    [InlineData("https://example.org./u", false)]
    [InlineData("https://example.org\\u", false)]
    [InlineData("https://example.org/a/./b", false)]
    [InlineData("https://example.org/a%2e", false)]
    [InlineData("https://example.org/a%2E", false)]
    [InlineData("https://example.org/a%2f", false)]
    [InlineData("https://example.org/a%2F%C3%B6?b%20c", true)]
    [InlineData("https://example.org/100%?50%x&%f", true)]
    [InlineData("https://example.org/a#b", true)]
    [InlineData("https://example.org/a#", false)]
    [InlineData("https://example.org/a?b#\"", false)]
    [InlineData("https://example.org/.well-known/a", false)]
    [InlineData("https://0x7f.1/", false)]
    public void A_url_in_its_comparable_form_is_known(string url, bool expected) =>
        Assert.Equal(expected, IsComparable(url));

    [Fact]
    public void A_url_of_nothing_but_what_must_be_encoded_fits()
    {
        var url = "https://example.org/" + new string('"', 4000) + "?" + new string('<', 4000) + "#`";
        Assert.Equal(
            "https://example.org/" + string.Concat(Enumerable.Repeat("%22", 4000))
                + "?" + string.Concat(Enumerable.Repeat("%3C", 4000)) + "#%60",
            Write(url));
        Assert.Equal(
            "https://example.org" + new string('/', 8000), Write("https://example.org" + new string('/', 8000)));
    }

    /// <summary>All characters with a meaning in a URL, in any order, before characters that may be its last
    /// octets.</summary>
    [Fact]
    public void A_tail_that_is_told_is_the_comparable_forms()
    {
        string[] pieces =
        [
            "/", "/", ".", "..", "%2e", "%2f", "%", "%7", "%7e", "~", "\\", "?", "?", "#", "'", "<", "ö", "%C3%B6", " ",
            "%%", "%4", "5", "A", "a", "b/", "=c", "&d", "-_", "0123", "abcd", "efgh?", "/ijk", "lmnopqrs", "456789",
        ];
        var random = new Random(3986);
        var told = 0;
        for (var i = 0; i < 30_000; i++)
        {
            var url = "http://example.org" + "/?#"[random.Next(3)]
                + string.Concat(random.GetItems(pieces, random.Next(10)));
            Assert.Equal(
                DestinationOutcome.Accepted,
                DestinationPolicy.Read(Encoding.UTF8.GetBytes(url), null, out var destination));
            if (ComparableUrl.TryReadTail(destination, out var tail))
            {
                told++;
                Assert.True(tail == ComparableUrl.TailOf(Encoding.ASCII.GetBytes(Write(url))), url);
            }
        }

        Assert.InRange(told, 1000, 29_000);
    }

    [Fact]
    public void Trait_tells_urls_apart()
    {
        string[] urls = ["", "/", "/a", "/a?b=1", "/a?b=%20", "/abc#end", "/abcd", "/abce", "/%C3%B6"];
        var traits = urls.Select(url => Trait("https://example.org" + url)).ToList();
        Assert.All(traits, trait => Assert.Equal(1, BitOperations.PopCount(trait)));
        Assert.Equal(urls.Length - 1, traits.Distinct().Count());
    }

    /// <summary>All characters with a meaning in a URL, in any order: URLs with an equal comparable form share their
    /// trait.</summary>
    [Fact]
    public void Trait_never_hides_that_two_urls_are_the_same()
    {
        string[] pieces =
        [
            "/", "/", ".", "..", "%2e", "%2E", "%2f", "%2F", "%", "%7", "%7e", "~", "\\", "?", "#", "'", "\"", "%22",
            "%27", "<", "^", "a", "A", "%41", "ö", "%C3%B6", "%c3%b6", " ", "\t", ":", "@", "&", "=",
        ];
        string[] hosts =
        [
            "https://bücher.example", "https://bu\u0308cher.example", "HTTPS://XN--BCHER-KVA.EXAMPLE:443",
            "https:\\\\xn--bcher-kva.example.", "https:///:@xn--bcher-kva.example:0443",
        ];
        var random = new Random(3986);
        var known = new Dictionary<string, ulong>(StringComparer.Ordinal);
        var same = 0;
        for (var i = 0; i < 30_000; i++)
        {
            var rest = string.Concat(random.GetItems(pieces, random.Next(6)));
            var separator = rest.Length == 0 ? "" : "/\\?#"[random.Next(4)].ToString();
            var url = hosts[random.Next(hosts.Length)] + separator + rest;
            var form = Write(url);
            Assert.Equal(form, Write(form));
            var shared = known.GetValueOrDefault(form, ulong.MaxValue) & Trait(url) & Trait(form);
            Assert.True(shared != 0, $"{url} has another trait than {form}");
            same += known.ContainsKey(form) ? 1 : 0;
            known[form] = shared;
        }

        Assert.InRange(same, 3_000, int.MaxValue);
    }

    private static ulong Trait(string url)
    {
        Assert.Equal(
            DestinationOutcome.Accepted, DestinationPolicy.Read(
                Encoding.UTF8.GetBytes(url), null, out var destination));
        return ComparableUrl.Trait(destination.Url);
    }

    private static string Write(string url)
    {
        Assert.Equal(
            DestinationOutcome.Accepted, DestinationPolicy.Read(
                Encoding.UTF8.GetBytes(url), null, out var destination));
        var output = new ArrayBufferWriter<byte>();
        ComparableUrl.Write(destination, output);
        if (ComparableUrl.IsComparable(destination))
        {
            Assert.Equal(
                Encoding.ASCII.GetString(output.WrittenSpan),
                Encoding.ASCII.GetString(destination.Url[..destination.PathStart]).ToLowerInvariant()
                    + Encoding.ASCII.GetString(destination.Url[destination.PathStart..]));
        }

        return Encoding.ASCII.GetString(output.WrittenSpan);
    }

    private static bool IsComparable(string url) =>
        DestinationPolicy.Read(Encoding.UTF8.GetBytes(url), null, out var destination) == DestinationOutcome.Accepted
            && ComparableUrl.IsComparable(destination);
}
