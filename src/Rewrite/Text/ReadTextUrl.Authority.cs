using System.Buffers;
using System.Text;

namespace Tracking.Rewrite.Text;

/// <content>User information, host and port.</content>
internal ref partial struct ReadTextUrl
{
    private static readonly SearchValues<byte> _hostBytes = SearchValues.Create(
        "%-.0123456789:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<byte> _ipv6Bytes = SearchValues.Create("0123456789abcdefABCDEF:."u8);

    /// <summary>Whether the text between angle brackets has the user information, host and port of a valid
    /// URL.</summary>
    public bool IsClear(int length) => ReadAuthority() || (!_end!.Value.IsUnclear && Position == length);

    // Returns whether a path, query or fragment follows.
    private bool ReadAuthority()
    {
        var host = _authority;
        while (true)
        {
            Skip(_hostBytes);
            var size = TextUrlSigns.Read(_text[Position..], _charset, out var sign, out var rune);
            switch (rune.Value)
            {
                case '/' or '?' or '#' or '\\' when Position == _authority:
                    // A browser would read the following text as the host.
                    Doubt();
                    return false;
                case '/' when _text[..Position].EndsWith(":"u8) && _text[(Position + 1)..].StartsWith("/"u8):
                    // "https://https://…"
                    Doubt();
                    return false;
                case '/' or '?' or '#' or '\\':
                    return true;
                case '@' when host == _authority && Ascii.IsValid(_text[_authority..Position]):
                    host = ++Position;
                    continue;
                case '[' when Position == host && Ipv6Length() is > 0 and var length:
                    Position += length;
                    continue;
                case '_' when !ClosesMark(sign, rune, Position, Position + 1):
                    Position++;
                    continue;
                case '$' or '&' or '+' or '=' or '!' or '~'
                    when host == _authority && UserLength() is > 0 and var length:
                    Position += length;
                    continue;
            }

            if (sign == TextUrlSign.Word
                || (sign is TextUrlSign.InWord or TextUrlSign.Joiner && MayStandInHost(rune) && IsBetweenWords(size)))
            {
                Pass(size, sign, rune);
                continue;
            }

            EndInHost(host, size, sign, rune);
            return false;
        }
    }

    // A sign that no host contains. The text before it counts as a host only if it looks like a whole host, and the
    // text behind it does not look like a continuation.
    private void EndInHost(int host, int size, TextUrlSign sign, Rune rune)
    {
        var behind = sign == TextUrlSign.Emphasis ? MarksEnd(Position) : Position + size;
        var closes = sign == TextUrlSign.Emphasis
            ? ClosesMark(sign, rune, Position, behind)
            : ClosesQuote(rune, size) || (sign == TextUrlSign.Stop && _opening.IsQuoted);
        TextUrlSigns.Read(_text[behind..], _charset, out var next, out _);
        var isGlued = next is TextUrlSign.Word or TextUrlSign.Joint;
        if (sign == TextUrlSign.Blank && rune.Value == '<' && IsTemplate(Position))
        {
            Doubt();
        }
        else if ((sign == TextUrlSign.Blank && rune.Value != '|') || closes || !isGlued || StartsScheme(behind))
        {
            End(Position, !TextUrlEnd.IsHard(sign));
        }
        else if (sign is TextUrlSign.Point or TextUrlSign.Opens or TextUrlSign.Closes or >= TextUrlSign.Stop
                and not TextUrlSign.Unseen
            ? !IsWholeHost(_text[host..Position]) || GoesOnAsHost(behind)
            : sign != TextUrlSign.Unseen || _text[behind] < 0x80 || GoesOnAsHost(behind))
        {
            Doubt();
        }
        else
        {
            End(Position, true);
        }
    }

    private readonly bool IsBetweenWords(int size)
    {
        TextUrlSigns.Read(_text[(Position + size)..], _charset, out var next, out _);
        return Previous() == TextUrlSign.Word && next == TextUrlSign.Word;
    }

    private readonly int Ipv6Length()
    {
        var rest = _text[Position..];
        var length = rest[1..Math.Min(rest.Length, FarthestLook)].IndexOfAnyExcept(_ipv6Bytes);
        return length > 0 && rest[length + 1] == ']' ? length + 2 : 0;
    }

    private readonly int UserLength()
    {
        var rest = _text[Position..Math.Min(_text.Length, Position + FarthestLook)];
        var length = rest.IndexOfAnyExcept(_userBytes);
        return length > 0 && rest[length] == '@' ? length : 0;
    }

    // The signs of words that a name may contain (RFC 5892), or that browsers remove from it (UTS #46).
    private static bool MayStandInHost(Rune rune) => rune.Value is 0xad or 0xb7 or 0x5f3 or 0x5f4 or 0xf0b or 0x30fb
        or 0x200c or 0x200d or 0x2060 or 0xff0d;

    // A name with a top-level domain, or an address. In a name with letters of other scripts the last dots may be
    // written in other ways.
    private static bool IsWholeHost(ReadOnlySpan<byte> host)
    {
        var colon = host.LastIndexOf((byte)':');
        host = colon < 0 || host[(colon + 1)..].ContainsAnyExceptInRange((byte)'0', (byte)'9') ? host : host[..colon];
        if (Ascii.EqualsIgnoreCase(host, "localhost"u8) || host.EndsWith("]"u8))
        {
            return true;
        }

        var dot = host.LastIndexOf((byte)'.');
        var last = host[(dot + 1)..];
        return dot > 0 && last.Length > 0 && Ascii.IsValid(last) && !last.ContainsAny((byte)'%', (byte)'_')
            && (last.Length > 1 || char.IsAsciiDigit((char)last[0]));
    }

    private readonly bool StartsScheme(int position) =>
        Ascii.EqualsIgnoreCase(_text.Slice(position, Math.Min(7, _text.Length - position)), "http://"u8)
        || Ascii.EqualsIgnoreCase(_text.Slice(position, Math.Min(8, _text.Length - position)), "https://"u8);

    private readonly bool GoesOnAsHost(int position)
    {
        var farthest = Math.Min(_text.Length, position + FarthestLook);
        while (position < farthest)
        {
            var size = TextUrlSigns.Read(_text[position..], _charset, out var sign, out var rune);
            if (sign == TextUrlSign.Word || rune.Value == '-')
            {
                position += size;
                continue;
            }

            TextUrlSigns.Read(_text[(position + size)..], _charset, out var next, out var nextRune);
            return rune.Value switch
            {
                '/' or '@' => true,
                '.' => next == TextUrlSign.Word,
                ':' => Rune.IsDigit(nextRune),
                _ => false,
            };
        }

        return false;
    }
}
