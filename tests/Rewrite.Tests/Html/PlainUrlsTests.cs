using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Tests.Html;

/// <summary>Compares the quick ways of reading a URL with the ways that read every URL.</summary>
public sealed class PlainUrlsTests
{
    private static readonly string[] _pieces =
    [
        "https://shop.example/", "a", "b.c/d", "?x=3D1", "&amp;", "&amp;y=3D2", "=\r\n", "=\n", "=3d", "=26", "=26amp;",
        "&", "&copy", "&#65;", "&quot;", "&lt;", "=C3=A9", "é", " ", "\t", "\r\n", "\0", "=", "==", "=3", "%20", "amp;",
        "utm_source=3Dnewsletter&amp;utm_medium=3Demail&amp;utm_campaign=3Dautumn", "\"", "<", ">", "'",
    ];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_plain_reads_as_it_does_otherwise(bool isQuotedPrintable)
    {
        var random = new Random(2045);
        var plain = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var raw = Encoding.UTF8.GetBytes(string.Concat(
                random.GetItems(_pieces, 1 + random.Next(6)).Prepend(random.Next(2) == 0 ? "http://e.example/" : "")));
            var output = new byte[raw.Length];
            var length = PlainUrl.Decode(raw, isQuotedPrintable, output);
            if (length >= 0)
            {
                plain++;
                Assert.Equal(Full(raw, isQuotedPrintable), Encoding.UTF8.GetString(output, 0, length));
            }
        }

        Assert.InRange(plain, 1_000, 19_000);
    }

    [Fact]
    public void A_url_like_another_one_reads_as_it_does_by_itself()
    {
        string[] origins =
        [
            "https://shop.example", "http://shop.example:8080", "https://user@shop.example", "HTTPS://SHOP.EXAMPLE",
            "https://[2001:db8::1]", "http://192.0.2.1", "https:/\\shop.example", "https://shop.example.",
        ];
        string[] rests =
            ["", "/", "/a/b?c=d#e", "?q", "#f", "\\x", ":99/", "@other.example/", ".example/", "x/", "/é", "/ a"];
        var alike = 0;
        foreach (var origin in origins)
        {
            foreach (var rest in rests.SelectMany(_ => rests, (one, other) => (one, other)))
            {
                var known = Encoding.UTF8.GetBytes(origin + rest.one);
                var url = Encoding.UTF8.GetBytes(origin + rest.other);
                if (DestinationPolicy.Read(known, null, out var other) != DestinationOutcome.Accepted
                    || !other.Url.SequenceEqual(known)
                    || !DestinationPolicy.TryReadLike(url, other, out var read))
                {
                    continue;
                }

                alike++;
                Assert.Equal(DestinationOutcome.Accepted, DestinationPolicy.Read(url, null, out var expected));
                Assert.Equal(Text(expected), Text(read));
            }
        }

        Assert.InRange(alike, 50, 1_000);
    }

    private static string Text(DestinationUrl url) => string.Join(
        ' ',
        Encoding.ASCII.GetString(url.Url),
        Encoding.ASCII.GetString(url.Host),
        Encoding.ASCII.GetString(url.Path),
        url.PathStart,
        url.IsHttps);

    private static string Full(byte[] raw, bool isQuotedPrintable)
    {
        ReadOnlySpan<byte> content = raw;
        if (isQuotedPrintable)
        {
            using var quotedPrintable = new QuotedPrintable();
            var decoded = new byte[raw.Length];
            content = decoded.AsSpan(0, quotedPrintable.Decode(raw, decoded));
        }

        using var buffer = new ByteBuffer();
        var range = AttributeValue.Decode(content, null, buffer);
        return Encoding.UTF8.GetString(range.IsGiven ? range.In(buffer.Span) : content);
    }
}
