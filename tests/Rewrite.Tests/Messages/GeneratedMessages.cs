using System.Text;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>Random messages: nested multiparts, every transfer encoding, several charsets, both line breaks, links in
/// HTML and text whose written form is known.</summary>
internal sealed class GeneratedMessages(Random random)
{
    /// <summary>Spellings of links in HTML, and their texts for a reader. The longest comes first, so that none is part
    /// of a later one.</summary>
    public static readonly string[] HtmlUrls =
    [
        "https://www.example.net/a/rather/long/path/that/goes/on/and/on"
            + "?utm_source=x&amp;utm_medium=y&amp;utm_campaign=z",
        "https://shop.example.org/?q=1&amp;r=2&copy=3",
        "https://shop.example.org/weiß-%C3%BC",
        "http://example.com:8080/p#frag",
        "https://e.org/",
    ];

    public static readonly string[] TextUrls =
    [
        "https://www.example.net/a/rather/long/path/that/goes/on/and/on?utm_source=x&utm_medium=y&utm_campaign=z",
        "https://shop.example.org/?q=1&r=2",
        "http://example.com:8080/p#frag",
        "https://e.org/",
    ];

    private readonly string _newLine = random.Next(3) == 0 ? "\n" : "\r\n";
    private int _boundary;

    public byte[] Next()
    {
        using var message = new MemoryStream();
        Write(message, $"From: a@example.com{_newLine}To: b@example.net{_newLine}Subject: generated{_newLine}");
        if (random.Next(2) == 0)
        {
            Write(message, $"Received: from a{_newLine}\tby b;{_newLine}\t1 Jan 2026{_newLine}");
        }

        Entity(message, 0);
        return message.ToArray();
    }

    private void Entity(MemoryStream output, int depth)
    {
        if (depth < 3 && random.Next(3) > 0)
        {
            Multipart(output, depth);
        }
        else if (random.Next(6) == 0)
        {
            Write(output, $"Content-Type: image/png{_newLine}Content-Transfer-Encoding: base64{_newLine}{_newLine}");
            Write(output, Base64(Encoding.Latin1.GetBytes(new string('x', random.Next(1, 300)))));
        }
        else
        {
            TextPart(output);
        }
    }

    private void Multipart(MemoryStream output, int depth)
    {
        var boundary = $"b{(random.Next(2) == 0 ? "" : "==")}{_boundary++}";
        var kind = new[] { "mixed", "alternative", "related" }[random.Next(3)];
        Write(output, $"Content-Type: multipart/{kind};{_newLine} boundary=\"{boundary}\"{_newLine}{_newLine}");
        Write(output, random.Next(2) == 0 ? "" : $"Preamble https://e.org/ stays.{_newLine}");
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            Write(output, $"--{boundary}{(random.Next(8) == 0 ? " \t" : "")}{_newLine}");
            Entity(output, depth + 1);
            Write(output, _newLine);
        }

        if (random.Next(10) > 0)
        {
            Write(output, $"--{boundary}--{_newLine}");
            Write(output, random.Next(3) == 0 ? $"Epilogue https://e.org/ stays.{_newLine}" : "");
        }
    }

    private void TextPart(MemoryStream output)
    {
        var isHtml = random.Next(2) == 0;
        var charset = new[] { "utf-8", "iso-8859-1", "us-ascii" }[random.Next(3)];
        var encoding = charset == "utf-8" ? Encoding.UTF8 : Encoding.Latin1;
        var transfer = new[] { "7bit", "8bit", "quoted-printable", "base64", "binary" }[random.Next(5)];
        var content = isHtml ? Html() : Text();
        if (charset == "us-ascii" || transfer == "7bit")
        {
            content = content
                .Replace("ß", "ss", StringComparison.Ordinal)
                .Replace("ü", "ue", StringComparison.Ordinal);
        }

        Write(output, $"Content-Type: text/{(isHtml ? "html" : "plain")}; charset={charset}{_newLine}");
        Write(output, $"Content-Transfer-Encoding: {transfer}{_newLine}{_newLine}");
        var bytes = encoding.GetBytes(content);
        output.Write(transfer switch
        {
            "quoted-printable" => Encoding.ASCII.GetBytes(QuotedPrintable(bytes)),
            "base64" => Encoding.ASCII.GetBytes(Base64(bytes)),
            _ => bytes,
        });
    }

    private string Html()
    {
        var html = new StringBuilder(random.Next(2) == 0 ? $"<!doctype html>{_newLine}<html><body>" : "");
        for (var n = random.Next(1, 14); n > 0; n--)
        {
            var url = HtmlUrls[random.Next(HtmlUrls.Length)];
            html.Append(random.Next(9) switch
            {
                0 or 1 or 2 => $"<a href=\"{url}\">Text ü</a>",
                3 => $"<A class='x'{_newLine}HREF = '{url}' id=y>{url[..3]}</A>",
                4 => $"<p style=\"color:red\">Words &amp; words, größer = besser.   </p>{_newLine}",
                5 => $"<!-- <a href=\"{"x"}\"> -->",
                6 => string.Concat(Enumerable.Repeat("Lorem ipsum dolor sit amet ", random.Next(1, 40))),
                7 => $"{_newLine}{_newLine}",
                _ => "<style>a { b: c }</style>"
                    + $"<area alt=\"x\" href={url.Replace("&copy=3", "", StringComparison.Ordinal)}>",
            });
        }

        return html.Append(random.Next(2) == 0 ? $"</body></html>{_newLine}" : "").ToString();
    }

    private string Text()
    {
        var text = new StringBuilder();
        for (var n = random.Next(1, 12); n > 0; n--)
        {
            var url = TextUrls[random.Next(TextUrls.Length)];
            text.Append(random.Next(7) switch
            {
                0 => $"See {url}. ",
                1 => $"({url}), ",
                2 => $"<{url}>{_newLine}",
                3 => $"Größe ü = 3 \t{_newLine}",
                4 => string.Concat(Enumerable.Repeat("lorem ipsum ", random.Next(1, 100))),
                5 => $"{url}{_newLine}",
                _ => _newLine,
            });
        }

        return text.ToString();
    }

    private string Base64(byte[] bytes)
    {
        var length = new[] { 76, 64, 60, 73 }[random.Next(4)];
        var text = Convert.ToBase64String(bytes);
        return string.Join(_newLine, text.Chunk(length).Select(line => new string(line)))
            + (random.Next(2) == 0 ? _newLine : "");
    }

    private string QuotedPrintable(byte[] bytes)
    {
        var limit = random.Next(2) == 0 ? 75 : random.Next(20, 76);
        var output = new StringBuilder();
        var column = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            var isBreak = bytes[i] == '\n' || (bytes[i] == '\r' && i + 1 < bytes.Length && bytes[i + 1] == '\n');
            if (isBreak)
            {
                output.Append((char)bytes[i]);
                column = bytes[i] == '\n' ? 0 : column;
                continue;
            }

            var endsLine = i + 1 == bytes.Length || bytes[i + 1] is (byte)'\r' or (byte)'\n';
            var isPlain = bytes[i] is >= 33 and <= 126 and not (byte)'=' || (bytes[i] is 32 or 9 && !endsLine);
            var token = isPlain && random.Next(200) > 0 ? ((char)bytes[i]).ToString() : $"={bytes[i]:X2}";
            if (column + token.Length > limit)
            {
                output.Append('=').Append(_newLine);
                column = 0;
            }

            output.Append(token);
            column += token.Length;
        }

        return output.ToString();
    }

    private static void Write(MemoryStream output, string text) => output.Write(Encoding.Latin1.GetBytes(text));
}
