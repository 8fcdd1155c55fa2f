using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Text;

/// <summary>The open signs before a URL in running text. A closing sign of the same kind ends the URL.</summary>
internal readonly ref struct TextUrlOpening
{
    // The most opening signs directly before a URL that are examined. Real text has fewer.
    private const int MostSigns = 8;

    // The most octets that are searched backwards for an opening bracket or mark: a few lines of a paragraph. A sign
    // farther back counts as not opened. Without a limit, text without line breaks would take quadratic time.
    private const int Reach = 400;

    // The most brackets that are examined in that range.
    private const int MostBrackets = 16;

    private readonly ReadOnlySpan<byte> _before;
    private readonly int _directly;

    /// <summary>Examines the text before the URL.</summary>
    /// <param name="before">The text before the URL.</param>
    /// <param name="charset">The text's charset.</param>
    public TextUrlOpening(ReadOnlySpan<byte> before, MailCharset charset)
    {
        _before = before[Math.Max(0, before.Length - Reach)..];
        var rest = _before;
        for (var i = 0; i < MostSigns; i++)
        {
            var size = TextUrlSigns.ReadLast(rest, charset, out var sign, out var rune);
            rest = rest[..^size];
            var closers = Closers(sign, rune);
            if (closers == 0)
            {
                break;
            }

            // In "l'https://…" the apostrophe opens nothing.
            if ((closers & Bit('\'')) != 0
                && TextUrlSigns.ReadLast(rest, charset, out var beyond, out _) > 0 && beyond == TextUrlSign.Word)
            {
                break;
            }

            _directly |= closers;
        }
    }

    /// <summary>Whether a quotation mark or bracket of any script stands directly before the URL.</summary>
    public bool IsQuoted => (_directly & Bit('"')) != 0;

    /// <summary>Whether a bar is before the URL in its line, as in a table, or <c>&lt;</c> directly before it, as in
    /// <c>&lt;https://…|label&gt;</c>.</summary>
    public bool HasBar => IsQuoted || _before[(_before.LastIndexOf((byte)'\n') + 1)..].Contains((byte)'|');

    /// <summary>Whether a sign closes an opening sign directly before the URL.</summary>
    public bool ClosesDirectly(Rune rune) => rune.Value switch
    {
        0x2018 or 0x2019 or 0xb4 => (_directly & Bit('\'')) != 0,
        < 0x80 and var c => (_directly & Bit((char)c)) != 0,
        _ => false,
    };

    /// <summary>Whether a parenthesis is open before the URL.</summary>
    public bool HasParenthesis()
    {
        var open = 0;
        var rest = Paragraph();
        for (var i = 0; i < MostBrackets; i++)
        {
            var last = rest.LastIndexOfAny((byte)'(', (byte)')');
            if (last < 0)
            {
                return false;
            }

            open += rest[last] == '(' ? 1 : -1;
            if (open > 0)
            {
                return true;
            }

            rest = rest[..last];
        }

        return false;
    }

    /// <summary>Whether a Markdown mark is open before the URL: the last mark of its kind has a word behind it and none
    /// before it (CommonMark, left-flanking).</summary>
    public bool HasMark(byte mark)
    {
        if ((_directly & Bit((char)mark)) != 0)
        {
            return true;
        }

        var paragraph = Paragraph();
        var last = paragraph.LastIndexOf(mark);
        if (last < 0 || last == paragraph.Length - 1 || paragraph[last + 1] <= ' ')
        {
            return false;
        }

        var first = paragraph[..last].LastIndexOfAnyExcept(mark);
        return first < 0
            || (paragraph[first] < 0x80
                && TextUrlSigns.Of(paragraph[first]) is TextUrlSign.Blank or TextUrlSign.Opens or TextUrlSign.Emphasis
                    or TextUrlSign.Stop);
    }

    private ReadOnlySpan<byte> Paragraph()
    {
        var start = Math.Max(_before.LastIndexOf("\n\n"u8), _before.LastIndexOf("\n\r\n"u8));
        return start < 0 ? _before : _before[(start + 2)..];
    }

    private static int Closers(TextUrlSign sign, Rune rune) => rune.Value switch
    {
        '(' => Bit(')'),
        '[' => Bit(']'),
        '{' => Bit('}'),
        '*' or '_' or '~' => Bit((char)rune.Value),
        '\'' or '`' or 0x2018 or 0x2019 or 0x201a or 0x201b or 0xb4 => Bit('\''),
        '"' or '<' => Bit('"'),
        _ => sign == TextUrlSign.Stop ? Bit('"') : 0,
    };

    private static int Bit(char closer)
    {
        var place = ")]}'\"*_~".IndexOf(closer, StringComparison.Ordinal);
        return place < 0 ? 0 : 1 << place;
    }
}
