using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Text;

/// <summary>Where a URL in running text ends.</summary>
/// <param name="Length">The octets of the URL from its scheme on; without a URL at most the scheme's length.</param>
/// <param name="RunEnd">The place up to which the text was read.</param>
/// <param name="IsCut">Whether a sign inside the run ended the URL. Text behind a line break cannot belong to it
/// then.</param>
/// <param name="IsUnclear">Whether the end is uncertain. The URL may then lead to a wrong address.</param>
internal readonly record struct TextUrlEnd(int Length, int RunEnd, bool IsCut, bool IsUnclear)
{
    /// <summary>Finds the end.</summary>
    /// <param name="text">The text, from the URL's scheme on.</param>
    /// <param name="authority">The start of the URL's authority.</param>
    /// <param name="isDelimited">Whether the URL is behind a <c>&lt;</c>, and so ends before <c>&gt;</c>.</param>
    /// <param name="opening">The text before the URL.</param>
    /// <param name="charset">The text's charset.</param>
    public static TextUrlEnd Find(
        ReadOnlySpan<byte> text, int authority, bool isDelimited, TextUrlOpening opening, MailCharset charset)
    {
        var reader = new ReadTextUrl(text, authority, opening, charset);
        if (isDelimited && Run(text, authority, opening, charset) is var end && text[end..].StartsWith(">"u8))
        {
            // RFC 3986, appendix C: everything between the brackets is the URL.
            return new TextUrlEnd(end, end, false, !reader.IsClear(end));
        }

        return reader.Read();
    }

    /// <summary>The farthest possible end of a URL: white space, a quotation mark, or the end of a sentence in another
    /// script.</summary>
    public static int Run(ReadOnlySpan<byte> text, int position, TextUrlOpening opening, MailCharset charset)
    {
        Rune previous = default;
        while (true)
        {
            var plain = text[position..].IndexOfAnyExcept(ReadTextUrl.NoStops);
            if (plain != 0)
            {
                previous = default;
            }

            position = plain < 0 ? text.Length : position + plain;
            var size = TextUrlSigns.Read(text[position..], charset, out var sign, out var rune);
            if (IsHard(sign) && !IsGershayim(text[(position + size)..], rune, previous, opening, charset))
            {
                return position;
            }

            previous = rune;
            position += size;
        }
    }

    /// <summary>Whether a sign ends every URL.</summary>
    public static bool IsHard(TextUrlSign sign) => sign >= TextUrlSign.Stop;

    /// <summary>Whether a quotation mark replaces the Hebrew sign inside a word (UAX #29, WB7b and WB7c).</summary>
    public static bool IsGershayim(
        ReadOnlySpan<byte> behind, Rune rune, Rune previous, TextUrlOpening opening, MailCharset charset)
    {
        if (rune.Value != '"' || !IsHebrew(previous) || opening.IsQuoted)
        {
            return false;
        }

        TextUrlSigns.Read(behind, charset, out _, out var next);
        return IsHebrew(next);
    }

    private static bool IsHebrew(Rune rune) => rune.Value is (>= 0x5d0 and <= 0x5ea) or (>= 0xfb1d and <= 0xfb4f);
}
