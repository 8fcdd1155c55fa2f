using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>
/// A link with letters of its charset in host, path, query and fragment leads to the place that a browser would open,
/// in HTML and in plain text and under every transfer encoding: the host in A-labels, path and fragment in UTF-8, the
/// query of an HTML document in the document's charset.
/// </summary>
public sealed partial class LinksInEveryCharsetTests(ITestOutputHelper log)
{
    private static readonly string[] _transferEncodings = ["8bit", "quoted-printable", "base64", "binary"];

    public static TheoryData<string, string> Charsets => new()
    {
        { "utf-8", "säulenœпривет日本한" },
        { "iso-8859-1", "säulßéñøþ" },
        { "windows-1252", "œuvrežšäÿ" },
        { "iso-8859-2", "łąkażřů" },
        { "iso-8859-3", "ĝuĥoŝ" },
        { "iso-8859-4", "ņķģā" },
        { "iso-8859-5", "новости" },
        { "iso-8859-6", "خبرطن" },
        { "iso-8859-7", "νέαώ" },
        { "iso-8859-8", "חדשות" },
        { "iso-8859-9", "ığşü" },
        { "iso-8859-13", "ąčęž" },
        { "iso-8859-15", "œužšé" },
        { "windows-874", "กขค" },
        { "windows-1250", "řůžł" },
        { "windows-1251", "новости" },
        { "windows-1253", "νέα" },
        { "windows-1254", "ığşü" },
        { "windows-1255", "חדשות" },
        { "windows-1256", "خبر" },
        { "windows-1257", "ąčęž" },
        { "windows-1258", "âđêô" },
        { "koi8-r", "новости" },
        { "koi8-u", "новиниїєґ" },
        { "ibm866", "новости" },
        { "macintosh", "säulenéñ" },
        { "euc-jp", "日本語カナ" },
        { "shift_jis", "日本語カナ表ソ能" },
        { "gb18030", "中文𠀀한я" },
        { "gbk", "中文丂" },
        { "gb2312", "中文" },
        { "big5", "中文功許" },
        { "euc-kr", "한국어똠" },
        { "iso-2022-jp", "日本語カナ" },
        { "iso-2022-kr", "한국어" },
        { "hz-gb-2312", "中文" },
        { "utf-7", "säulen日本" },
        { "utf-16", "säulen日本𠀀" },
        { "utf-16le", "säulen日本𠀀" },
        { "utf-16be", "säulen日本𠀀" },
        { "utf-32", "säulen日本𠀀" },
        { "utf-32le", "säulen日本𠀀" },
    };

    [Theory]
    [MemberData(nameof(Charsets))]
    public void Location_parses_to_the_same_url_as_the_original(string charset, string letters)
    {
        log.WriteLine($"seed {Seed.Value}");
        var random = new Random(Seed.Value);
        var encoding = Encoding(charset);
        for (var i = 0; i < 60 * Seed.Factor; i++)
        {
            var (host, path, query, fragment) = (Word(), Word(), Word(), Word());
            var url = $"https://{host}.example/a{path}/x?q={query}&z=1#{fragment}";
            foreach (var transfer in _transferEncodings.Skip(charset.StartsWith("utf-", StringComparison.Ordinal)
                && charset is not ("utf-8" or "utf-7") ? 1 : 0))
            {
                foreach (var form in new[] { "html", "plain", "plain; format=flowed; delsp=yes" })
                {
                    var isHtml = form == "html";
                    var expected = $"https://{new IdnMapping().GetAscii(host)}.example/a{Percent(path, null)}/x"
                        + $"?q={PercentQuery(query, isHtml && HasQueries(charset) ? encoding : null)}"
                        + $"&z=1#{Percent(fragment, null)}";
                    var message = Message(form, charset, transfer, encoding, Content(form, url, random));
                    using var plan = RewriteMessage.Plan(message, TestKeys.Request);
                    Assert.Null(plan.Failure);
                    Assert.Null(plan.UntouchedReason);
                    var link = Assert.Single(plan.Links);
                    Assert.Equal(url, System.Text.Encoding.UTF8.GetString(link.Url.Span));
                    Assert.Equal(expected, System.Text.Encoding.ASCII.GetString(link.Destination.Span));
                    AssertTextIsKept(message, plan, transfer, encoding, url);
                }
            }
        }

        string Word()
        {
            var runes = letters.EnumerateRunes().ToArray();
            return string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => runes[random.Next(runes.Length)]));
        }
    }

    // After decoding, the whole part differs only in the link and the pixel.
    private static void AssertTextIsKept(
        byte[] message, RewritePlan plan, string transfer, Encoding encoding, string url)
    {
        var before = Decode(message, transfer, encoding);
        var after = Decode(TestKeys.Write(plan), transfer, encoding);
        var shown = before.Contains("&amp;", StringComparison.Ordinal)
            ? url.Replace("&", "&amp;", StringComparison.Ordinal)
            : url;
        var expected = FlowedBreak().Replace(before, "").Replace(shown, "@", StringComparison.Ordinal);
        Assert.Contains("@", expected, StringComparison.Ordinal);
        Assert.Equal(expected, Added().Replace(after, match => match.Value[0] == '<' ? "" : "@"));
    }

    private static string Decode(byte[] message, string transfer, Encoding encoding)
    {
        var text = System.Text.Encoding.Latin1.GetString(message);
        var body = text[(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        return encoding.GetString(transfer switch
        {
            "base64" => Convert.FromBase64String(body),
            "quoted-printable" => System.Text.Encoding.Latin1.GetBytes(Escape().Replace(body, match =>
                match.Groups[1].Success ? ((char)Convert.ToByte(match.Groups[1].Value, 16)).ToString() : "")),
            _ => System.Text.Encoding.Latin1.GetBytes(body),
        });
    }

    private static string Content(string form, string url, Random random)
    {
        var cut = random.Next(10, url.Length);
        cut -= char.IsLowSurrogate(url[cut]) ? 1 : 0;
        return form switch
        {
            "html" => $"<p><a href=\"{url.Replace("&", "&amp;", StringComparison.Ordinal)}\">text</a></p>\r\n",
            "plain" => $"Text {url} and more\r\n",
            _ => $"Text {url[..cut]} \r\n{url[cut..]} and more\r\n",
        };
    }

    private static byte[] Message(string form, string charset, string transfer, Encoding encoding, string content)
    {
        var header = $"Content-Type: text/{form}; charset={charset}\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n";
        byte[] bytes =
        [
            .. charset is "utf-16" or "utf-32" ? encoding.GetPreamble() : [],
            .. encoding.GetBytes(content),
        ];
        var body = transfer switch
        {
            "quoted-printable" => string.Concat(bytes.Select(c => c switch
            {
                (byte)'=' => "=3D",
                (byte)'\r' or (byte)'\n' when encoding.GetByteCount("a") == 1 => ((char)c).ToString(),
                >= 0x20 and < 0x7f => ((char)c).ToString(),
                _ => $"={c:X2}",
            })).Replace(" \r\n", "=20\r\n", StringComparison.Ordinal),
            "base64" => Convert.ToBase64String(bytes, Base64FormattingOptions.InsertLineBreaks),
            _ => System.Text.Encoding.Latin1.GetString(bytes),
        };
        return System.Text.Encoding.Latin1.GetBytes(header + body);
    }

    private static bool HasQueries(string charset) => charset is not ("iso-2022-kr" or "hz-gb-2312")
        && !charset.StartsWith("utf-", StringComparison.Ordinal);

    private static string PercentQuery(string text, Encoding? encoding) => string.Concat(
        (encoding ?? System.Text.Encoding.UTF8).GetBytes(text).Select(c =>
            c is >= 0x21 and <= 0x7e && !"\"#<>'".Contains((char)c, StringComparison.Ordinal)
                ? ((char)c).ToString()
                : $"%{c:X2}"));

    private static string Percent(string text, Encoding? encoding) => string.Concat(
        (encoding ?? System.Text.Encoding.UTF8).GetBytes(text).Select(c =>
            c is >= 0x21 and <= 0x7e ? ((char)c).ToString() : $"%{c:X2}"));

    // The labels have their meaning on the web: ISO-8859-1 and ISO-8859-9 are Windows code pages.
    private static Encoding Encoding(string charset)
    {
        var name = charset switch
        {
            "utf-8" => "",
            "utf-16le" => "utf-16",
            "utf-16be" => "utf-16BE",
            "utf-32le" => "utf-32",
            "gbk" or "gb2312" => "gb18030",
            "euc-kr" => "ks_c_5601-1987",
            "iso-8859-1" => "windows-1252",
            "iso-8859-9" => "windows-1254",
            _ => charset,
        };
#pragma warning disable SYSLIB0001 // The charset is what is tested.
        return charset == "utf-7"
            ? new UTF7Encoding(true)
#pragma warning restore SYSLIB0001
            : name.Length == 0
            ? new UTF8Encoding(false)
            : CodePagesEncodingProvider.Instance.GetEncoding(
                name, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback)
                ?? System.Text.Encoding.GetEncoding(name);
    }

    [GeneratedRegex(@"=(?:\r?\n|([0-9A-F]{2}))")]
    private static partial Regex Escape();

    [GeneratedRegex(@" \r\n(?=.)")]
    private static partial Regex FlowedBreak();

    [GeneratedRegex(@"https://track\.example\.com/c/[A-Za-z0-9_-]{40}|<img src=""https://track[^>]*>")]
    private static partial Regex Added();
}
