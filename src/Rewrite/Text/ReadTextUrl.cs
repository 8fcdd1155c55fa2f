using System.Buffers;
using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Text;

/// <summary>
/// Reads one URL of running text up to its end. Each step goes forward, and a URL inside open brackets ends the one round
/// it, so that text of any form is read in a time that grows with its length.
/// </summary>
internal ref struct ReadTextUrl
{
    /// <summary>Printable ASCII that ends no URL by itself.</summary>
    public static readonly SearchValues<byte> NoStops = SearchValues.Create(
        "!#$%&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_abcdefghijklmnopqrstuvwxyz{}~"u8);

    // What needs no look in a path, query or fragment; the rest of the printable signs does.
    private static readonly SearchValues<byte> PathBytes = SearchValues.Create(
        "!#$%&+-./0123456789=?@ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<byte> HostBytes = SearchValues.Create(
        "%-.0123456789:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    // RFC 3986, userinfo, less what is punctuation to whoever reads it: ' ( ) * , ;
    private static readonly SearchValues<byte> UserBytes = SearchValues.Create(
        "!$%&+-.0123456789:=ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"u8);

    private static readonly SearchValues<byte> Ipv6Bytes = SearchValues.Create("0123456789abcdefABCDEF:."u8);

    // Octets of user information, and of a host behind a doubtful sign, that are looked at. linkify-it takes 50.
    private const int FarthestLook = 64;

    private static ReadOnlySpan<byte> Brackets => "([{)]}"u8;

    private readonly ReadOnlySpan<byte> _text;
    private readonly int _authority;
    private readonly TextUrlOpening _opening;
    private readonly MailCharset _charset;

    // The last sign beyond ASCII that was read.
    private TextUrlSign _lastSign;
    private Rune _lastRune;
    private TextUrlEnd? _end;

    public ReadTextUrl(ReadOnlySpan<byte> text, int authority, TextUrlOpening opening, MailCharset charset)
    {
        _text = text;
        _authority = authority;
        Position = authority;
        _opening = opening;
        _charset = charset;
    }

    /// <summary>How far the URL was read.</summary>
    public int Position { get; private set; }

    /// <summary>Reads it all.</summary>
    public TextUrlEnd Read()
    {
        if (ReadAuthority())
        {
            ReadPath();
        }

        return _end!.Value;
    }

    /// <summary>Whether what stands between angle brackets has user information, host and port as a URL has
    /// them.</summary>
    public bool IsClear(int length) => ReadAuthority() || (!_end!.Value.IsUnclear && Position == length);

    // Whether a path, query or fragment follows.
    private bool ReadAuthority()
    {
        var host = _authority;
        while (true)
        {
            Skip(HostBytes);
            var size = TextUrlSigns.Read(_text[Position..], _charset, out var sign, out var rune);
            switch (rune.Value)
            {
                case '/' or '?' or '#' or '\\' when Position == _authority:
                    // A browser would take what follows the slashes for the host.
                    Doubt();
                    return false;
                case '/' or '?' or '#' or '\\':
                    return true;
                case '@' when host == _authority:
                    host = ++Position;
                    continue;
                case '[' when Position == host && Ipv6Length() is > 0 and var length:
                    Position += length;
                    continue;
                case '_' when !ClosesMark(sign, rune, Position, Position + 1):
                    Position++;
                    continue;
                case '$' or '&' or '+' or '=' or '!' or '~' when host == _authority && UserLength() is > 0 and var length:
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

    // A sign that no host has. What stands before it is a host somebody wrote only if it looks like a whole one and what
    // stands behind does not look like more of it.
    private void EndInHost(int host, int size, TextUrlSign sign, Rune rune)
    {
        var behind = sign == TextUrlSign.Emphasis ? MarksEnd(Position) : Position + size;
        var closes = sign == TextUrlSign.Emphasis
            ? ClosesMark(sign, rune, Position, behind)
            : _opening.ClosesDirectly(rune) || (sign == TextUrlSign.Stop && _opening.IsQuoted);
        TextUrlSigns.Read(_text[behind..], _charset, out var next, out _);
        var isGlued = next is TextUrlSign.Word or TextUrlSign.Joint;
        if (sign == TextUrlSign.Blank && rune.Value == '<' && IsTemplate(Position))
        {
            Doubt();
        }
        else if (sign == TextUrlSign.Blank || closes || !isGlued || StartsScheme(behind))
        {
            End(Position, !TextUrlEnd.IsHard(sign));
        }
        else if (sign is TextUrlSign.Point or TextUrlSign.Opens or TextUrlSign.Closes or TextUrlSign.Stop
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

    private void ReadPath()
    {
        var path = Position;
        var holdsUrl = false;
        Span<int> depth = [0, 0, 0];
        Span<int> openAt = [0, 0, 0];
        while (true)
        {
            Skip(PathBytes);
            var size = TextUrlSigns.Read(_text[Position..], _charset, out var sign, out var rune);
            if (_opening.ClosesDirectly(rune) && sign is not (TextUrlSign.Closes or TextUrlSign.Emphasis))
            {
                End(Position, true);
                return;
            }

            switch (sign)
            {
                case TextUrlSign.Point:
                    if (rune.Value == ':' && NestedUrl() is > 0 and var nested)
                    {
                        if (FirstOpen(depth, openAt) is >= 0 and var first)
                        {
                            End(first, true);
                            return;
                        }

                        if (!holdsUrl && !MayHoldUrl(_text[nested - 1]))
                        {
                            End(nested, true);
                            return;
                        }

                        holdsUrl = true;
                    }

                    break;

                case TextUrlSign.Emphasis:
                    size = MarksEnd(Position) - Position;
                    if (ClosesMark(sign, rune, Position, Position + size))
                    {
                        End(Position, true);
                        return;
                    }

                    size += rune.Value == '*' ? MergeTagLength(Position + size) : 0;
                    break;

                case TextUrlSign.Opens:
                    var opened = Brackets.IndexOf((byte)rune.Value);
                    openAt[opened] = depth[opened]++ == 0 ? Position : openAt[opened];
                    break;

                case TextUrlSign.Closes:
                    var closed = Brackets.IndexOf((byte)rune.Value) - 3;
                    if (depth[closed] > 0)
                    {
                        depth[closed]--;
                    }
                    else if (closed > 0 || _opening.ClosesDirectly(rune) || _opening.HasParenthesis())
                    {
                        End(Position, true);
                        return;
                    }

                    break;

                case TextUrlSign.InWord or TextUrlSign.Joiner or TextUrlSign.Lead:
                    if (!Belongs(sign, size, path))
                    {
                        End(Position, true);
                        return;
                    }

                    break;

                case >= TextUrlSign.Stop:
                    if (!TextUrlEnd.IsGershayim(
                        _text[(Position + size)..], rune, IsBehindLetter() ? _lastRune : default, _opening, _charset))
                    {
                        EndOfRun(size, rune, FirstOpen(depth, openAt));
                        return;
                    }

                    break;
            }

            Pass(size, sign, rune);
        }
    }

    private void EndOfRun(int size, Rune rune, int firstOpen)
    {
        var isUnknown = false;
        if (rune == Rune.ReplacementChar)
        {
            TextUrlSigns.Read(_text[(Position + size)..], _charset, out var next, out _);
            isUnknown = next <= TextUrlSign.Joint;
        }

        // A bracket that is not closed is the text's; "{{ name }}" is the URL's.
        if (isUnknown || IsTemplate(Position) || (firstOpen >= 0 && IsTemplate(firstOpen)))
        {
            Doubt();
        }
        else if (firstOpen >= 0)
        {
            End(firstOpen, false);
        }
        else
        {
            End(Position, false);
        }
    }

    private void End(int end, bool isCut) =>
        _end = new TextUrlEnd(TrimTextUrl.Trim(_text[..end], _authority, _opening, _charset), Position, isCut, false);

    private void Doubt()
    {
        Position = TextUrlEnd.Run(_text, Position, _opening, _charset);
        _end = new TextUrlEnd(Position, Position, false, true);
    }

    private void Skip(SearchValues<byte> plain)
    {
        var length = _text[Position..].IndexOfAnyExcept(plain);
        Position = length < 0 ? _text.Length : Position + length;
    }

    private void Pass(int size, TextUrlSign sign, Rune rune)
    {
        Position += size;
        (_lastSign, _lastRune) = (sign, rune);
    }

    private readonly bool IsBehindLetter() => Position > 0 && _text[Position - 1] >= 0x80;

    private readonly TextUrlSign Previous() => IsBehindLetter() ? _lastSign : TextUrlSigns.Of(_text[Position - 1]);

    private readonly bool IsBetweenWords(int size)
    {
        TextUrlSigns.Read(_text[(Position + size)..], _charset, out var next, out _);
        return Previous() == TextUrlSign.Word && next == TextUrlSign.Word;
    }

    // A sign of words belongs to the URL where one of its words goes on, or what joins its words.
    private readonly bool Belongs(TextUrlSign sign, int size, int path)
    {
        var behind = Position + size;
        TextUrlSign next;
        for (int length; ; behind += length)
        {
            length = TextUrlSigns.Read(_text[behind..], _charset, out next, out _);
            if (sign != TextUrlSign.Joiner || next != TextUrlSign.Joiner)
            {
                break;
            }
        }

        if (sign == TextUrlSign.Joiner)
        {
            return !TextUrlEnd.IsHard(next) || IsLetterPart();
        }

        var isBehindWord = sign == TextUrlSign.InWord && Previous() is TextUrlSign.Word or TextUrlSign.Joiner;
        var isBehindJoint = Position - 1 > path
            && _text[Position - 1] is (byte)'/' or (byte)'_' or (byte)'-' or (byte)'=';
        return next == TextUrlSign.Word
            ? isBehindWord || isBehindJoint
            : isBehindWord && (next == TextUrlSign.Joint || _text[behind..].StartsWith("_"u8));
    }

    private readonly bool IsLetterPart() => IsBehindLetter() && TrimTextUrl.IsVirama(_lastRune);

    private readonly int MarksEnd(int position)
    {
        var length = _text[position..].IndexOfAnyExcept(_text[position]);
        return length < 0 ? _text.Length : position + length;
    }

    private readonly bool ClosesMark(TextUrlSign sign, Rune rune, int from, int to)
    {
        if (sign != TextUrlSign.Emphasis || !_opening.HasMark((byte)rune.Value))
        {
            return false;
        }

        TextUrlSigns.Read(_text[to..], _charset, out var next, out var nextRune);
        return rune.Value switch
        {
            '*' => nextRune.Value != '/',
            '~' => to - from > 1 || next != TextUrlSign.Word || _text[from - 1] != '/',
            _ => next is not (TextUrlSign.Word or TextUrlSign.Joint),
        };
    }

    // "*|NAME|*": what a template left; the bars are no table's.
    private readonly int MergeTagLength(int position)
    {
        var rest = _text[position..];
        if (!rest.StartsWith("|"u8))
        {
            return 0;
        }

        var name = rest[1..Math.Min(rest.Length, FarthestLook)].IndexOfAnyExcept(UserBytes);
        return name > 0 && rest[(name + 1)..].StartsWith("|*"u8) ? name + 3 : 0;
    }

    private readonly bool IsTemplate(int position) =>
        _text[position..] is [(byte)'<', (byte)'%', ..] or [(byte)'{', (byte)'{' or (byte)'%', ..];

    // Where a URL begins whose colon is here.
    private readonly int NestedUrl()
    {
        if (!_text[Position..].StartsWith("://"u8))
        {
            return -1;
        }

        var before = _text[..Position];
        var length = EndsWith(before, "https"u8) ? 5 : EndsWith(before, "http"u8) ? 4 : 0;
        var start = Position - length;
        return length > 0 && start > _authority && !char.IsAsciiLetterOrDigit((char)_text[start - 1]) ? start : -1;
    }

    // "?to=https://…", "/https://…", "__https://…" (Proofpoint): behind anything else another URL begins.
    private static bool MayHoldUrl(byte before) => before is (byte)'/' or (byte)'=' or (byte)'?' or (byte)'&' or (byte)'#'
        or (byte)':' or (byte)'@' or (byte)'+' or (byte)'-' or (byte)'%' or (byte)'$' or (byte)'_';

    private readonly bool StartsScheme(int position) =>
        Ascii.EqualsIgnoreCase(_text.Slice(position, Math.Min(7, _text.Length - position)), "http://"u8)
        || Ascii.EqualsIgnoreCase(_text.Slice(position, Math.Min(8, _text.Length - position)), "https://"u8);

    private static bool EndsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> ending) =>
        text.Length >= ending.Length && Ascii.EqualsIgnoreCase(text[^ending.Length..], ending);

    private static int FirstOpen(ReadOnlySpan<int> depth, ReadOnlySpan<int> openAt)
    {
        var first = -1;
        for (var i = 0; i < depth.Length; i++)
        {
            first = depth[i] > 0 && (first < 0 || openAt[i] < first) ? openAt[i] : first;
        }

        return first;
    }

    private readonly int Ipv6Length()
    {
        var rest = _text[Position..];
        var length = rest[1..Math.Min(rest.Length, FarthestLook)].IndexOfAnyExcept(Ipv6Bytes);
        return length > 0 && rest[length + 1] == ']' ? length + 2 : 0;
    }

    private readonly int UserLength()
    {
        var rest = _text[Position..Math.Min(_text.Length, Position + FarthestLook)];
        var length = rest.IndexOfAnyExcept(UserBytes);
        return length > 0 && rest[length] == '@' ? length : 0;
    }

    // Of the signs of words those that a name may have (RFC 5892), or that browsers leave out of it (UTS #46).
    private static bool MayStandInHost(Rune rune) => rune.Value is 0xad or 0xb7 or 0x5f3 or 0x5f4 or 0xf0b or 0x30fb
        or 0x200c or 0x200d or 0x2060 or 0xff0d;

    // With a top-level domain or as an address; the last dots of a name that has letters of other scripts could be
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
        return dot > 0 && last.Length > 0 && Ascii.IsValid(last) && !last.Contains((byte)'%') && !last.Contains((byte)'_')
            && (last.Length > 1 || char.IsAsciiDigit((char)last[0]));
    }

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
