using System.Buffers;
using System.Text;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Html;

/// <summary>Text in the form that a reader sees: references decoded, white space collapsed, cut at a length.</summary>
internal static class VisibleText
{
    // Printable ASCII except the ampersand.
    private static readonly SearchValues<byte> _plain = SearchValues.Create(
        "!\"#$%'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"u8);

    /// <summary>Appends text to a buffer.</summary>
    /// <param name="raw">The markup's text.</param>
    /// <param name="inAttribute">Whether the text is an attribute value, whose character references have their own
    /// rules.</param>
    /// <param name="start">The place in the buffer where the whole text starts.</param>
    /// <param name="limit">The most bytes of the whole text; a character is never cut.</param>
    /// <param name="encoding">The part's encoding; <see langword="null"/> is UTF-8.</param>
    /// <param name="output">The buffer.</param>
    /// <returns>Whether the whole text fitted.</returns>
    public static bool Append(
        ReadOnlySpan<byte> raw,
        bool inAttribute,
        int start,
        int limit,
        Encoding? encoding,
        ByteBuffer output)
    {
        Span<byte> utf8 = stackalloc byte[8];
        while (!raw.IsEmpty)
        {
            if (output.Length - start >= limit)
            {
                return raw.Trim(" \t\r\n\f"u8).IsEmpty;
            }

            var run = raw.IndexOfAnyExcept(_plain);
            run = Math.Min(run < 0 ? raw.Length : run, limit - (output.Length - start));
            if (run > 0)
            {
                output.Append(raw[..run]);
                raw = raw[run..];
                continue;
            }

            var c = raw[0];
            if (c <= ' ')
            {
                if (output.Length > start && output.Span[^1] != ' ')
                {
                    output.Append((byte)' ');
                }

                var blank = raw.IndexOfAnyExceptInRange((byte)0, (byte)' ');
                raw = blank < 0 ? default : raw[blank..];
                continue;
            }

            var consumed = 1;
            var written = 1;
            utf8[0] = c;
            if (c == '&')
            {
                var length = CharacterReferences.Read(raw, inAttribute, utf8, out var characters);
                (consumed, written) = length == 0 ? (1, 1) : (length, characters);
                utf8[0] = length == 0 ? (byte)'&' : utf8[0];
            }
            else if (c >= 0x80)
            {
                consumed = MailCharset.ReadRune(raw, encoding, out var rune);
                written = rune.EncodeToUtf8(utf8);
            }

            raw = raw[consumed..];

            // U+00A0 looks like a space to a reader.
            if (written == 2 && utf8[0] == 0xc2 && utf8[1] == 0xa0)
            {
                (utf8[0], written) = ((byte)' ', 1);
            }

            if (written == 1 && (utf8[0] <= 0x20 || utf8[0] == 0x7f))
            {
                if (output.Length > start && output.Span[^1] != ' ')
                {
                    output.Append((byte)' ');
                }
            }
            else if (output.Length - start + written <= limit)
            {
                output.Append(utf8[..written]);
            }
            else
            {
                return false;
            }
        }

        return true;
    }
}
