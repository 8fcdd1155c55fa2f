using System.Globalization;
using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Text;

/// <summary>The effect of a sign on a URL in running text.</summary>
internal enum TextUrlSign : byte
{
    /// <summary>Letters, marks, digits and symbols: the sign belongs to the URL.</summary>
    Word,

    /// <summary>A sign between words and at the end of a URL: it belongs to the URL.</summary>
    Joint,

    /// <summary>A sign that belongs to the URL, except at its end: there it belongs to the sentence.</summary>
    Point,

    /// <summary>A sign of Markdown: it belongs to the URL unless it closes an earlier mark.</summary>
    Emphasis,

    /// <summary>An opening bracket: it belongs to the URL if it is closed inside the URL.</summary>
    Opens,

    /// <summary>A closing bracket: it belongs to the URL if it was opened inside the URL.</summary>
    Closes,

    /// <summary>A sign that other writing systems use inside words: it belongs to the URL between two words of the
    /// URL.</summary>
    InWord,

    /// <summary>A sign that shapes the letters or pictures around it: it belongs to the URL between two of the URL's
    /// signs.</summary>
    Joiner,

    /// <summary>A sign that begins a sentence in Spanish: it belongs to the URL at the beginning of one of the URL's
    /// words.</summary>
    Lead,

    /// <summary>Sentence punctuation, quotation marks and brackets of every script: the sign ends the URL.</summary>
    Stop,

    /// <summary>An invisible or an unknown character: it ends the URL.</summary>
    Unseen,

    /// <summary>White space, control characters and the bars of tables: the sign certainly ends the URL.</summary>
    Blank,
}

/// <summary>
/// The only table of the signs that belong to a URL in running text. <c>docs/rewriting.md</c> has its sources, under
/// "Which signs belong to a URL". For every other sign the general category decides.
/// </summary>
internal static class TextUrlSigns
{
    private static readonly TextUrlSign[] _inAscii = ReadAscii();

    public static TextUrlSign Of(byte ascii) => _inAscii[ascii];

    public static TextUrlSign Of(Rune rune) => rune.IsAscii ? _inAscii[rune.Value] : rune.Value switch
    {
        0x200c or 0x200d => TextUrlSign.Joiner,
        0xa1 or 0xbf => TextUrlSign.Lead,

        // UAX #31, tables 3a and 3b; IDNA's CONTEXTO (RFC 5892 appendix A).
        0xb7 or 0x387 or 0x5f3 or 0x5f4 or 0xf0b or 0xf0c or 0x2027 or 0x30fb or 0xff65 => TextUrlSign.InWord,

        // Apostrophes and the signs that people type instead: UAX #29, MidNumLet. The acute accent, the primes.
        0x2018 or 0x2019 or 0xff07 or 0xb4 or 0x2032 or 0x2033 => TextUrlSign.InWord,

        // Signs above or behind a letter of a word in Armenian, and signs that end abbreviations in India.
        >= 0x55a and <= 0x55c or 0x55e or 0x55f or 0x970 or 0x9fd or 0xa76 or 0xaf0 => TextUrlSign.InWord,

        // Hyphens that Unicode does not count as dashes, and Mongolian signs inside words.
        0xad or 0x2212 or 0xff5e or 0x1807 or 0x180a or 0x180e => TextUrlSign.InWord,

        // Other dots between words, typed instead of the middle dot.
        0x2022 or 0x2219 or 0x22c5 or 0x2e31 or 0x2e33 or 0x16eb => TextUrlSign.InWord,

        // Decimal separators, the section sign, invisible joiners.
        0x66b or 0x66c or 0x70f or 0xa7 or 0x34f or 0x2060 => TextUrlSign.InWord,

        // Visible format characters: signs of numbers and hieroglyphs. Tags, which make flags of emoji.
        >= 0x600 and <= 0x605 or 0x6dd or 0x890 or 0x891 or 0x8e2 or 0x110bd or 0x110cd
            or (>= 0x13430 and <= 0x1345f) or (>= 0xe0020 and <= 0xe007f) => TextUrlSign.Word,

        // Bars, rules and frames; signs that look like a blank; full-width angle brackets.
        0xa6 or 0x2016 or 0x2223 or 0x23d0 or (>= 0x2500 and <= 0x259f) or (>= 0x2758 and <= 0x275a) or 0xfe31
            or 0xfe32 or 0xff5c or 0xffe4 or 0xffe8 or 0x2800 or 0x3164 or 0xffa0 or 0xff1c or 0xff1e
            => TextUrlSign.Blank,

        // Dashes between sentences; quotation marks that Unicode counts as symbols.
        0x2014 or 0x2015 or 0x2e3a or 0x2e3b or 0xfe58 or (>= 0x275b and <= 0x2760) or 0x226a or 0x226b or 0xff40
            => TextUrlSign.Stop,

        0xfffc or 0xfffd => TextUrlSign.Unseen,
        _ => OfCategory(Rune.GetUnicodeCategory(rune)),
    };

    /// <summary>Reads the first sign of a text.</summary>
    /// <returns>The number of bytes of the sign; 0 for an empty text, which counts as a blank.</returns>
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

    /// <summary>Reads the last sign of a text, in the same way as <see cref="Read"/>.</summary>
    public static int ReadLast(ReadOnlySpan<byte> text, MailCharset charset, out TextUrlSign sign, out Rune rune)
    {
        // An ASCII byte is one sign in every charset that is read directly.
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
