using System.Text;

namespace Tracking.Rewrite.Text;

/// <content>Marks of Markdown and quotation marks that close an earlier opening mark; remains of templates.</content>
internal ref partial struct ReadTextUrl
{
    private readonly int MarksEnd(int position)
    {
        var length = _text[position..].IndexOfAnyExcept(_text[position]);
        return length < 0 ? _text.Length : position + length;
    }

    private readonly bool ClosesMark(TextUrlSign sign, Rune rune, int from, int to)
    {
        if (sign != TextUrlSign.Emphasis)
        {
            return false;
        }

        TextUrlSigns.Read(_text[to..], _charset, out var next, out var nextRune);
        var mayClose = rune.Value switch
        {
            '*' => nextRune.Value != '/',
            '~' => to - from > 1 || next != TextUrlSign.Word || _text[from - 1] != '/',
            _ => EndsWord(to)
                || (to - from > 1 && _text[from - 1] != '/' && next == TextUrlSign.Word && !EndsLater(to, rune)),
        };

        // Tested last because it looks back: links are full of "utm_source".
        return mayClose && _opening.HasMark((byte)rune.Value);
    }

    // "'https://…/d'abord'": the first quote is an apostrophe, because the closing mark follows later.
    private readonly bool ClosesQuote(Rune rune, int size) =>
        _opening.ClosesDirectly(rune) && (EndsWord(Position + size) || !EndsLater(Position + size, rune));

    // Whether the same sign occurs again in the run and ends a word.
    private readonly bool EndsLater(int position, Rune rune)
    {
        var farthest = Math.Min(_text.Length, position + FarthestLook);
        while (position < farthest)
        {
            position += TextUrlSigns.Read(_text[position..], _charset, out var sign, out var other);
            if (TextUrlEnd.IsHard(sign))
            {
                return false;
            }

            if (other == rune && EndsWord(position))
            {
                return true;
            }
        }

        return false;
    }

    // Whether no word continues here, not even behind a point.
    private readonly bool EndsWord(int position)
    {
        TextUrlSign next;
        var farthest = Math.Min(_text.Length, position + FarthestLook);
        do
        {
            position += TextUrlSigns.Read(_text[position..], _charset, out next, out _);
        }
        while (next is TextUrlSign.Point && position < farthest);
        return next > TextUrlSign.Joint;
    }

    // "*|NAME|*" remains from a template; its bars are not those of a table.
    private readonly int MergeTagLength(int position)
    {
        var rest = _text[position..];
        if (!rest.StartsWith("|"u8))
        {
            return 0;
        }

        var name = rest[1..Math.Min(rest.Length, FarthestLook)].IndexOfAnyExcept(_userBytes);
        return name > 0 && rest[(name + 1)..].StartsWith("|*"u8) ? name + 3 : 0;
    }

    private readonly bool IsTemplate(int position) =>
        _text[position..] is [(byte)'<', (byte)'%', ..] or [(byte)'{', (byte)'{' or (byte)'%', ..];
}
