using System.Buffers;
using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Html;

/// <summary>Finds the links, opt-out markers and places for the pixel in an HTML part, in one pass.</summary>
internal ref struct FindHtmlLinks
{
    // RFC 4648 5.
    private static readonly SearchValues<byte> _inToken =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8);

    private readonly ReadOnlySpan<byte> _html;
    private readonly MailCharset _charset;
    private readonly Encoding? _encoding;
    private readonly PartFindings _found;
    private readonly bool _images;
    private readonly int _textLimit;
    private readonly Span<HtmlAttribute> _scratch;

    // The index of the link whose text is being read; -1 outside of links.
    private int _openLink;
    private (int Start, int End) _openLinkAlt;
    private int _textStart;

    private FindHtmlLinks(
        ReadOnlySpan<byte> html,
        MailCharset charset,
        bool images,
        int textLimit,
        PartFindings found,
        Span<HtmlAttribute> scratch)
    {
        _html = html;
        _charset = charset;
        _encoding = charset.EncodingOf(html);
        _found = found;
        _images = images;
        _textLimit = textLimit;
        _scratch = scratch;
        _openLink = -1;
    }

    /// <summary>Reads a part.</summary>
    /// <param name="html">Its decoded content.</param>
    /// <param name="charset">Its charset.</param>
    /// <param name="images">Whether images are links too.</param>
    /// <param name="textLimit">The number of bytes kept of a link's visible text.</param>
    /// <param name="found">Receives the findings.</param>
    /// <returns>Why the part cannot be rewritten, or <see langword="null"/>.</returns>
    public static Untouched? Find(
        ReadOnlySpan<byte> html, MailCharset charset, bool images, int textLimit, PartFindings found)
    {
        Span<HtmlAttribute> scratch = stackalloc HtmlAttribute[24];
        var finder = new FindHtmlLinks(html, charset, images, textLimit, found, scratch);
        // The place is before the last line break, so that the part still ends with a line break.
        found.Landmarks.TextEnd = html.TrimEnd(" \t\r\n"u8).Length;
        return finder.Scan(0, html.Length, conditional: false);
    }

    private Untouched? Scan(int start, int end, bool conditional)
    {
        var tokens = new HtmlTokenizer(_html[..end], _scratch, start);
        var tree = new TreeConstruction(_html, _found.OpenElements);
        var previousEnd = start;
        var textIsVisible = true;
        while (true)
        {
            var token = tokens.Read();
            if (_openLink >= 0 && textIsVisible)
            {
                AppendText(_html[previousEnd..tokens.Start]);
            }

            previousEnd = tokens.End;
            textIsVisible = true;
            switch (token)
            {
                case HtmlToken.End:
                    _found.EndsInside |= !conditional && (_openLink >= 0 || tree.IsOpen);
                    CloseLink();
                    return null;
                case HtmlToken.Unterminated:
                    return Untouched.UnterminatedMarkup;
                case HtmlToken.TooManyAttributes:
                    return Untouched.TooManyAttributes;
                case HtmlToken.Comment when !conditional:
                    ScanConditionalComment(tokens.Start, tokens.End);
                    break;
                case HtmlToken.Other when tree.IsAmbiguousSection(_html[tokens.Start..tokens.End]):
                    return Untouched.ForeignContent;
                case HtmlToken.EndTag when tree.IsOpen:
                    var wasForeign = tree.InForeignContent;
                    if (tree.SeeEndTag(tokens) is { } doubt)
                    {
                        return doubt;
                    }

                    if (!wasForeign)
                    {
                        SeeEndTag(ref tokens, conditional || tree.InSelect);
                    }

                    break;
                case HtmlToken.EndTag:
                    SeeEndTag(ref tokens, conditional);
                    break;
                case HtmlToken.StartTag:
                    if ((tree.IsOpen || TreeConstruction.BeginsAt(tokens.Element))
                        && tree.SeeStartTag(tokens) is { } ambiguity)
                    {
                        return ambiguity;
                    }

                    if (tree.InSelect && tokens.Element == Element.Body)
                    {
                        // A body tag inside a select is no place for the pixel.
                    }
                    else if (!tree.InForeignContent)
                    {
                        textIsVisible = !Elements.HasRawText(tokens.Element);
                        SeeStartTag(ref tokens, conditional);
                    }
                    else if (tokens.Element == Element.Img)
                    {
                        SeePossiblePixel(ref tokens);
                    }

                    break;
                default:
                    break;
            }

            tokens.InForeignContent = tree.InForeignContent;
        }
    }

    // Only Outlook reads a conditional comment. Every other mail program skips the comment.
    private void ScanConditionalComment(int start, int end)
    {
        var comment = _html[start..end];
        if (!comment.StartsWith("<!--[if"u8))
        {
            return;
        }

        var open = comment.IndexOf("]>"u8);
        var close = comment.LastIndexOf("<![endif]"u8);
        if (open < 0 || close < open + 2)
        {
            return;
        }

        var links = _found.Links.Count;
        var removals = _found.Removals.Count;
        var outer = (_openLink, _openLinkAlt, _textStart);
        var outerLength = _found.OpenText.Length;
        var openElements = _found.OpenElements.Count;
        _openLink = -1;
        var problem = Scan(start + open + 2, start + close, conditional: true);
        if (problem is not null)
        {
            // The comment contains half a tag. Outlook's reading of half a tag is unknown, so the comment stays
            // unchanged.
            _found.Links.Truncate(links);
            _found.Removals.RemoveRange(removals, _found.Removals.Count - removals);
            _found.OpenText.Truncate(outerLength);
        }

        _found.OpenElements.Truncate(openElements);
        (_openLink, _openLinkAlt, _textStart) = outer;
    }

    private void SeeEndTag(ref HtmlTokenizer tokens, bool conditional)
    {
        if (tokens.Element == Element.A)
        {
            CloseLink();
        }
        else if (!conditional && tokens.Element == Element.Body)
        {
            _found.Landmarks.BodyEnd = tokens.Start;
        }
        else if (!conditional && tokens.Element == Element.Html)
        {
            _found.Landmarks.HtmlEnd = tokens.Start;
        }
        else if (!conditional && tokens.Element == Element.Head && _found.Landmarks.HeadEnd < 0)
        {
            _found.Landmarks.HeadEnd = tokens.End;
        }
    }

    private void SeeStartTag(ref HtmlTokenizer tokens, bool conditional)
    {
        var isLink = tokens.Element == Element.A;
        if (isLink || tokens.Element == Element.Area || (conditional && tokens.Element == Element.Vml))
        {
            if (isLink)
            {
                CloseLink();
            }

            AddLink(ref tokens, isLink);
        }
        else if (conditional)
        {
            // Images and all other elements in a conditional comment stay unchanged.
        }
        else if (tokens.Element == Element.Img)
        {
            SeeImage(ref tokens);
        }
        else if (tokens.Element == Element.Base)
        {
            var href = Find(ref tokens, "href"u8);
            if (_found.BaseHref.Start < 0 && href >= 0)
            {
                _found.BaseHref = (tokens.Attributes[href].ValueStart, tokens.Attributes[href].ValueEnd);
            }
        }
        else if (tokens.Element == Element.Plaintext)
        {
            // The browser shows everything behind the tag as text, so a pixel behind it would be text too.
            _found.Landmarks.BodyEnd = tokens.Start;
            _found.EndsAsPlaintext = true;
        }
        else if (_found.Landmarks.Frameset < 0 && tokens.Element == Element.Frameset)
        {
            _found.Landmarks.Frameset = tokens.Start;
        }
        else if (_found.Landmarks.BodyStart < 0 && tokens.Element == Element.Body)
        {
            _found.Landmarks.BodyStart = tokens.End;
        }
    }

    private void AddLink(ref HtmlTokenizer tokens, bool hasText)
    {
        var href = -1;
        var flags = FoundFlags.Html;
        var name = -1;
        var seen = 0;
        var attributes = tokens.Attributes;
        for (var i = 0; i < attributes.Length; i++)
        {
            ref readonly var attribute = ref attributes[i];
            var attributeName = _html[attribute.NameStart..attribute.NameEnd];
            switch (attributeName.Length)
            {
                case 4 when href < 0 && Ascii.EqualsIgnoreCase(attributeName, "href"u8):
                    href = i;
                    break;
                case 3 when Ascii.EqualsIgnoreCase(attributeName, "rel"u8):
                    flags |= HasWord(Value(attribute), "unsubscribe"u8) ? FoundFlags.Unsubscribe : 0;
                    break;
                case > 7 when Markers.Read(attributeName, Value(attribute), ref seen) is not Marker.None and var marker:
                    flags |= marker == Marker.OptOut ? FoundFlags.OptOut : 0;
                    _found.Removals.Add(RangeToRemove(tokens, i));
                    break;
                case 21 when Ascii.EqualsIgnoreCase(attributeName, "data-msys-unsubscribe"u8):
                    flags |= !Value(attribute).SequenceEqual("0"u8) ? FoundFlags.Unsubscribe : 0;
                    break;
                case 14 when Ascii.EqualsIgnoreCase(attributeName, "data-link-role"u8):
                    flags |= HasWord(Value(attribute), "system"u8) ? FoundFlags.System : 0;
                    break;
                case > 7 when name < 0 && Markers.IsLinkName(attributeName):
                    name = i;
                    break;
                default:
                    break;
            }
        }

        if (href < 0 || attributes[href].Quote == 1)
        {
            return;
        }

        var link = NewLink(attributes[href], flags);
        if (name >= 0)
        {
            link.Name = DecodeText(Value(attributes[name]));
        }

        if (hasText)
        {
            _openLink = _found.Links.Count;
            _openLinkAlt = (0, 0);
            _textStart = _found.OpenText.Length;
        }
        else if (Find(ref tokens, "alt"u8) is >= 0 and var alt)
        {
            link.Text = DecodeText(Value(attributes[alt]));
        }

        _found.Links.Add(link);
    }

    private void SeeImage(ref HtmlTokenizer tokens)
    {
        var src = SeePossiblePixel(ref tokens);
        var optOut = SeeImageOptOut(ref tokens);

        // An image with an opt-out marker is listed even if images are not tracked: the image is not shown while the
        // marker is in its URL.
        if (src >= 0 && tokens.Attributes[src].Quote != 1
            && (_images || optOut != 0 || AttributeValue.FindNoTrack(Value(tokens.Attributes[src])).Start >= 0))
        {
            AddImage(ref tokens, tokens.Attributes[src], optOut);
        }

        // Decorative pictures have an empty alt.
        if (_openLink >= 0 && _openLinkAlt.End == 0 && Find(ref tokens, "alt"u8) is >= 0 and var alt
            && !Value(tokens.Attributes[alt]).Trim(" \t\r\n"u8).IsEmpty)
        {
            _openLinkAlt = (tokens.Attributes[alt].ValueStart, tokens.Attributes[alt].ValueEnd);
        }
    }

    private readonly int SeePossiblePixel(ref HtmlTokenizer tokens)
    {
        var src = Find(ref tokens, "src"u8);
        if (src >= 0 && EndsLikeToken(Value(tokens.Attributes[src])))
        {
            _found.PossiblePixels.Add((tokens.Attributes[src].ValueStart, tokens.Attributes[src].ValueEnd));
        }

        return src;
    }

    private readonly FoundFlags SeeImageOptOut(ref HtmlTokenizer tokens)
    {
        var flags = FoundFlags.None;
        var seen = 0;
        var attributes = tokens.Attributes;
        for (var i = 0; i < attributes.Length; i++)
        {
            var name = _html[attributes[i].NameStart..attributes[i].NameEnd];
            if (name.Length > 7 && Markers.Read(name, Value(attributes[i]), ref seen) is not Marker.None and var marker)
            {
                flags |= marker == Marker.OptOut ? FoundFlags.OptOut : 0;
                _found.Removals.Add(RangeToRemove(tokens, i));
            }
        }

        return flags;
    }

    private void AddImage(ref HtmlTokenizer tokens, HtmlAttribute src, FoundFlags optOut)
    {
        var alt = Find(ref tokens, "alt"u8);
        var image = NewLink(src, FoundFlags.Html | FoundFlags.Image | optOut);
        if (alt >= 0)
        {
            image.Text = DecodeText(Value(tokens.Attributes[alt]));
        }

        _found.Links.Add(image);
    }

    private readonly FoundLink NewLink(in HtmlAttribute attribute, FoundFlags flags)
    {
        // A part without a declared charset is judged by this value alone: rewriting may remove the bytes elsewhere in
        // the part.
        var value = _html[attribute.ValueStart..attribute.ValueEnd];
        var before = attribute.NameStart - 1;
        return new FoundLink
        {
            Start = attribute.ValueStart,
            End = attribute.ValueEnd,
            BreakAt = HtmlTokenizer.IsSpace(_html[before]) ? before : -1,
            Flags = flags,
            Url = AttributeValue.Decode(value, _charset.EncodingOf(value), _found.Buffer),
        };
    }

    private void CloseLink()
    {
        if (_openLink < 0)
        {
            return;
        }

        var text = _found.OpenText.Span[_textStart..].TrimEnd((byte)' ');
        ref var link = ref _found.Links[_openLink];
        link.Text = new ByteRange(_found.Buffer.Append(text), text.Length);
        _found.OpenText.Truncate(_textStart);
        if (text.IsEmpty && _openLinkAlt.End > 0)
        {
            link.Text = DecodeText(_html[_openLinkAlt.Start.._openLinkAlt.End]);
        }

        _openLink = -1;
    }

    private ByteRange DecodeText(ReadOnlySpan<byte> raw)
    {
        var start = _found.Buffer.Length;
        VisibleText.Append(raw, inAttribute: true, start, _textLimit, _encoding, _found.Buffer);
        var length = _found.Buffer.Length - start;
        return new ByteRange(start, length > 0 && _found.Buffer.Span[^1] == ' ' ? length - 1 : length);
    }

    private readonly void AppendText(ReadOnlySpan<byte> raw)
    {
        if (!VisibleText.Append(raw, inAttribute: false, _textStart, _textLimit, _encoding, _found.OpenText))
        {
            _found.Links[_openLink].Flags |=
                FoundFlags.TextIsCut;
        }
    }

    private readonly ReadOnlySpan<byte> Value(in HtmlAttribute attribute) =>
        _html[attribute.ValueStart..attribute.ValueEnd];

    private readonly int Find(ref HtmlTokenizer tokens, ReadOnlySpan<byte> name)
    {
        var attributes = tokens.Attributes;
        for (var i = 0; i < attributes.Length; i++)
        {
            if (Ascii.EqualsIgnoreCase(_html[attributes[i].NameStart..attributes[i].NameEnd], name))
            {
                return i;
            }
        }

        return -1;
    }

    // The blanks before the attribute are removed with it. One blank stays if the next attribute needs it.
    private readonly (int Start, int End) RangeToRemove(in HtmlTokenizer tokens, int index)
    {
        var attribute = tokens.Attributes[index];
        var start = attribute.NameStart;
        if (_html[attribute.End] == '>' || HtmlTokenizer.IsSpace(_html[attribute.End]))
        {
            while (_html[start - 1] is (byte)' ' or (byte)'\t')
            {
                start--;
            }
        }

        return (start, attribute.End);
    }

    private static bool EndsLikeToken(ReadOnlySpan<byte> value)
    {
        value = value[..(value.LastIndexOfAnyExceptInRange((byte)0, (byte)0x20) + 1)];
        return value.Length > LinkToken.Length && !value[^LinkToken.Length..].ContainsAnyExcept(_inToken);
    }

    private static bool HasWord(ReadOnlySpan<byte> value, ReadOnlySpan<byte> word)
    {
        foreach (var range in value.SplitAny(" \t\r\n\f"u8))
        {
            if (Ascii.EqualsIgnoreCase(value[range], word))
            {
                return true;
            }
        }

        return false;
    }
}
