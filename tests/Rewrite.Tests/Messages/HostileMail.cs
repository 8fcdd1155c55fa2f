using System.Text;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>Messages made to cost time, memory or stack, in full size or a part of it.</summary>
internal static class HostileMail
{
    private const string Html = "Content-Type: text/html\r\n\r\n";
    private const string QuotedPrintable = "Content-Transfer-Encoding: quoted-printable\r\n";
    private const string Mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";

    private const string Alternative = "Content-Type: multipart/alternative; boundary=b\r\n\r\n";

    private static readonly string _prefix = new('b', 60);

    private static readonly string _url = "https://example.org/" + new string('a', 8_000);

    private static readonly string _longUrl = "https://example.org/" + new string('a', 9_000);

    /// <summary>The function that makes each message, and the reason why the message passes through;
    /// <see langword="null"/> if it is rewritten or the reason does not matter.</summary>
    public static readonly Dictionary<string, (Untouched? Reason, Func<int, string> Make)> All = new()
    {
        // Structure.
        ["10,000 nested multiparts"] = (Untouched.TooDeep, part => string.Concat(
            Enumerable.Range(0, 10_000 / part).Select(i =>
                $"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n"))
            + "Content-Type: text/plain\r\n\r\nx"),
        ["10,000 nested multiparts with one boundary"] = (Untouched.TooDeep, part =>
            Repeat(Mixed + "--b\r\n", 10_000, part)),
        ["100,000 parts"] = (Untouched.TooManyParts, part => Mixed + Repeat("--b\r\n\r\nx\r\n", 100_000, part)),
        ["a million headers"] = (Untouched.HeaderTooLarge, part =>
            Repeat("X: y\r\n", 1_000_000, part) + "\r\nhttps://example.org/"),
        ["one long header"] = (Untouched.HeaderTooLarge, part =>
            "X: " + Repeat("y\r\n ", 3_000_000, part) + "\r\n\r\nhttps://example.org/"),
        ["boundary lines"] = (null, part => Mixed + "--b\r\n\r\n" + Repeat("--bb\r\n", 500_000, part)),
        ["boundary lines under a hundred boundaries"] = (null, part => string.Concat(
            Enumerable.Range(0, 99).Select(i =>
                $"Content-Type: multipart/mixed; boundary={_prefix}{i}\r\n\r\n--{_prefix}{i}\r\n"))
            + "\r\n" + Repeat($"--{_prefix}x\r\n", 40_000, part)),
        ["parts whose headers do not end"] = (null, part => Mixed + Repeat("--b\r\nA: b\r\n", 5_000, part)),
        ["open comments in headers"] = (null, part =>
            "Content-Type: text/html; charset=" + Repeat("(", 1_000_000, part) + "\r\n\r\nx"),
        ["an open string in a header"] = (null, part =>
            "Content-Type: multipart/mixed; boundary=\"" + Repeat("\\\"", 1_000_000, part) + "\r\n\r\n--x\r\n\r\nx"),
        ["rfc 2231 sections"] = (null, part => "Content-Type: text/html;"
            + string.Concat(Enumerable.Range(0, 50_000 / part).Select(i => $" charset*{i}=x;")) + "\r\n\r\nx"),
        ["control headers"] = (null, part =>
            Repeat("X-Tracking-Tags: a\r\n", 40_000, part) + "\r\nhttps://example.org/"),
        ["signatures and control headers"] = (null, part =>
            Repeat("DKIM-Signature: h=a:b:c; b=x\r\nX-AMP: a\r\n", 20_000, part) + "\r\nhttps://example.org/"),
        ["a long list-unsubscribe and many links"] = (null, part =>
            "List-Unsubscribe: " + Repeat("<https://example.org/u>, ", 20_000, part) + "\r\n" + Html
            + Repeat("<a href=\"https://example.org/v\">x</a>\r\n", 20_000, part)),
        ["open comments in list-unsubscribe"] = (null, part =>
            "List-Unsubscribe: " + Repeat("(<\\", 1_000_000, part) + "\r\n" + Html
            + "<a href=\"https://example.org/v\">x</a>"),
        ["addresses without brackets in list-unsubscribe"] = (null, part =>
            "List-Unsubscribe: " + Repeat("http://,", 400_000, part) + "\r\n" + Html
            + Repeat("<a href=\"https://example.org/v\">x</a>\r\n", 20_000, part)),
        ["half encoded words in list-unsubscribe"] = (null, part =>
            "List-Unsubscribe: " + Repeat("=?a?Qx?y ", 400_000, part) + "\r\n" + Html
            + "<a href=\"https://example.org/v\">x</a>"),
        ["checksums"] = (null, part => Repeat("Content-MD5: x\r\nLines: 1\r\n", 20_000, part) + Html
            + Repeat("<a href=\"https://example.org/\">x</a>\r\n", 2_000, part)),
        ["nothing"] = (Untouched.NoBody, _ => ""),

        // Lines.
        ["one line of links"] = (null, part =>
            Html + Repeat("<p>some words and <a href=\"https://example.org/\">a link</a></p>", 200_000, part)),
        ["one line of text links"] = (null, part => "\r\n" + Repeat("https://example.org/ ", 200_000, part)),
        ["one line of quoted-printable"] = (null, part => "Content-Type: text/html\r\n" + QuotedPrintable + "\r\n"
            + Repeat("<a href=3D\"https://example.org/\">=C3=BC</a>", 200_000, part)),
        ["50 MB in one line"] = (null, part =>
            "\r\n" + Repeat("lorem ipsum dolor sit amet ", 1_900_000, part) + "https://e.org/"),
        ["50 MB of HTML in one line"] = (null, part =>
            Html + Repeat("<p class=x>lorem ipsum</p> ", 1_900_000, part) + "<a href=https://e.org/>x</a>"),

        // Markup that does not end.
        ["a megabyte of <a href="] = (Untouched.TooManyAttributes, part => Html + Repeat("<a href=", 131_072, part)),
        ["a megabyte of <a href and quotes"] = (Untouched.TooManyAttributes, part =>
            Html + Repeat("<a href=\"", 116_509, part)),
        ["a value that never ends"] = (Untouched.UnterminatedMarkup, part =>
            Html + "<a href=\"https://example.org/" + Repeat("&amp;a", 400_000, part)),
        ["many short links and one value that never ends"] = (Untouched.UnterminatedMarkup, part =>
            Html + Repeat("<a href=\"https://example.org/\">x</a>", 20_000, part) + "<a href='"),
        ["a megabyte of <a href=> and no value"] = (null, part => Html + Repeat("<a href=> ", 104_857, part)),
        ["comments that do not end"] = (Untouched.UnterminatedMarkup, part => Html + Repeat("<!--", 1_000_000, part)),
        ["dashes in a comment"] = (Untouched.UnterminatedMarkup, part =>
            Html + "<!--" + Repeat("-", 4_000_000, part)),
        ["conditional comments that do not end"] = (Untouched.UnterminatedMarkup, part =>
            Html + Repeat("<!--[if mso]>", 300_000, part)),
        ["conditional comments with half a tag"] = (null, part =>
            Html + Repeat("<!--[if mso]><a href=\"x\"><a href=\"<![endif]-->", 50_000, part)),
        ["doctypes, instructions and sections that do not end"] = (null, part =>
            Html + Repeat("<!DOCTYPE <? <![CDATA[ </ <!x ", 100_000, part)),
        ["raw text that never ends"] = (Untouched.UnterminatedMarkup, part =>
            Html + "<style>" + Repeat("</styl", 1_000_000, part)),
        ["textareas that never end"] = (Untouched.UnterminatedMarkup, part =>
            Html + Repeat("<textarea></textare", 200_000, part)),
        ["script escapes"] = (Untouched.UnterminatedMarkup, part =>
            Html + "<script>" + Repeat("<!--<script", 500_000, part)),
        ["svg that never ends"] = (Untouched.ForeignContent, part => Html + Repeat("<svg><g>", 300_000, part)),
        ["end tags in a deep drawing"] = (null, part =>
            Html + "<svg>" + Repeat("<g>", 250, 1) + Repeat("</html>", 100_000, part)),
        ["selects that never end"] = (null, part =>
            Html + Repeat("<select><a href=\"https://example.org/\">x</a>", 40_000, part)),
        ["links that never end"] = (null, part => Html + Repeat("<a href=\"https://example.org/\">x", 40_000, part)),
        ["one link around a long text"] = (null, part =>
            Html + "<a href=\"https://example.org/\">" + Repeat("x <b>y</b> &amp; ", 300_000, part) + "</a>"),
        ["many attributes"] = (Untouched.TooManyAttributes, part => Html + "<a " + Repeat("b=c ", 500_000, part) + ">"),
        ["less-than signs"] = (null, part => Html + Repeat("<", 4_000_000, part) + " "),
        ["ampersands"] = (null, part => Html + "<a href=\"https://example.org/?" + new string('&', 8_000) + "\">"
            + Repeat("&amp", 500_000, part) + "</a>"),
        ["character references in urls"] = (null, part =>
            Html + Repeat("<a href=\"https://example.org/" + Repeat("&amp;", 1_000, 1) + "\">x</a>", 500, part)),
        ["conditional comments"] = (null, part =>
            Html + Repeat("<!--[if mso]><a href=\"x\"><![endif]-->", 50_000, part)),
        ["one conditional comment"] = (null, part =>
            Html + "<!--[if mso]>" + Repeat("<a href=\"x\">]> <![endif]", 100_000, part) + "-->"),

        // Links.
        ["50,000 links"] = (null, part => Html + Repeat("<a href=\"https://example.org/\">x</a>\r\n", 50_000, part)),
        ["50,000 links to hosts of their own"] = (null, part => Html + string.Concat(
            Enumerable.Range(0, 50_000 / part).Select(i => $"<a href=\"https://h{i:D5}.example.org/{i}\">x</a>\r\n"))),
        ["50,000 marked links and their like in text"] = (null, part => Alternative
            + "--b\r\n\r\n" + string.Concat(
                Enumerable.Range(0, 50_000 / part).Select(i => $"https://example.org/{i}\r\n"))
            + "--b\r\n" + Html + string.Concat(
                Enumerable.Range(0, 50_000 / part).Select(i =>
                    $"<a data-no-track rel=unsubscribe href=\"https://example.org/{i}\">x</a>\r\n"))),
        ["one marked link and 50,000 like it in other parts"] = (null, part => Alternative
            + "--b\r\n" + Html + "<a data-no-track href=\"https://example.org/\">x</a>\r\n"
            + Repeat("--b\r\n\r\nhttps://example.org/ https://example.org/ " + "\r\n", 9_000, part)),
        ["markers"] = (null, part => Html
            + Repeat($"<a href=\"https://example.org/\" {Repeat("data-no-track ", 1_000, 1)}>x</a>", 1_000, part)),
        ["dots behind links in quoted-printable"] = (null, part => "Content-Type: text/html\r\n" + QuotedPrintable
            + "\r\n" + Repeat("<a href=3Dhttps://example.org/>" + new string('.', 70) + "\r\n", 20_000, part)),
        ["50,000 links with letters"] = (null, part => Html + string.Concat(
            Enumerable.Range(0, 50_000 / part).Select(i =>
                $"<a href=\"https://b\xc3\xbc{i:D5}.example/\xc3\xbc\">x</a>\r\n"))),
        ["urls of eight kilobytes"] = (null, part => Html + Repeat($"<a href=\"{_url}\">x</a>\r\n", 1_000, part)),
        ["urls that are too long"] = (null, part => Html + Repeat($"<a href=\"{_longUrl}\">x</a>", 500, part)),
        ["urls that may hold others"] = (null, part => Html + Repeat(
            "<a href=\"https://example.org/" + Repeat("%25https-3A__aHR0cA", 400, 1) + "\">x</a>\r\n", 200, part)),
        ["hosts of marks"] = (null, part => Html + Repeat(
            "<a href=\"https://a" + Repeat("\xcc\x81\xcc\xa7", 240, 1) + ".example/\">x</a>\r\n", 1_000, part)),
        ["one url of megabytes"] = (null, part => "\r\nhttps://example.org/" + Repeat("a/", 2_000_000, part)),
        ["brackets behind a link"] = (null, part => "\r\nhttps://example.org/" + Repeat(")", 1_000_000, part)),
        ["brackets of every kind behind a link"] = (null, part =>
            "\r\nhttps://example.org/" + Repeat("([{", 300_000, part) + Repeat("}.])", 300_000, part)),
        ["text links in brackets"] = (null, part => "\r\n" + Repeat("(https://e.example/a)", 100_000, part)),
        ["text links in brackets that are not closed"] = (null, part =>
            "\r\n" + Repeat("https://e.example/a(.", 100_000, part)),
        ["text links in marks"] = (null, part => "\r\n" + Repeat("_https://e.example/a*~", 100_000, part)),
        ["text links that signs of words join"] = (null, part =>
            "\r\n" + Repeat("https://e.example/a\xc2\xb7", 100_000, part)),
        ["text links of doubtful hosts"] = (null, part => "\r\n" + Repeat("https://e.example$a", 100_000, part)),
        ["flowed links in brackets that are not closed"] = (null, part =>
            "Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n" + Repeat("x(.https://e.example/a \r\n", 50_000, part)),
        ["colons"] = (null, part => "\r\n" + Repeat("://", 1_000_000, part)),
        ["schemes"] = (null, part => "\r\n" + Repeat("https+notrack://", 200_000, part)),
        ["flowed lines in brackets"] = (null, part =>
            "Content-Type: text/plain; format=flowed\r\n\r\n<https://example.org/" + Repeat("a \r\n", 500_000, part)),
        ["flowed links that join"] = (null, part =>
            "Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n"
            + Repeat(">> https://example.org/a \r\n>> b \r\n>> c \r\n", 20_000, part)),
        ["inline pgp lines"] = (null, part => "\r\n" + Repeat("-----BEGIN PGP \r\n", 200_000, part)),

        // Transfer encodings.
        ["quoted-printable equals signs"] = (null, part => QuotedPrintable + "\r\n" + Repeat("=", 2_000_000, part)),
        ["soft breaks"] = (null, part =>
            QuotedPrintable + "\r\nhttps://example.org/" + Repeat("=\r\n", 500_000, part)),
        ["blanks at the end of lines"] = (null, part =>
            QuotedPrintable + "\r\n" + Repeat(" ", 2_000_000, part) + "\r\nhttps://example.org/"),
        ["base64 blanks"] = (null, part =>
            "Content-Transfer-Encoding: base64\r\n\r\n" + Repeat("aHR0\r\n \r\n", 300_000, part)),
        ["base64 that does not end"] = (null, part =>
            "Content-Transfer-Encoding: base64\r\n\r\n" + Repeat("aHR0", 1_000_000, part) + "a"),

        // Bytes.
        ["nul bytes"] = (null, part => Html + Repeat("<a href=\"https://example.org/\0\">\0</a>\0", 50_000, part)),
        ["nothing but nul bytes"] = (null, part => "A: b\r\n\r\n" + Repeat("\0", 8_000_000, part)),
        ["invalid utf-8"] = (null, part => "Content-Type: text/html; charset=utf-8\r\n\r\n"
            + Repeat("<a href=\"https://example.org/\xff\xc3\xe2\x82\">\xf0\x9f</a>\xed\xa0\x80\r\n", 40_000, part)),
        ["ascii that says it is utf-16"] = (Untouched.Charset, part => "Content-Type: text/html; charset=utf-16\r\n\r\n"
            + Repeat("<a href=\"https://example.org/\">x</a>\r\n", 50_000, part)),
        ["binary that says it is shift_jis"] = (Untouched.InvalidCharset, part =>
            "Content-Type: text/html; charset=shift_jis\r\n\r\n"
            + Repeat("\x95\\<a href=\"https://example.org/\">x</a>\r\n", 20_000, part) + "\x81\xff"),
        ["shift_jis"] = (null, part => "Content-Type: text/html; charset=shift_jis\r\n\r\n"
            + Repeat("\x95\\<a href=\"https://example.org/\">\x95\\</a>\r\n", 40_000, part)),

        // The runtime's decoders of these charsets allocate some hundred bytes of garbage for each input byte.
        ["escapes of iso-2022-jp"] = (null, part => "Content-Type: text/html; charset=iso-2022-jp\r\n\r\n"
            + Repeat("\x1b$B$\"\x1b(B<a href=\"https://example.org/\">x</a>\r\n", 5_000, part)),
        ["escapes of hz-gb-2312"] = (null, part => "Content-Type: text/html; charset=hz-gb-2312\r\n\r\n"
            + Repeat("~{VPND~}<a href=\"https://example.org/\">x</a>\r\n", 5_000, part)),
        ["shifts of utf-7"] = (null, part => "Content-Type: text/html; charset=utf-7\r\n\r\n"
            + Repeat("+AOQ-<a href=\"https://example.org/\">x</a>\r\n", 5_000, part)),
    };

    /// <summary>A message in full size, or in the given fraction of it.</summary>
    public static byte[] Make(string name, int part = 1) => Encoding.Latin1.GetBytes(All[name].Make(part));

    private static string Repeat(string text, int count, int part) =>
        new StringBuilder(text.Length * (count / part)).Insert(0, text, count / part).ToString();
}
