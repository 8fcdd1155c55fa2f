using System.Globalization;
using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Text;

/// <summary>What a sign does to a URL in running text.</summary>
internal enum TextUrlSign : byte
{
    /// <summary>Letters, marks, digits and symbols: they belong to it.</summary>
    Word,

    /// <summary>Stands between words and at the end of a URL: it belongs to it.</summary>
    Joint,

    /// <summary>Belongs to it, but not at its end: there it is the sentence's.</summary>
    Point,

    /// <summary>Markdown's: belongs to it unless it closes what was opened before.</summary>
    Emphasis,

    /// <summary>An opening bracket: belongs to it when it is closed in it.</summary>
    Opens,

    /// <summary>A closing bracket: belongs to it when it was opened in it.</summary>
    Closes,

    /// <summary>Other writing systems use it inside words: belongs to it between two of its words.</summary>
    InWord,

    /// <summary>Shapes the letters or pictures round it: belongs to it between two signs of it.</summary>
    Joiner,

    /// <summary>Begins a sentence in Spanish: belongs to it at the beginning of a word of it.</summary>
    Lead,

    /// <summary>Sentence punctuation, quotation marks and brackets of every script: ends it.</summary>
    Stop,

    /// <summary>Nobody sees it, or nobody knows what it was: ends it.</summary>
    Unseen,

    /// <summary>White space, control characters and the bars of tables: ends it for certain.</summary>
    Blank,
}

/// <summary>
/// The one table of which signs belong to a URL in running text; with its sources in <c>docs/rewriting.md</c>, "Which
/// signs belong to a URL". What is not named goes by its general category.
/// </summary>
internal static class TextUrlSigns
{
    private static readonly TextUrlSign[] InAscii = ReadAscii();

    public static TextUrlSign Of(byte ascii) => InAscii[ascii];

    public static TextUrlSign Of(Rune rune) => rune.IsAscii ? InAscii[rune.Value] : rune.Value switch
    {
        0x200c or 0x200d => TextUrlSign.Joiner,
        0xa1 or 0xbf => TextUrlSign.Lead,

        // UAX #31, tables 3a and 3b; IDNA's CONTEXTO (RFC 5892 appendix A).
        0xb7 or 0x387 or 0x5f3 or 0x5f4 or 0xf0b or 0xf0c or 0x2027 or 0x30fb or 0xff65 => TextUrlSign.InWord,

        // Apostrophes, also as they are typed: UAX #29, MidNumLet. The acute accent, the primes.
        0x2018 or 0x2019 or 0xff07 or 0xb4 or 0x2032 or 0x2033 => TextUrlSign.InWord,

        // What stands over or behind a letter of a word in Armenian, and ends abbreviations in India.
        >= 0x55a and <= 0x55c or 0x55e or 0x55f or 0x970 or 0x9fd or 0xa76 or 0xaf0 => TextUrlSign.InWord,

        // Hyphens that are no dashes to Unicode, and Mongolian signs inside words.
        0xad or 0x2212 or 0xff5e or 0x1807 or 0x180a or 0x180e => TextUrlSign.InWord,

        // Other dots between words, as they are typed for the middle dot.
        0x2022 or 0x2219 or 0x22c5 or 0x2e31 or 0x2e33 or 0x16eb => TextUrlSign.InWord,

        // Decimal separators, the section sign, joiners that show nothing.
        0x66b or 0x66c or 0x70f or 0xa7 or 0x34f or 0x2060 => TextUrlSign.InWord,

        // Format characters that are seen: signs of numbers and hieroglyphs. Tags, which make flags of emoji.
        >= 0x600 and <= 0x605 or 0x6dd or 0x890 or 0x891 or 0x8e2 or 0x110bd or 0x110cd
            or (>= 0x13430 and <= 0x1345f) or (>= 0xe0020 and <= 0xe007f) => TextUrlSign.Word,

        // Bars, rules and frames; what looks like a blank; full-width angle brackets.
        0xa6 or 0x2016 or 0x2223 or 0x23d0 or (>= 0x2500 and <= 0x259f) or (>= 0x2758 and <= 0x275a) or 0xfe31
            or 0xfe32 or 0xff5c or 0xffe4 or 0xffe8 or 0x2800 or 0x3164 or 0xffa0 or 0xff1c or 0xff1e
            => TextUrlSign.Blank,

        // Dashes between sentences; quotation marks that are symbols to Unicode.
        0x2014 or 0x2015 or 0x2e3a or 0x2e3b or 0xfe58 or (>= 0x275b and <= 0x2760) or 0x226a or 0x226b or 0xff40
            => TextUrlSign.Stop,

        0xfffc or 0xfffd => TextUrlSign.Unseen,
        _ => OfCategory(Rune.GetUnicodeCategory(rune)),
    };

    /// <summary>Reads the sign that a text begins with.</summary>
    /// <returns>The bytes it takes; 0 when there is none, and that is as good as a blank.</returns>
    public static int Read(ReadOnlySpan<byte> text, MailCharset charset, out TextUrlSign sign, out Rune rune)
    {
        if (text.IsEmpty)
        {
            (sign, rune) = (TextUrlSign.Blank, default);
            return 0;
        }

        var size = 1;
        if (text[0] < 0x80)
        {
            rune = new Rune(text[0]);
        }
        else
        {
            size = charset.ReadRune(text, out rune);
        }

        sign = Of(rune);
        return size;
    }

    /// <summary>Reads the sign that a text ends with, as <see cref="Read"/> does.</summary>
    public static int ReadLast(ReadOnlySpan<byte> text, MailCharset charset, out TextUrlSign sign, out Rune rune)
    {
        // ASCII is a sign by itself, in every charset that is read so.
        for (var size = text is [.., >= 0x80] ? Math.Min(4, text.Length) : 1; size > 1; size--)
        {
            if (text[^size] >= 0x80 && charset.ReadRune(text[^size..], out rune) == size)
            {
                sign = Of(rune);
                return size;
            }
        }

        return Read(text.IsEmpty ? text : text[^1..], charset, out sign, out rune);
    }

    private static TextUrlSign OfCategory(UnicodeCategory category) => category switch
    {
        UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.Control => TextUrlSign.Blank,
        UnicodeCategory.OpenPunctuation or UnicodeCategory.ClosePunctuation
            or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation
            or UnicodeCategory.OtherPunctuation => TextUrlSign.Stop,
        UnicodeCategory.DashPunctuation => TextUrlSign.InWord,
        UnicodeCategory.Format => TextUrlSign.Unseen,
        _ => TextUrlSign.Word,
    };

    private static TextUrlSign[] ReadAscii()
    {
        var table = new TextUrlSign[128];
        Array.Fill(table, TextUrlSign.Blank);
        Set(TextUrlSign.Word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
        Set(TextUrlSign.Joint, "-/#&=%+$@");
        Set(TextUrlSign.Point, ".,;:!?'\\^");
        Set(TextUrlSign.Emphasis, "*_~");
        Set(TextUrlSign.Opens, "([{");
        Set(TextUrlSign.Closes, ")]}");
        Set(TextUrlSign.Stop, "\"`");
        return table;

        void Set(TextUrlSign sign, string characters)
        {
            foreach (var character in characters)
            {
                table[character] = sign;
            }
        }
    }
}
