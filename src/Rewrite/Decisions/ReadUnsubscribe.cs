using System.Buffers;
using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Decisions;

/// <summary>
/// Reads the URLs of <c>List-Unsubscribe</c> (RFC 2369): in angle brackets, separated by commas, with comments, folded
/// anywhere. Also accepts the mistakes that mailers make: encoded words, HTML's <c>&amp;amp;</c>, no brackets. A URL
/// too many costs one count. A missing URL would count an unsubscription as a click, or let a program follow a tracked
/// link.
/// </summary>
internal static class ReadUnsubscribe
{
    private static readonly SearchValues<byte> _bareEnd = SearchValues.Create(" \t\r\n<>\""u8);

    // The first byte of a comment, of a URL in brackets, or of a URL without brackets.
    private static readonly SearchValues<byte> _begins = SearchValues.Create("(<hH"u8);

    /// <summary>Reads a field's value.</summary>
    public static void Run(ReadOnlySpan<byte> value, LinkDecider decider)
    {
        using var decoded = new ByteBuffer();
        if (value.IndexOf("=?"u8) >= 0)
        {
            EncodedWords.Decode(value, decoded);
            value = decoded.Span;
        }

        var trimmed = value.Trim(" \t\r\n"u8);
        if (IsHttp(trimmed) && !trimmed.ContainsAny("<>,"u8))
        {
            Add(trimmed, decider);
        }

        var mayComment = true;
        for (var i = 0; i < value.Length && decider.TakesUnsubscribeUrls;)
        {
            if (value[i] == '(' && mayComment)
            {
                // A comment that never ends is not a comment. The text behind its parenthesis is read once.
                var comment = CommentLength(value[i..]);
                mayComment = comment > 0;
                i += comment;
            }
            else if (value[i] == '<')
            {
                var url = value[(i + 1)..];
                var close = url.IndexOf((byte)'>');
                url = close < 0 ? url : url[..close];
                Add(url, decider);
                i += url.Length + 1;
            }
            else if (IsHttp(value[i..]))
            {
                i += AddBare(value[i..], decider);
            }
            else
            {
                var begin = value[++i..].IndexOfAny(_begins);
                i = begin < 0 ? value.Length : i + begin;
            }
        }
    }

    // A comma may end the URL or belong to it.
    private static int AddBare(ReadOnlySpan<byte> text, LinkDecider decider)
    {
        text = text[..Math.Min(text.Length, DestinationPolicy.MaxLength)];
        var end = text.IndexOfAny(_bareEnd);
        var url = (end < 0 ? text : text[..end]).TrimEnd(",;"u8);
        Add(url, decider);
        var comma = url.IndexOf((byte)',');
        if (comma >= 0)
        {
            url = url[..comma];
            Add(url, decider);
        }

        return Math.Max(1, url.Length);
    }

    // White space inside a URL comes from folding.
    private static void Add(ReadOnlySpan<byte> text, LinkDecider decider)
    {
        using var unfolded = new ByteBuffer();
        if (text.ContainsAnyInRange((byte)0, (byte)' '))
        {
            foreach (var c in text)
            {
                if (c > ' ')
                {
                    unfolded.Append(c);
                }
            }

            text = unfolded.Span;
        }

        var url = text.Length > 4 && Ascii.EqualsIgnoreCase(text[..4], "URL:"u8) ? text[4..] : text;
        if (!IsHttp(url) || url.Length > DestinationPolicy.MaxLength)
        {
            return;
        }

        decider.AddUnsubscribeUrl(url);
        if (url.IndexOf("&amp;"u8) >= 0)
        {
            var unescaped = Encoding.Latin1.GetString(url).Replace("&amp;", "&", StringComparison.Ordinal);
            decider.AddUnsubscribeUrl(Encoding.Latin1.GetBytes(unescaped));
        }
    }

    // Comments nest, and a backslash quotes the next character. Returns 0 for a comment that never ends.
    private static int CommentLength(ReadOnlySpan<byte> text)
    {
        var depth = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
                continue;
            }

            depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
            if (depth == 0)
            {
                return i + 1;
            }
        }

        return 0;
    }

    private static bool IsHttp(ReadOnlySpan<byte> text) =>
        text.Length > 8 && Ascii.EqualsIgnoreCase(text[..4], "http"u8) && text[..8].IndexOf("//"u8) >= 0;
}
