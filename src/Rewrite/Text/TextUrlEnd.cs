using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Text;

/// <summary>Where a URL in running text ends.</summary>
/// <param name="Length">Octets from the scheme on that belong to it; no more than the scheme when there is no
/// URL.</param>
/// <param name="RunEnd">How far it was read.</param>
/// <param name="IsCut">Whether a sign within the run ended it: what follows a line break cannot belong to it.</param>
/// <param name="IsUnclear">Whether nobody can tell where it ends: then it leads nowhere that somebody wrote.</param>
internal readonly record struct TextUrlEnd(int Length, int RunEnd, bool IsCut, bool IsUnclear)
{
    /// <summary>Finds it.</summary>
    /// <param name="text">The text from the URL's scheme on.</param>
    /// <param name="authority">Where its authority begins.</param>
    /// <param name="isDelimited">Whether it stands behind a <c>&lt;</c>, and so ends before <c>&gt;</c>.</param>
    /// <param name="opening">What stands before it.</param>
    /// <param name="charset">The text's charset.</param>
    public static TextUrlEnd Find(
        ReadOnlySpan<byte> text, int authority, bool isDelimited, TextUrlOpening opening, MailCharset charset)
    {
        var reader = new ReadTextUrl(text, authority, opening, charset);
        if (isDelimited && Run(text, authority, opening, charset) is var end && text[end..].StartsWith(">"u8))
        {
            // RFC 3986, appendix C: whatever stands between them is the URL.
            return new TextUrlEnd(end, end, false, !reader.IsClear(end));
        }

        return reader.Read();
    }

    /// <summary>How far a URL can go at most: to white space, a quotation mark, a sentence's end of another
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

    /// <summary>Whether a quotation mark stands for the Hebrew sign inside a word (UAX #29, WB7b and WB7c).</summary>
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
