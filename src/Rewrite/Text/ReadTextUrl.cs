using System.Buffers;
using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Text;

/// <summary>
/// Reads one URL of running text up to its end. Each step goes forward and looks only a few octets ahead. A URL inside
/// open brackets ends the URL around it. So the time grows linearly with the text, whatever its form.
/// </summary>
internal ref partial struct ReadTextUrl
{
    /// <summary>Printable ASCII that does not end a URL by itself.</summary>
    public static readonly SearchValues<byte> NoStops = SearchValues.Create(
        "!#$%&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_abcdefghijklmnopqrstuvwxyz{}~"u8);

    // Signs that need no test in a path, query or fragment. All other printable signs do.
    private static readonly SearchValues<byte> _pathBytes = SearchValues.Create(
        "!#$%&+-./0123456789=?@ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    // Userinfo of RFC 3986 without the signs that a reader takes for punctuation: ' ( ) * , ;
    private static readonly SearchValues<byte> _userBytes = SearchValues.Create(
        "!$%&+-.0123456789:=ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"u8);

    // The most octets examined of user information, and of a host behind a doubtful sign. linkify-it examines 50.
    private const int FarthestLook = 64;

    // The most octets of a URL in brackets inside another URL: half of 2,048, the usual limit of a destination.
    private const int FarthestBracket = 1024;

    private static ReadOnlySpan<byte> Brackets => "([{)]}"u8;

    private readonly ReadOnlySpan<byte> _text;
    private readonly int _authority;
    private readonly TextUrlOpening _opening;
    private readonly MailCharset _charset;

    // The last non-ASCII sign that was read.
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

    /// <summary>The place up to which the URL was read.</summary>
    public int Position { get; private set; }

    /// <summary>Reads the whole URL.</summary>
    public TextUrlEnd Read()
    {
        if (ReadAuthority())
        {
            ReadPath();
        }

        return _end!.Value;
    }

    private void ReadPath()
    {
        var path = Position;
        var holdsUrl = false;
        Span<int> depth = [0, 0, 0];
        Span<int> openAt = [0, 0, 0];
        while (true)
        {
            SkipPath();
            var size = TextUrlSigns.Read(_text[Position..], _charset, out var sign, out var rune);
            if (sign is not (TextUrlSign.Closes or TextUrlSign.Emphasis) && ClosesQuote(rune, size))
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
                            if (GoesOnBehindBracket(first))
                            {
                                Doubt();
                            }
                            else
                            {
                                End(first, true);
                            }

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

    // "…/filters:mark(https://…)/a.png" is one address of an image server, and not an address in front of another one.
    private readonly bool GoesOnBehindBracket(int open)
    {
        var inside = _text[open..Math.Min(_text.Length, open + FarthestBracket)];
        var length = inside.IndexOfAny(Brackets[Brackets.IndexOf(_text[open]) + 3], (byte)' ', (byte)'\n');
        return length >= 0 && length + 1 < inside.Length
            && inside[length] != ' '
                && inside[length + 1] is (byte)'/' or (byte)'?' or (byte)'&' or (byte)'=' or (byte)'#';
    }

    private void EndOfRun(int size, Rune rune, int firstOpen)
    {
        // Signs unknown to the charset; a bar outside a table, as in "?fields=a|b".
        TextUrlSigns.Read(_text[(Position + size)..], _charset, out var next, out _);
        var isUnclear = next <= TextUrlSign.Joint
            && (rune == Rune.ReplacementChar
                || (rune.Value == '|' && !_opening.HasBar && !StartsScheme(Position + size)));

        // A bracket without a partner belongs to the text. "{{ name }}" belongs to the URL.
        if (isUnclear || IsTemplate(Position) || (firstOpen >= 0 && IsTemplate(firstOpen)))
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

    // Skips underscores inside words too, because they close no mark: links are full of "utm_source".
    private void SkipPath()
    {
        Skip(_pathBytes);
        while (_text[Position..] is [(byte)'_', var next, ..] && char.IsAsciiLetterOrDigit((char)next))
        {
            Position++;
            Skip(_pathBytes);
        }
    }

    private void Pass(int size, TextUrlSign sign, Rune rune)
    {
        Position += size;
        (_lastSign, _lastRune) = (sign, rune);
    }

    private readonly bool IsBehindLetter() => Position > 0 && _text[Position - 1] >= 0x80;

    private readonly TextUrlSign Previous() => IsBehindLetter() ? _lastSign : TextUrlSigns.Of(_text[Position - 1]);

    // A sign of words belongs to the URL if one of its words, or a sign that joins words, continues there.
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

    // Returns the beginning of a URL whose colon is here.
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

    // "?to=https://…", "/https://…" and "__https://…" (Proofpoint) contain a URL. Behind any other sign a new URL
    // begins.
    private static bool MayHoldUrl(byte before) => "/=?&#:@+-%$_"u8.Contains(before);

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
}
