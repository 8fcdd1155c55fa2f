using System.Text;

namespace Tracking.Rewrite.Html;

/// <summary>The kinds of tokens.</summary>
internal enum HtmlToken : byte
{
    /// <summary>The end of the input, in text.</summary>
    End,

    /// <summary>A start tag.</summary>
    StartTag,

    /// <summary>An end tag.</summary>
    EndTag,

    /// <summary>A comment that opened with <c>&lt;!--</c>.</summary>
    Comment,

    /// <summary>A document type, a CDATA section, or malformed markup that the standard reads as a comment.</summary>
    Other,

    /// <summary>The input ended inside a tag, comment or raw text.</summary>
    Unterminated,

    /// <summary>A tag with more attributes than <see cref="HtmlTokenizer.MaxAttributes"/>.</summary>
    TooManyAttributes,
}

/// <summary>An attribute's ranges in the input.</summary>
internal struct HtmlAttribute
{
    public int NameStart;
    public int NameEnd;
    public int ValueStart;
    public int ValueEnd;

    /// <summary>The quote character; 0 for an unquoted value; 1 for an attribute without a value.</summary>
    public byte Quote;

    /// <summary>The attribute's end, behind its closing quote.</summary>
    public readonly int End => Quote is (byte)'"' or (byte)'\'' ? ValueEnd + 1 : Quote == 1 ? NameEnd : ValueEnd;
}

/// <summary>
/// Tokenization as in the HTML standard (13.2.5), over the bytes of any encoding in which an ASCII byte always means
/// that character. In the standard the tree builder switches to raw text. Here the element's name decides; where the
/// name is not enough, <see cref="TreeConstruction"/> decides. A mail program runs no scripts, so the content of
/// <c>noscript</c> is markup. The tokenizer leaves character references and NULs to its caller.
/// </summary>
internal ref struct HtmlTokenizer
{
    /// <summary>The most attributes that a tag may have. Real mail has fewer than 40.</summary>
    public const int MaxAttributes = 1024;

    // Sets of bytes below 64 as bit masks. Names and unquoted values are short, so one test must cost almost nothing.
    private const ulong Blanks = (1UL << '\t') | (1UL << '\n') | (1UL << '\f') | (1UL << '\r') | (1UL << ' ');
    private const ulong NameEnds = Blanks | (1UL << '/') | (1UL << '>');
    private const ulong AttributeNameEnds = NameEnds | (1UL << '=');
    private const ulong UnquotedEnds = Blanks | (1UL << '>');

    private readonly ReadOnlySpan<byte> _html;
    private readonly bool _allAttributes;
    private Span<HtmlAttribute> _attributes;
    private int _attributeCount;
    private int _position;
    private RawText _raw;
    private int _rawNameStart;
    private int _rawNameEnd;

    /// <param name="html">The input.</param>
    /// <param name="scratch">Memory for a tag's attributes. The tokenizer allocates more when necessary.</param>
    /// <param name="start">The place of the first byte to read.</param>
    /// <param name="allAttributes">Whether to keep the attributes of every element, not only of the elements that the
    /// rewriter reads.</param>
    public HtmlTokenizer(
        ReadOnlySpan<byte> html, Span<HtmlAttribute> scratch, int start = 0, bool allAttributes = false)
    {
        _position = start;
        _html = html;
        _attributes = scratch;
        _allAttributes = allAttributes;
    }

    private enum RawText : byte
    {
        None,
        UntilEndTag,
        Script,
        Plaintext,
    }

    /// <summary>Where the token starts.</summary>
    public int Start { get; private set; }

    /// <summary>Where the token ends.</summary>
    public int End { get; private set; }

    /// <summary>Where a tag's name starts.</summary>
    public int NameStart { get; private set; }

    /// <summary>Where a tag's name ends.</summary>
    public int NameEnd { get; private set; }

    /// <summary>The element that the tag's name means.</summary>
    public Element Element { get; private set; }

    /// <summary>Whether a start tag ends in <c>/&gt;</c>.</summary>
    public bool SelfClosing { get; private set; }

    /// <summary>Whether the token is inside SVG or MathML. There no element switches to raw text, and CDATA sections
    /// exist. The caller sets this property, because only <see cref="TreeConstruction"/> knows the place.</summary>
    public bool InForeignContent { get; set; }

    /// <summary>The tag's name in its original case.</summary>
    public readonly ReadOnlySpan<byte> Name => _html[NameStart..NameEnd];

    /// <summary>The tag's attributes in their order, duplicates included.</summary>
    public readonly ReadOnlySpan<HtmlAttribute> Attributes => _attributes[.._attributeCount];

    /// <summary>Whether the tag's name is <paramref name="lowerCase"/>, ignoring case.</summary>
    public readonly bool Is(ReadOnlySpan<byte> lowerCase) => Ascii.EqualsIgnoreCase(Name, lowerCase);

    /// <summary>Reads the next token that is not text.</summary>
    public HtmlToken Read()
    {
        if (_raw != RawText.None && !SkipRawText())
        {
            Start = End = _html.Length;
            return _raw == RawText.Plaintext ? HtmlToken.End : HtmlToken.Unterminated;
        }

        while (true)
        {
            var offset = _html[_position..].IndexOf((byte)'<');
            if (offset < 0)
            {
                Start = End = _position = _html.Length;
                return HtmlToken.End;
            }

            // The standard reads "<" or "</" at the very end as text. Bytes that are added behind it may turn it into a
            // tag.
            Start = _position + offset;
            if (Start + 1 >= _html.Length)
            {
                return Finish(HtmlToken.Unterminated, _html.Length);
            }

            var next = _html[Start + 1];
            if (char.IsAsciiLetter((char)next))
            {
                return ReadTag(Start + 1, isStart: true);
            }

            switch (next)
            {
                case (byte)'/':
                    if (Start + 2 >= _html.Length)
                    {
                        return Finish(HtmlToken.Unterminated, _html.Length);
                    }

                    if (char.IsAsciiLetter((char)_html[Start + 2]))
                    {
                        return ReadTag(Start + 2, isStart: false);
                    }

                    // Parsers drop "</>". "</" before any other character begins a comment up to ">".
                    return ReadUntil(">"u8, Start + 2);
                case (byte)'!':
                    return ReadDeclaration();
                case (byte)'?':
                    return ReadUntil(">"u8, Start + 1);
                default:
                    _position = Start + 1;
                    break;
            }
        }
    }

    private HtmlToken ReadDeclaration()
    {
        var rest = _html[(Start + 2)..];
        if (rest.StartsWith("--"u8))
        {
            return ReadComment(Start + 4);
        }

        return InForeignContent && rest.StartsWith("[CDATA["u8)
            ? ReadUntil("]]>"u8, Start + 9)
            : ReadUntil(">"u8, Start + 2);
    }

    private HtmlToken ReadComment(int position)
    {
        var rest = _html[position..];
        var abrupt = rest.StartsWith(">"u8) ? 1 : rest.StartsWith("->"u8) ? 2 : 0;
        if (abrupt > 0)
        {
            return Finish(HtmlToken.Comment, position + abrupt);
        }

        while (true)
        {
            var dashes = _html[position..].IndexOf("--"u8);
            if (dashes < 0)
            {
                return Finish(HtmlToken.Unterminated, _html.Length);
            }

            position += dashes + 2;
            rest = _html[position..];
            var close = rest.StartsWith(">"u8) ? 1 : rest.StartsWith("!>"u8) ? 2 : 0;
            if (close > 0)
            {
                return Finish(HtmlToken.Comment, position + close);
            }

            // In "--->" the last two dashes may close the comment.
            position--;
        }
    }

    private HtmlToken ReadUntil(ReadOnlySpan<byte> terminator, int position)
    {
        var end = _html[position..].IndexOf(terminator);
        return end < 0
            ? Finish(HtmlToken.Unterminated, _html.Length)
            : Finish(HtmlToken.Other, position + end + terminator.Length);
    }

    private HtmlToken ReadTag(int nameStart, bool isStart)
    {
        NameStart = nameStart;
        NameEnd = IndexOfAny(NameEnds, nameStart);
        Element = Elements.Read(_html[nameStart..NameEnd]);
        SelfClosing = false;
        _attributeCount = 0;
        var keep = isStart && (_allAttributes || Elements.HasAttributesOfInterest(Element));
        var outcome = ReadAttributes(NameEnd, keep);
        if (outcome != HtmlToken.StartTag)
        {
            return outcome;
        }

        if (!isStart)
        {
            return HtmlToken.EndTag;
        }

        if (!InForeignContent)
        {
            SwitchToRawText();
        }

        return HtmlToken.StartTag;
    }

    private HtmlToken ReadAttributes(int position, bool keep)
    {
        var html = _html;
        while (true)
        {
            while ((uint)position < (uint)html.Length && IsSpace(html[position]))
            {
                position++;
            }

            if (position >= html.Length)
            {
                return Finish(HtmlToken.Unterminated, html.Length);
            }

            if (html[position] == '>')
            {
                return Finish(HtmlToken.StartTag, position + 1);
            }

            if (html[position] == '/')
            {
                position++;
                if (position < html.Length && html[position] == '>')
                {
                    SelfClosing = true;
                    return Finish(HtmlToken.StartTag, position + 1);
                }

                continue;
            }

            // An equals sign at the first place belongs to the name.
            var attribute = new HtmlAttribute { NameStart = position, Quote = 1 };
            position = IndexOfAny(AttributeNameEnds, position + 1);
            attribute.NameEnd = position;
            while ((uint)position < (uint)html.Length && IsSpace(html[position]))
            {
                position++;
            }

            if ((uint)position < (uint)html.Length && html[position] == '=')
            {
                position = ReadValue(position + 1, ref attribute);
                if (position < 0)
                {
                    return Finish(HtmlToken.Unterminated, html.Length);
                }
            }

            if (keep && !Add(attribute))
            {
                return Finish(HtmlToken.TooManyAttributes, position);
            }
        }
    }

    private readonly int ReadValue(int position, ref HtmlAttribute attribute)
    {
        var html = _html;
        while ((uint)position < (uint)html.Length && IsSpace(html[position]))
        {
            position++;
        }

        if (position >= html.Length)
        {
            return -1;
        }

        var first = html[position];
        if (first is (byte)'"' or (byte)'\'')
        {
            attribute.Quote = first;
            attribute.ValueStart = position + 1;
            var length = html[attribute.ValueStart..].IndexOf(first);
            attribute.ValueEnd = attribute.ValueStart + length;
            return length < 0 ? -1 : attribute.ValueEnd + 1;
        }

        attribute.Quote = 0;
        attribute.ValueStart = position;
        attribute.ValueEnd = first == '>' ? position : IndexOfAny(UnquotedEnds, position);
        return attribute.ValueEnd;
    }

    private bool Add(in HtmlAttribute attribute)
    {
        if (_attributeCount == MaxAttributes)
        {
            return false;
        }

        if (_attributeCount == _attributes.Length)
        {
            var larger = new HtmlAttribute[MaxAttributes];
            _attributes.CopyTo(larger);
            _attributes = larger;
        }

        _attributes[_attributeCount++] = attribute;
        return true;
    }

    private void SwitchToRawText()
    {
        _raw = Element switch
        {
            Element.RawText or Element.Textarea or Element.Noframes => RawText.UntilEndTag,
            Element.Script => RawText.Script,
            Element.Plaintext => RawText.Plaintext,
            _ => RawText.None,
        };
        _rawNameStart = NameStart;
        _rawNameEnd = NameEnd;
    }

    // Moves the position to the "<" of the end tag. Returns false when there is no end tag.
    private bool SkipRawText()
    {
        var end = _raw switch
        {
            RawText.Plaintext => -1,
            RawText.Script => ScriptText.FindEnd(_html, _position),
            _ => RawTextEnd(),
        };
        if (end < 0)
        {
            return false;
        }

        _raw = RawText.None;
        _position = end;
        return true;
    }

    private readonly int RawTextEnd()
    {
        var name = _html[_rawNameStart.._rawNameEnd];
        var position = _position;
        while (true)
        {
            var offset = _html[position..].IndexOf("</"u8);
            if (offset < 0)
            {
                return -1;
            }

            position += offset;
            if (IsTagName(_html[(position + 2)..], name))
            {
                return position;
            }

            position += 2;
        }
    }

    /// <summary>Whether <paramref name="rest"/> begins with the name and the name ends there.</summary>
    internal static bool IsTagName(ReadOnlySpan<byte> rest, ReadOnlySpan<byte> name) =>
        rest.Length > name.Length
        && Ascii.EqualsIgnoreCase(rest[..name.Length], name)
        && IsIn(NameEnds, rest[name.Length]);

    internal static bool IsSpace(byte c) => IsIn(Blanks, c);

    private static bool IsIn(ulong set, byte c) => c < 64 && ((set >> c) & 1) != 0;

    private readonly int IndexOfAny(ulong set, int from)
    {
        var html = _html;
        while ((uint)from < (uint)html.Length && !IsIn(set, html[from]))
        {
            from++;
        }

        return from;
    }

    private HtmlToken Finish(HtmlToken token, int end)
    {
        End = _position = end;
        return token;
    }
}
