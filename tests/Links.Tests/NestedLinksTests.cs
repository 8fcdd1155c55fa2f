using System.Security.Cryptography;
using System.Text;

namespace Tracking.Links.Tests;

public sealed class NestedLinksTests
{
    private static readonly SigningKey _first = new(1, "0123456789abcdef"u8);
    private static readonly SigningKey _second = new(2, "fedcba9876543210"u8);
    private static readonly SigningKeys _keys = new(_second, [_first, _second]);

    // Many tokens of two clusters and two keys, so that hyphens and underscores occur in all places.
    private static IEnumerable<string> Tokens()
    {
        for (var i = 0; i < 40; i++)
        {
            var token = new LinkToken(
                new ClusterId(1 + (i % 2)),
                MessageKey.FromIdHash(MessageKey.HashId($"message-{i}@example.com"), 0),
                LinkId.FromUrlHash(SHA256.HashData(Encoding.ASCII.GetBytes($"https://example.org/{i}")), 0),
                i,
                i % 3 == 0 ? LinkKind.Open : LinkKind.Click);
            yield return token.ToString(i % 5 == 0 ? _first : _second);
        }
    }

    public static TheoryData<string> Wrappers =>
    [
        "https://eur01.safelinks.protection.outlook.com/?url={%}&data=05%7C01%7Canna%40example.net%7C0&reserved=0",
        "https://www.google.com/url?q={}&sa=D&source=editors",
        "https://www.google.com/url?sa=D&q={%}",
        "https://l.facebook.com/l.php?u={%}&h=AT0",
        "https://linkprotect.cudasvc.com/url?a={%}&c=E,1,abc&typo=1",
        "https://secure-web.cisco.com/1Ab_c-d/{%}",
        "https://urldefense.proofpoint.com/v1/url?u={%}&k=abc",
        "https://urldefense.proofpoint.com/v2/url?u={v2}&d=DwMFaQ&c=abc&r=def&m=ghi&s=jkl&e=",
        "https://urldefense.com/v3/__{}__;!!AbC-d_e!xyz$",
        "https://urldefense.com/v3/__{?}__;Kw!!AbC!xyz$",
        "https://eu-west-1.protection.sophos.com/?d=example.com&u={base64}&i=NWY=&t=abc&h=def",
        "https://eur01.safelinks.protection.outlook.com/?url={%sophos}&reserved=0",
        "https://eur01.safelinks.protection.outlook.com/?url={%v2}&data=0",
        "https://out.example.net/go?to={%%}",
        "https://out.example.net/go?to={%%%}",
        "https://out.example.net/go?to={HTTP}",
        "https://out.example.net/go?to={all}",
        "https://out.example.net/go/{}",
        "https://out.example.net/go?to={no scheme}",
        "https://out.example.net/go?to={%no scheme}&x=1",
        "https://out.example.net/#{}",
        "https://web.archive.org/web/2025/{}?utm_source=x",
        "https://out.example.net/go;{%?}",
    ];

    [Theory]
    [MemberData(nameof(Wrappers))]
    public void A_link_with_a_tracked_link_in_it_is_known_and_one_with_a_changed_token_is_not(string wrapper)
    {
        foreach (var token in Tokens())
        {
            foreach (var link in new[] { $"https://track.example.com/c/{token}", $"https://track.example.com/a/b-{token}" })
            {
                Assert.True(IsTracked(Wrap(wrapper, link)), Wrap(wrapper, link));
                var changed = link[..^20] + (link[^20] == 'A' ? 'B' : 'A') + link[^19..];
                Assert.False(IsTracked(Wrap(wrapper, changed)), Wrap(wrapper, changed));
            }
        }
    }

    [Theory]
    [InlineData("https://shop.example.com/landing?ref=%s")]
    [InlineData("https://shop.example.com/landing?ref=%s&next=http")]
    [InlineData("https://shop.example.com/%s?back=http://other.example/")]
    [InlineData("https://shop.example.com/?next=http://other.example/%sA")]
    [InlineData("https://out.example.net/?to=https%%25253A%%25252F%%25252Ftrack.example.com%%25252Fc%%25252F")]
    [InlineData("https://out.example.net/")]
    public void A_token_that_no_url_ends_in_is_none(string form)
    {
        foreach (var token in Tokens())
        {
            var url = form.Replace("%s", token, StringComparison.Ordinal).Replace("%%", "%", StringComparison.Ordinal);
            Assert.False(IsTracked(url), url);
        }
    }

    [Fact]
    public void Nothing_that_is_cut_or_made_of_scraps_stops_it()
    {
        var random = new Random(20250917);
        string[] scraps =
        [
            "http", "https", ":", "//", "%3A", "%25", "%2", "-3A__", "aHR0c", "=", "&", "_", "-", "A", Tokens().First(),
        ];
        for (var i = 0; i < 20_000; i++)
        {
            var url = new StringBuilder("https://example.org/");
            for (var n = random.Next(12); n >= 0; n--)
            {
                url.Append(scraps[random.Next(scraps.Length)]);
            }

            IsTracked(url.ToString());
        }

        // The largest possible URL, with the most expensive content.
        IsTracked("https://example.org/" + string.Concat(Enumerable.Repeat("%25https-3A__aHR0cA", 400)));
    }

    private static string Wrap(string wrapper, string link)
    {
        var start = wrapper.IndexOf('{', StringComparison.Ordinal);
        var end = wrapper.IndexOf('}', StringComparison.Ordinal);
        return wrapper[..start] + Encode(wrapper[(start + 1)..end], link) + wrapper[(end + 1)..];
    }

    private static string Encode(string how, string link) => how switch
    {
        "" => link,
        "?" => link + "?utm_source=x",
        "HTTP" => "HTTPS%3a//" + link[8..],
        "no scheme" => link[8..],
        "all" => string.Concat(link.Select(c => $"%{(int)c:x2}")),
        "base64" => Convert.ToBase64String(Encoding.ASCII.GetBytes(link)),
        "sophos" => Wrap("https://eu-west-1.protection.sophos.com/?d=example.com&u={base64}&i=NWY=", link),

        // Proofpoint's encoding: characters other than letters are percent-encoded, then percent signs become hyphens.
        "v2" => string.Concat(link.Select(c => c is '/' ? "_" : char.IsAsciiLetterOrDigit(c) || c is '.' ? $"{c}"
            : $"-{(int)c:X2}")),
        _ => Uri.EscapeDataString(Encode(how[1..], link)),
    };

    private static bool IsTracked(string url) =>
        DestinationPolicy.Read(Encoding.ASCII.GetBytes(url), null, out var destination) == DestinationOutcome.Accepted
            && NestedLink.IsTracked(destination, "track.example.com"u8, _keys);
}
