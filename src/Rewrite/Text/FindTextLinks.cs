using System.Text;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Text;

/// <summary>Finds <c>http://</c> and <c>https://</c> URLs in plain text, and where each of them ends.</summary>
internal readonly ref struct FindTextLinks
{
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
    /// <param name="text">The part's decoded content.</param>
    /// <param name="charset">The part's charset.</param>
    /// <param name="isFlowed">Whether the part is <c>format=flowed</c> (RFC 3676).</param>
    /// <param name="deletesSpace">Whether the part is <c>delsp=yes</c>, so that lines may break inside words.</param>
    /// <param name="found">Receives the links.</param>
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

    // "svn+https" and "xhttp" are other schemes. A dot or bracket before a scheme is not part of it.
    private static bool IsSchemeByte(byte c) => char.IsAsciiLetterOrDigit((char)c) || c is (byte)'+' or (byte)'-';

    private int AddLink(int start, int afterSlashes, bool isOptOut)
    {
        var isBracketed = _text[..start].EndsWith("<"u8) || EndsWith(_text[..start], "<URL:"u8);
        var opening = new TextUrlOpening(_text[..start], _charset);
        var url = TextUrlEnd.Find(_text[start..], afterSlashes - start, isBracketed, opening, _charset);
        var end = start + url.Length;
        var joined = ByteRange.None;
        if (_isFlowed && (isBracketed || (_deletesSpace && !url.IsCut)))
        {
            joined = Join(start, afterSlashes - start, isBracketed, opening, ref url, out end);
        }

        if (end <= afterSlashes)
        {
            // A scheme without a host; an opt-out marker there is text.
            return end;
        }

        if (isOptOut)
        {
            var plus = _text[start..].IndexOf((byte)'+');
            _found.Removals.Add((start + plus, start + plus + 8));
        }

        var link = new FoundLink { Start = start, End = end, BreakAt = -1, Url = joined };
        link.Flags |= isOptOut ? FoundFlags.OptOut : FoundFlags.None;
        link.Flags |= url.IsUnclear ? FoundFlags.Unclear : FoundFlags.None;
        DecodeUrl(ref link);
        _found.Links.Add(link);
        return end;
    }

    // A reader sees characters, independent of the bytes that encode them.
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

    // RFC 3676: a line that ends in a space continues in the next line of the same quote depth. With delsp=yes the
    // space is removed. Without it a URL continues only inside <>, where RFC 3986 ignores white space. The text is read
    // again each time its length has doubled, so a URL that ends early costs no more than its own lines.
    private ByteRange Join(
        int start, int authority, bool isBracketed, TextUrlOpening opening, ref TextUrlEnd url, out int end)
    {
        var first = start
            + (isBracketed ? TextUrlEnd.Run(_text[start..], authority, opening, _charset) : url.RunEnd);
        var depth = QuoteDepth(_text[..start].LastIndexOf((byte)'\n') + 1);
        var lineEnd = first;
        var joinedStart = _found.Buffer.Length;
        var read = 0;
        while ((isBracketed || !url.IsCut) && TryFlow(lineEnd, depth, opening, out var from, out var to))
        {
            if (lineEnd == first)
            {
                _found.Buffer.Append(_text[start..first]);
            }

            _found.Buffer.Append(_text[from..to]);
            lineEnd = to;
            if (!isBracketed && _found.Buffer.Length - joinedStart >= 2 * read)
            {
                read = _found.Buffer.Length - joinedStart;
                url = TextUrlEnd.Find(_found.Buffer.Span[joinedStart..], authority, false, opening, _charset);
            }
        }

        var isClosed = isBracketed && _text[lineEnd..].StartsWith(">"u8);
        if (lineEnd == first || !(isClosed || _deletesSpace))
        {
            end = start + url.Length;
            return ByteRange.None;
        }

        if (isClosed)
        {
            // With the bracket behind the URL, as on one line.
            _found.Buffer.Append(">"u8);
        }

        if (_found.Buffer.Length - joinedStart > read)
        {
            url = TextUrlEnd.Find(_found.Buffer.Span[joinedStart..], authority, isClosed, opening, _charset);
        }

        end = EndInText(first, depth, opening, url.Length - (first - start));
        return end <= first ? ByteRange.None : new ByteRange(joinedStart, url.Length);
    }

    // Returns the end, in the text, of a joined URL that has this many octets behind the first line.
    private int EndInText(int first, int depth, TextUrlOpening opening, int behind)
    {
        if (behind <= 0)
        {
            return first + behind;
        }

        for (var lineEnd = first; TryFlow(lineEnd, depth, opening, out var from, out lineEnd); behind -= lineEnd - from)
        {
            if (behind <= lineEnd - from)
            {
                return from + behind;
            }
        }

        return first;
    }

    private bool TryFlow(int lineEnd, int depth, TextUrlOpening opening, out int from, out int to)
    {
        var rest = _text[lineEnd..];
        var lineBreak = rest.StartsWith(" \r\n"u8) ? 3 : rest.StartsWith(" \n"u8) ? 2 : 0;
        from = to = lineEnd + lineBreak;
        if (lineBreak == 0 || QuoteDepth(from) != depth)
        {
            return false;
        }

        from += depth;
        from += from < _text.Length && _text[from] == ' ' ? 1 : 0;
        to = TextUrlEnd.Run(_text, from, opening, _charset);
        return to > from && !_text[from..to].StartsWith("http://"u8) && !_text[from..to].StartsWith("https://"u8);
    }

    private int QuoteDepth(int lineStart)
    {
        var rest = _text[lineStart..];
        var depth = rest.IndexOfAnyExcept((byte)'>');
        return depth < 0 ? rest.Length : depth;
    }

    private static bool EndsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> ending) =>
        text.Length >= ending.Length && Ascii.EqualsIgnoreCase(text[^ending.Length..], ending);
}
