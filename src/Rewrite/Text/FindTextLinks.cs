using System.Buffers;
using System.Globalization;
using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Text;

/// <summary>Finds <c>http://</c> and <c>https://</c> URLs in plain text, and where each of them ends.</summary>
internal readonly ref struct FindTextLinks
{
    // Printable ASCII less what never belongs to a URL in running text (RFC 3986, appendix C).
    private static readonly SearchValues<byte> UrlBytes = SearchValues.Create(
        "!#$%&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_abcdefghijklmnopqrstuvwxyz{|}~"u8);

    private readonly ReadOnlySpan<byte> _text;
    private readonly MailCharset _charset;
    private readonly bool _isFlowed;
    private readonly bool _deletesSpace;
    private readonly PartFindings _found;

    private FindTextLinks(
        ReadOnlySpan<byte> text, MailCharset charset, bool isFlowed, bool deletesSpace, PartFindings found)
    {
        _text = text;
        _charset = charset;
        _isFlowed = isFlowed;
        _deletesSpace = deletesSpace;
        _found = found;
    }

    /// <summary>Reads a part.</summary>
    /// <param name="text">Its decoded content.</param>
    /// <param name="charset">Its charset.</param>
    /// <param name="isFlowed">Whether it is <c>format=flowed</c> (RFC 3676).</param>
    /// <param name="deletesSpace">Whether it is <c>delsp=yes</c>, so that words may be broken.</param>
    /// <param name="found">Receives what is found.</param>
    public static void Find(
        ReadOnlySpan<byte> text, MailCharset charset, bool isFlowed, bool deletesSpace, PartFindings found) =>
        new FindTextLinks(text, charset, isFlowed, deletesSpace, found).Scan();

    private void Scan()
    {
        var position = 0;
        while (true)
        {
            var offset = _text[position..].IndexOf("://"u8);
            if (offset < 0)
            {
                return;
            }

            var colon = position + offset;
            var start = SchemeStart(colon, position, out var isOptOut);
            position = colon + 3;
            if (start >= 0)
            {
                position = Math.Max(position, AddLink(start, position, isOptOut));
            }
        }
    }

    private int SchemeStart(int colon, int from, out bool isOptOut)
    {
        var before = _text[from..colon];
        isOptOut = EndsWith(before, "+notrack"u8);
        if (isOptOut)
        {
            before = before[..^8];
        }

        var length = EndsWith(before, "https"u8) ? 5 : EndsWith(before, "http"u8) ? 4 : 0;
        var start = from + before.Length - length;
        if (length == 0 || (start > 0 && IsSchemeByte(_text[start - 1])))
        {
            return -1;
        }

        return start;
    }

    // "svn+https" and "xhttp" are other schemes; a dot or bracket before it is not part of one.
    private static bool IsSchemeByte(byte c) => char.IsAsciiLetterOrDigit((char)c) || c is (byte)'+' or (byte)'-';

    private int AddLink(int start, int afterSlashes, bool isOptOut)
    {
        var isBracketed = _text[..start].EndsWith("<"u8) || EndsWith(_text[..start], "<URL:"u8);
        var end = SkipUrl(afterSlashes);
        var link = new FoundLink { Start = start, BreakAt = -1, Url = ByteRange.None };
        if (isOptOut)
        {
            link.Flags = FoundFlags.OptOut;
            var plus = _text[start..].IndexOf((byte)'+');
            _found.Removals.Add((start + plus, start + plus + 8));
        }

        var joined = _isFlowed && (_deletesSpace || isBracketed) ? Join(start, ref end) : 0;
        var joinedStart = _found.Buffer.Length - joined;
        if (!(isBracketed && _text[end..].StartsWith(">"u8)))
        {
            var url = joined > 0 ? _found.Buffer.Span[^joined..] : _text[start..end];
            var trimmed = url.Length - TrimTail(url).Length;

            // What is trimmed off must lie behind the last line break.
            trimmed = Math.Min(trimmed, end - (_text[start..end].LastIndexOf((byte)'\n') + 1 + start));
            end -= trimmed;
            joined = Math.Max(0, joined - trimmed);
        }

        if (end <= afterSlashes)
        {
            // A scheme and nothing behind it; an opt-out marker there is text.
            if (isOptOut)
            {
                _found.Removals.RemoveAt(_found.Removals.Count - 1);
            }

            return end;
        }

        link.End = end;
        link.Url = joined > 0 ? new ByteRange(joinedStart, joined) : link.Url;
        DecodeUrl(ref link);
        _found.Links.Add(link);
        return end;
    }

    // Whoever reads the text sees characters, whatever bytes they are written in.
    private void DecodeUrl(ref FoundLink link)
    {
        var url = !link.Url.IsGiven
            ? _text[link.Start..link.End]
            : link.Url.In(_found.Buffer.Span);
        if (!Ascii.IsValid(url) && _charset.EncodingOf(url) is { } encoding)
        {
            var start = _found.Buffer.Length;
            MailCharset.AppendUtf8(url, encoding, _found.Buffer);
            link.Url = new ByteRange(start, _found.Buffer.Length - start);
        }
    }

    private int SkipUrl(int position)
    {
        while (true)
        {
            var length = _text[position..].IndexOfAnyExcept(UrlBytes);
            if (length < 0)
            {
                return _text.Length;
            }

            position += length;
            if (_text[position] < 0x80)
            {
                return position;
            }

            var size = _charset.ReadRune(_text[position..], out var rune);
            if (EndsUrl(rune))
            {
                return position;
            }

            position += size;
        }
    }

    // Quotation marks, brackets, full stops and blanks of other scripts end a URL as ASCII's do.
    private static bool EndsUrl(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => true,
        UnicodeCategory.OpenPunctuation or UnicodeCategory.ClosePunctuation => true,
        UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation => true,
        UnicodeCategory.OtherPunctuation or UnicodeCategory.Control or UnicodeCategory.Format => true,
        _ => rune == Rune.ReplacementChar || rune.Value is 0x2014 or 0x2015,
    };

    // RFC 3676: a line that ends in a space flows into the next of the same quote depth. With delsp=yes the space goes;
    // without it a URL goes on only inside <>, where RFC 3986 lets white space be ignored.
    private int Join(int start, ref int end)
    {
        var joined = 0;
        while (true)
        {
            var rest = _text[end..];
            var lineBreak = rest.StartsWith(" \r\n"u8) ? 3 : rest.StartsWith(" \n"u8) ? 2 : 0;
            if (lineBreak == 0)
            {
                break;
            }

            var next = end + lineBreak;
            var depth = QuoteDepth(_text[..start].LastIndexOf((byte)'\n') + 1);
            if (QuoteDepth(next) != depth)
            {
                break;
            }

            next += depth;
            if (next < _text.Length && _text[next] == ' ')
            {
                next++;
            }

            var more = SkipUrl(next);
            if (more == next || _text[next..more].StartsWith("http://"u8) || _text[next..more].StartsWith("https://"u8))
            {
                break;
            }

            if (joined == 0)
            {
                joined = end - start;
                _found.Buffer.Append(_text[start..end]);
            }

            _found.Buffer.Append(_text[next..more]);
            joined += more - next;
            end = more;
        }

        return joined;
    }

    private int QuoteDepth(int lineStart)
    {
        var rest = _text[lineStart..];
        var depth = rest.IndexOfAnyExcept((byte)'>');
        return depth < 0 ? rest.Length : depth;
    }

    // Sentence punctuation, and closing brackets that nothing inside the URL opened.
    private static ReadOnlySpan<byte> TrimTail(ReadOnlySpan<byte> url)
    {
        Span<int> open = [-1, -1, -1];
        while (!url.IsEmpty)
        {
            var last = url[^1];
            if (last is (byte)'.' or (byte)',' or (byte)';' or (byte)':' or (byte)'!' or (byte)'?' or (byte)'\''
                or (byte)'"')
            {
                url = url[..^1];
                continue;
            }

            var bracket = ")]}"u8.IndexOf(last);
            if (bracket < 0)
            {
                return url;
            }

            // Counted once per kind, then kept up to date: a line of brackets must not cost its square.
            if (open[bracket] < 0)
            {
                open[bracket] = url.Count("([{"u8[bracket]) - url.Count(last) + 1_000_000_000;
            }

            if (open[bracket] >= 1_000_000_000)
            {
                return url;
            }

            open[bracket]++;
            url = url[..^1];
        }

        return url;
    }

    private static bool EndsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> ending) =>
        text.Length >= ending.Length && Ascii.EqualsIgnoreCase(text[^ending.Length..], ending);
}
