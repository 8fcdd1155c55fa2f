using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Text;

/// <summary>Removes from the end of a URL in running text the signs that do not belong to it: the sentence's
/// punctuation, brackets that were not opened inside it, marks of Markdown.</summary>
internal static class TrimTextUrl
{
    /// <summary>Trims a URL.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="least">The number of octets that always stay.</param>
    /// <param name="opening">The text before the URL.</param>
    /// <param name="charset">The text's charset.</param>
    /// <returns>The trimmed length.</returns>
    public static int Trim(ReadOnlySpan<byte> url, int least, TextUrlOpening opening, MailCharset charset)
    {
        Span<int> open = [-1, -1, -1];
        while (url.Length > least)
        {
            var size = TextUrlSigns.ReadLast(url, charset, out var sign, out var rune);
            switch (sign)
            {
                case TextUrlSign.Point:
                    size = rune.Value == ';' ? ReferenceLength(url[least..]) : size;
                    break;
                case TextUrlSign.Closes:
                    if (IsBalanced(url, (byte)rune.Value, open))
                    {
                        return url.Length;
                    }

                    break;
                case TextUrlSign.Emphasis:
                    size = url.Length - 1 - url.LastIndexOfAnyExcept((byte)rune.Value);
                    if (!IsMark(url[..^size], (byte)rune.Value, opening))
                    {
                        return url.Length;
                    }

                    break;
                case TextUrlSign.InWord or TextUrlSign.Lead:
                    break;
                case TextUrlSign.Joiner:
                    TextUrlSigns.ReadLast(url[..^size], charset, out _, out var before);
                    if (IsVirama(before))
                    {
                        return url.Length;
                    }

                    break;
                default:
                    return url.Length;
            }

            url = url[..^size];
        }

        return url.Length;
    }

    /// <summary>Whether a joiner behind the sign is part of the letter and may end a word (RFC 5892 appendix A.1, A.2):
    /// the viramas of India's scripts and Sinhala.</summary>
    public static bool IsVirama(Rune rune) =>
        rune.Value == 0xdca || (rune.Value is >= 0x94d and <= 0xd4d && (rune.Value & 0x7f) == 0x4d);

    // The brackets of a kind are counted once and then kept up to date: a line of brackets must not take quadratic
    // time.
    private static bool IsBalanced(ReadOnlySpan<byte> url, byte last, Span<int> open)
    {
        const int None = 1_000_000_000;
        var kind = ")]}"u8.IndexOf(last);
        if (open[kind] < 0)
        {
            open[kind] = url.Count("([{"u8[kind]) - url.Count(last) + None;
        }

        if (open[kind] >= None)
        {
            return true;
        }

        open[kind]++;
        return false;
    }

    // GFM trims "*", "_" and "~". But "/*" is a path, "*|NAME|*" comes from a template, and "_" ends many names. These
    // signs are marks only if a mark is open.
    private static bool IsMark(ReadOnlySpan<byte> before, byte mark, TextUrlOpening opening) =>
        opening.HasMark(mark)
        || (mark != '_' && !before.IsEmpty && before[^1] is not ((byte)'/' or (byte)'=' or (byte)'?' or (byte)'&'
            or (byte)'#' or (byte)'|'));

    // "&gt;" behind a URL belongs to the text: its author put HTML into plain text (GFM, extended autolinks).
    private static int ReferenceLength(ReadOnlySpan<byte> url)
    {
        var ampersand = url.LastIndexOf((byte)'&');
        var name = ampersand < 0 ? default : url[(ampersand + 1)..^1];
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit((char)c))
            {
                return 1;
            }
        }

        return name.IsEmpty ? 1 : name.Length + 2;
    }
}
