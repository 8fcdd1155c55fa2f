using System.Runtime.CompilerServices;
using System.Text;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;
using Tracking.Rewrite.Mime;

namespace Tracking.Benchmarks;

/// <summary>The newsletter of <c>tests/Newsletters</c> with other transfer encodings and contents.</summary>
internal sealed class Newsletter
{
    private readonly byte[] _head;
    private readonly byte[] _text;

    public Newsletter()
    {
        var folder = Path.Combine(Path.GetDirectoryName(SourceFile())!, "../Newsletters");
        Message = File.ReadAllBytes(Path.Combine(folder, "shop-alternative-quoted-printable.eml"));
        var parts = new List<MimePart>();
        if (MessageHeader.Read(Message).ReadParts(parts, []) is not null || parts.Count != 2)
        {
            throw new InvalidOperationException("The newsletter is not what it was.");
        }

        var source = Encoding.Latin1.GetString(Message);
        _head = Message[..source.IndexOf("Content-Type: multipart", StringComparison.Ordinal)];
        _text = Decode(parts[0]);
        Html = Decode(parts[1]);
    }

    private Newsletter(Newsletter other, byte[] html, byte[] text)
    {
        (_head, _text, Html) = (other._head, text, html);
        Message = QuotedPrintable();
    }

    /// <summary>The whole message.</summary>
    public byte[] Message { get; }

    /// <summary>The decoded HTML part.</summary>
    public byte[] Html { get; }

    /// <summary>The newsletter with this number of tracked links. The other links of the HTML part lose their
    /// <c>href</c>.</summary>
    public Newsletter WithLinks(int count, RewriteRequest request)
    {
        var html = Encoding.Latin1.GetString(Html);
        var result = this;
        while (true)
        {
            using var plan = RewriteMessage.Plan(result.Message, request);
            if (plan.TrackedLinks <= count)
            {
                return result;
            }

            var last = html.LastIndexOf(" href=\"http", StringComparison.Ordinal);
            var end = html.IndexOf('"', last + " href=\"".Length);
            // These texts are no links now, so they must be the same in every letter of a campaign.
            var text = html[(last + " href".Length)..end]
                .Replace("utm_campaign", "utm_seasonal", StringComparison.Ordinal)
                .Replace("7f3a91", "reader", StringComparison.Ordinal);
            html = string.Concat(html.AsSpan(0, last), " name", text, html.AsSpan(end));
            result = new Newsletter(this, Encoding.Latin1.GetBytes(html), _text);
        }
    }

    /// <summary>The newsletter with a replaced text.</summary>
    public Newsletter With(string old, string value) =>
        new(this, Replace(Html, old, value), Replace(_text, old, value));

    public byte[] QuotedPrintable() => Alternative("quoted-printable", content =>
    {
        var output = new StringBuilder();
        var column = 0;
        foreach (var c in content)
        {
            if (c == '\n')
            {
                output.Append("\r\n");
                column = 0;
            }
            else if (c != '\r')
            {
                var token = c is >= 32 and <= 126 and not (byte)'=' ? ((char)c).ToString() : $"={c:X2}";
                if (column + token.Length > 75)
                {
                    output.Append("=\r\n");
                    column = 0;
                }

                output.Append(token);
                column += token.Length;
            }
        }

        return output.ToString();
    });

    public byte[] Base64() => Alternative("base64", content =>
        Convert.ToBase64String(content, Base64FormattingOptions.InsertLineBreaks) + "\r\n");

    public byte[] EightBit() => Alternative("8bit", Encoding.Latin1.GetString);

    /// <summary>The message in a multipart/mixed with two attachments.</summary>
    public byte[] WithAttachments(int bytes)
    {
        var content = new byte[bytes / 2 / 78 * 57];
        new Random(1).NextBytes(content);
        var attachment = Convert.ToBase64String(content, Base64FormattingOptions.InsertLineBreaks);
        var message = Encoding.Latin1.GetString(Message);
        var start = message.IndexOf("Content-Type: multipart", StringComparison.Ordinal);
        const string Header = "\r\n--outer\r\nContent-Type: application/pdf; name=a.pdf\r\n"
            + "Content-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n";
        return Encoding.Latin1.GetBytes(string.Concat(
            message[..start],
            "Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n" + message[start..],
            Header + attachment,
            Header + attachment + "\r\n--outer--\r\n"));
    }

    private static byte[] Replace(byte[] content, string old, string value) =>
        Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(content).Replace(old, value, StringComparison.Ordinal));

    private byte[] Alternative(string encoding, Func<byte[], string> encode) => Encoding.Latin1.GetBytes(string.Concat(
        Encoding.Latin1.GetString(_head) + "Content-Type: multipart/alternative; boundary=\"=_part\"\r\n\r\n",
        $"--=_part\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n",
        encode(_text) + $"\r\n--=_part\r\nContent-Type: text/html; charset=UTF-8\r\n",
        $"Content-Transfer-Encoding: {encoding}\r\n\r\n{encode(Html)}\r\n--=_part--\r\n"));

    private byte[] Decode(in MimePart part)
    {
        var body = Message.AsSpan(part.BodyStart, part.BodyEnd - part.BodyStart);
        var content = new byte[body.Length];
        using var quotedPrintable = new QuotedPrintable();
        return content[..quotedPrintable.Decode(body, content)];
    }

    private static string SourceFile([CallerFilePath] string path = "") => path;
}
