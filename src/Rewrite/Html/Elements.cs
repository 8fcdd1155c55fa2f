using System.Text;

namespace Tracking.Rewrite.Html;

/// <summary>The elements that the rewriter distinguishes.</summary>
internal enum Element : byte
{
    Other,
    A,
    Area,
    Img,
    Base,
    Body,
    Head,
    Html,

    /// <summary>One of Outlook's vector shapes, <c>v:…</c>.</summary>
    Vml,

    // The elements from here to Template are those of TreeConstruction.BeginsAt.
    Svg,
    Math,
    Select,
    Frameset,
    Template,

    /// <summary>Input, and keygen: old parsers read keygen as an input.</summary>
    Input,
    Col,

    /// <summary>The content is text up to the end tag, as in all elements that follow: title, style, xmp, iframe,
    /// noembed.</summary>
    RawText,
    Textarea,
    Noframes,
    Script,

    /// <summary>The content is text up to the end of the input.</summary>
    Plaintext,
}

/// <summary>Facts that follow from an element's name.</summary>
internal static class Elements
{
    /// <summary>Reads a tag's name; the commonest names are told apart by their length and first letter.</summary>
    public static Element Read(ReadOnlySpan<byte> name)
    {
        var first = name[0] | 0x20;
        switch (name.Length)
        {
            case 1:
                return first == 'a' ? Element.A : Element.Other;
            case 3 when first is 'i' or 's' or 'x' or 'c':
                return Is(name, "img"u8) ? Element.Img
                    : Is(name, "svg"u8) ? Element.Svg
                    : Is(name, "xmp"u8) ? Element.RawText
                    : Is(name, "col"u8) ? Element.Col
                    : Element.Other;
            case 4 when first is 'a' or 'b' or 'h' or 'm':
                return Is(name, "area"u8) ? Element.Area
                    : Is(name, "base"u8) ? Element.Base
                    : Is(name, "body"u8) ? Element.Body
                    : Is(name, "head"u8) ? Element.Head
                    : Is(name, "html"u8) ? Element.Html
                    : Is(name, "math"u8) ? Element.Math
                    : Element.Other;
            case 5 when first is 's' or 't':
                return Is(name, "style"u8) || Is(name, "title"u8) ? Element.RawText : Element.Other;
            case 5 when first == 'i':
                return Is(name, "input"u8) ? Element.Input : Element.Other;
            case 6 when first is 's' or 'i' or 'k':
                return Is(name, "script"u8) ? Element.Script
                    : Is(name, "iframe"u8) ? Element.RawText
                    : Is(name, "select"u8) ? Element.Select
                    : Is(name, "keygen"u8) ? Element.Input
                    : Element.Other;
            case 7 when first == 'n':
                return Is(name, "noembed"u8) ? Element.RawText : Element.Other;
            case 8 when first is 't' or 'n' or 'f':
                return Is(name, "textarea"u8) ? Element.Textarea
                    : Is(name, "noframes"u8) ? Element.Noframes
                    : Is(name, "frameset"u8) ? Element.Frameset
                    : Is(name, "template"u8) ? Element.Template
                    : Element.Other;
            case 9 when first == 'p':
                return Is(name, "plaintext"u8) ? Element.Plaintext : Element.Other;
            default:
                return first == 'v' && name.Length > 2 && name[1] == ':' ? Element.Vml : Element.Other;
        }
    }

    /// <summary>Whether the rewriter reads the element's attributes: links, images and the base.</summary>
    public static bool HasAttributesOfInterest(Element element) =>
        element is Element.A or Element.Area or Element.Img or Element.Base or Element.Vml;

    /// <summary>Whether the element's content is text.</summary>
    public static bool HasRawText(Element element) => element >= Element.RawText;

    /// <summary>Whether the start tag ends the SVG or MathML content around it (13.2.6.5 of the standard).</summary>
    public static bool BreaksOutOfForeignContent(ReadOnlySpan<byte> name)
    {
        Span<char> lower = stackalloc char[10];
        return Lower(name, lower) is "b" or "big" or "blockquote" or "body" or "br" or "center" or "code" or "dd" or "div"
                or "dl" or "dt" or "em" or "embed" or "h1" or "h2" or "h3" or "h4" or "h5" or "h6" or "head" or "hr"
                or "i" or "img" or "li" or "listing" or "menu" or "meta" or "nobr" or "ol" or "p" or "pre" or "ruby"
                or "s" or "small" or "span" or "strong" or "strike" or "sub" or "sup" or "table" or "tt" or "u" or "ul"
                or "var";
    }

    /// <summary>Whether every version of the standard allows the element in a <c>select</c>.</summary>
    public static bool StandsInSelect(ReadOnlySpan<byte> name) =>
        Is(name, "option"u8) || Is(name, "optgroup"u8) || Is(name, "hr"u8) || Is(name, "script"u8);

    /// <summary>Whether this element of SVG contains HTML.</summary>
    public static bool HoldsHtmlInSvg(ReadOnlySpan<byte> name) =>
        Is(name, "foreignobject"u8) || Is(name, "desc"u8) || Is(name, "title"u8);

    /// <summary>Whether this element of MathML contains HTML.</summary>
    public static bool HoldsHtmlInMath(ReadOnlySpan<byte> name) =>
        (name.Length == 2 && (name[0] | 0x20) == 'm' && (name[1] | 0x20) is 'i' or 'o' or 'n' or 's')
        || Is(name, "mtext"u8);

    /// <summary>Whether this start tag belongs to MathML even inside HTML that stands in MathML.</summary>
    public static bool IsMathInText(ReadOnlySpan<byte> name) => Is(name, "mglyph"u8) || Is(name, "malignmark"u8);

    /// <summary>Whether the start tag, in HTML inside SVG or MathML, may close or change the elements around that HTML,
    /// or may switch the tokenizer.</summary>
    public static bool ReachesOutOfForeignContent(ReadOnlySpan<byte> name)
    {
        Span<char> lower = stackalloc char[9];
        return Lower(name, lower) is "table" or "caption" or "colgroup" or "col" or "tbody" or "tfoot" or "thead"
            or "tr" or "td" or "th" or "select" or "option" or "optgroup" or "frameset" or "template" or "plaintext";
    }

    /// <summary>Whether the start tag opens no element inside the body: void elements, and tags that parsers
    /// ignore.</summary>
    public static bool HasNoContent(ReadOnlySpan<byte> name)
    {
        Span<char> lower = stackalloc char[8];
        return Lower(name, lower) is "area" or "base" or "basefont" or "bgsound" or "body" or "br" or "embed" or "frame"
            or "head" or "hr" or "html" or "image" or "img" or "input" or "keygen" or "link" or "meta" or "param"
            or "source" or "track" or "wbr";
    }

    private static ReadOnlySpan<char> Lower(ReadOnlySpan<byte> name, Span<char> lower) =>
        name.Length <= lower.Length
            && Ascii.ToLower(name, lower, out var length) == System.Buffers.OperationStatus.Done
                ? lower[..length]
                : default;

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> lowerCase) =>
        Ascii.EqualsIgnoreCase(name, lowerCase);
}
