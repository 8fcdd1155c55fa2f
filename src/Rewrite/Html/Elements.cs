using System.Text;

namespace Tracking.Rewrite.Html;

/// <summary>The elements that mean something to the rewriter.</summary>
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
    Frameset,
    Svg,
    Math,

    /// <summary>One of Outlook's vector shapes, <c>v:…</c>.</summary>
    Vml,

    /// <summary>Text up to the end tag: title, textarea, style, xmp, iframe, noembed, noframes.</summary>
    RawText,
    Script,

    /// <summary>Text up to the end of the input.</summary>
    Plaintext,
}

/// <summary>What an element's name says about it.</summary>
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
            case 3 when first is 'i' or 's' or 'x':
                return Is(name, "img"u8) ? Element.Img
                    : Is(name, "svg"u8) ? Element.Svg
                    : Is(name, "xmp"u8) ? Element.RawText
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
            case 6 when first is 's' or 'i':
                return Is(name, "script"u8) ? Element.Script
                    : Is(name, "iframe"u8) ? Element.RawText
                    : Element.Other;
            case 7 when first == 'n':
                return Is(name, "noembed"u8) ? Element.RawText : Element.Other;
            case 8 when first is 't' or 'n' or 'f':
                return Is(name, "textarea"u8) || Is(name, "noframes"u8) ? Element.RawText
                    : Is(name, "frameset"u8) ? Element.Frameset
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

    /// <summary>Whether the start tag ends SVG or MathML content it stands in (13.2.6.5 of the standard).</summary>
    public static bool BreaksOutOfForeignContent(ReadOnlySpan<byte> name)
    {
        Span<char> lower = stackalloc char[10];
        return name.Length <= lower.Length
            && Ascii.ToLower(name, lower, out var length) == System.Buffers.OperationStatus.Done
            && lower[..length] is "b" or "big" or "blockquote" or "body" or "br" or "center" or "code" or "dd" or "div"
                or "dl" or "dt" or "em" or "embed" or "h1" or "h2" or "h3" or "h4" or "h5" or "h6" or "head" or "hr"
                or "i" or "img" or "li" or "listing" or "menu" or "meta" or "nobr" or "ol" or "p" or "pre" or "ruby"
                or "s" or "small" or "span" or "strong" or "strike" or "sub" or "sup" or "table" or "tt" or "u" or "ul"
                or "var";
    }

    /// <summary>Whether HTML may stand again inside this element of SVG or MathML.</summary>
    public static bool IsIntegrationPoint(ReadOnlySpan<byte> name) =>
        Ascii.EqualsIgnoreCase(name, "foreignobject"u8) || Ascii.EqualsIgnoreCase(name, "desc"u8)
        || Ascii.EqualsIgnoreCase(name, "title"u8) || Ascii.EqualsIgnoreCase(name, "annotation-xml"u8)
        || (name.Length == 2 && (name[0] | 0x20) == 'm' && (name[1] | 0x20) is 'i' or 'o' or 'n' or 's')
        || Ascii.EqualsIgnoreCase(name, "mtext"u8);

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> lowerCase) =>
        Ascii.EqualsIgnoreCase(name, lowerCase);
}
