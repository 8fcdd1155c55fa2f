using System.Text;

namespace Tracking.Rewrite.Html;

/// <summary>What the tokenizer found.</summary>
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

    /// <summary>A document type, a CDATA section, or a comment that is one only by error recovery.</summary>
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

    /// <summary>The quote; 0 for an unquoted value; 1 when there is no value.</summary>
    public byte Quote;

    /// <summary>Where the attribute ends, its closing quote included.</summary>
    public readonly int End => Quote is (byte)'"' or (byte)'\'' ? ValueEnd + 1 : Quote == 1 ? NameEnd : ValueEnd;
}

/// <summary>
/// Tokenization as in the HTML standard (13.2.5), over the bytes of any encoding in which an ASCII byte always means
/// that character. The switches to raw text, which the standard leaves to the tree builder, follow from the element's
/// name (where that is not certain, <see cref="TreeConstruction"/> says): a mail program runs no scripts, so <c>noscript</c> is markup. Character references and NULs are left to
/// whoever reads a value.
/// </summary>
internal ref struct HtmlTokenizer
{
    /// <summary>Attributes that a tag may have. The most seen in real mail is under 40.</summary>
    public const int MaxAttributes = 1024;

    // Sets of bytes below 64, a bit each: names and unquoted values are short, and a test must cost next to nothing.
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
    /// <param name="scratch">Room for a tag's attributes; more is made when needed.</param>
    /// <param name="start">Where to begin.</param>
    /// <param name="allAttributes">Keep the attributes of every element, not only of those that matter here.</param>
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

    /// <summary>What the tag's name means.</summary>
    public Element Element { get; private set; }

    /// <summary>Whether a start tag ends in <c>/&gt;</c>.</summary>
    public bool SelfClosing { get; private set; }

    /// <summary>Inside SVG or MathML no element switches to raw text, and CDATA sections exist. The reader of the
    /// tokens knows (<see cref="TreeConstruction"/>), so it says.</summary>
    public bool InForeignContent { get; set; }

    /// <summary>The tag's name as it stands.</summary>
    public readonly ReadOnlySpan<byte> Name => _html[NameStart..NameEnd];

    /// <summary>The tag's attributes in their order, duplicates included.</summary>
    public readonly ReadOnlySpan<HtmlAttribute> Attributes => _attributes[.._attributeCount];

    /// <summary>Whether the tag's name is <paramref name="lowerCase"/>, in any case.</summary>
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

            // "<" or "</" at the very end is text to the standard, but not once anything is added behind it.
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

                    // "</>" is nothing at all, and "</" before anything else begins a comment up to ">".
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

            // Of three dashes the last two may be the ones that close.
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

            // An equals sign in the first place belongs to the name.
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

    // Leaves the position at the "<" of the end tag; false when there is none.
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
