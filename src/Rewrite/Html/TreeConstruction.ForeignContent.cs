using System.Text;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Html;

// The rules for SVG and MathML, and for HTML inside them.
internal ref partial struct TreeConstruction
{
    // Blink moves elements that are nested deeper than 512 to another place of its tree
    // (maximumHTMLParserDOMTreeDepth). Real drawings are far less deep.
    private const int MaxDepth = 256;

    /// <summary>Whether the markup is a CDATA section in one place and an HTML comment in another.</summary>
    /// <param name="other">Markup that does not open like a tag or a comment.</param>
    public readonly bool IsAmbiguousSection(ReadOnlySpan<byte> other)
    {
        if (!InForeignContent || !other.StartsWith("<![CDATA["u8))
        {
            return false;
        }

        foreach (ref readonly var open in _open.Span[_bottom..])
        {
            if (open.Kind >= OpenKind.SvgText)
            {
                return true;
            }
        }

        return false;
    }

    // Returns false for ambiguous markup, as do the methods below.
    private bool SeeInForeignContent(in HtmlTokenizer tokens)
    {
        var kind = _open[^1].Kind;
        if (kind < OpenKind.SvgText || (kind == OpenKind.MathText && Elements.IsMathInText(tokens.Name)))
        {
            if (!Elements.BreaksOutOfForeignContent(tokens.Name))
            {
                return !tokens.Is("font"u8) && !tokens.Is("annotation-xml"u8)
                    && (tokens.SelfClosing || (HasNoTagInText(tokens) && Open(tokens, KindOf(tokens.Name, kind))));
            }

            BreakOut();
            if (!InForeignContent)
            {
                return true;
            }
        }

        if (tokens.Element is Element.Svg or Element.Math)
        {
            return tokens.SelfClosing
                || Open(tokens, tokens.Element == Element.Svg ? OpenKind.Svg : OpenKind.Math);
        }

        return !Elements.ReachesOutOfForeignContent(tokens.Name)
            && HasNoTagInText(tokens)
            && (Elements.HasNoContent(tokens.Name) || Open(tokens, OpenKind.Html));
    }

    private bool CloseInForeignContent(in HtmlTokenizer tokens)
    {
        if (tokens.Element == Element.Body)
        {
            // The element is never open here, and its end tag changes nothing.
            return true;
        }

        for (var i = _open.Count - 1; i >= _bottom; i--)
        {
            ref readonly var open = ref _open[i];
            var holdsHtml = open.Kind >= OpenKind.SvgText;
            if (holdsHtml && i < _open.Count - 1)
            {
                break;
            }

            if (tokens.Is(_html[open.NameStart..open.NameEnd]))
            {
                Close(i);
                return true;
            }

            if (holdsHtml)
            {
                break;
            }
        }

        // "</p>" and "</br>" create an element. Today the tag leaves SVG and MathML first. In the standard before 2021
        // (whatwg/html pull request 6736) and in WebKit before 2022 the element is created inside SVG or MathML.
        return tokens.Element == Element.Html
            || (_open[^1].Kind >= OpenKind.SvgText
                && (tokens.Is("br"u8) || (tokens.Is("p"u8) && !IsParagraphOpen())));
    }

    // Closes the elements above the last element that contains HTML.
    private void BreakOut()
    {
        var count = _open.Count;
        while (count > _bottom && _open[count - 1].Kind < OpenKind.SvgText)
        {
            count--;
        }

        Close(count);
    }

    private readonly bool IsParagraphOpen()
    {
        for (var i = _open.Count - 1; i >= _bottom && _open[i].Kind == OpenKind.Html; i--)
        {
            if (Ascii.EqualsIgnoreCase(_html[_open[i].NameStart.._open[i].NameEnd], "p"u8))
            {
                return true;
            }
        }

        return false;
    }

    private bool Open(in HtmlTokenizer tokens, OpenKind kind)
    {
        if (_open.Count - _bottom == MaxDepth)
        {
            return false;
        }

        _open.Add(new OpenElement(tokens.NameStart, tokens.NameEnd, kind));
        _in |= Places.ForeignContent;
        return true;
    }

    private void Close(int first)
    {
        _open.Truncate(first);
        if (first == _bottom)
        {
            _in &= ~Places.ForeignContent;
        }
    }

    private static OpenKind KindOf(ReadOnlySpan<byte> name, OpenKind parent) => parent switch
    {
        OpenKind.Svg => Elements.HoldsHtmlInSvg(name) ? OpenKind.SvgText : OpenKind.Svg,
        _ => Elements.HoldsHtmlInMath(name) ? OpenKind.MathText : OpenKind.Math,
    };

    // Without a tag inside, text and markup give the same result.
    private readonly bool HasNoTagInText(in HtmlTokenizer tokens)
    {
        if (!Elements.HasRawText(tokens.Element))
        {
            return true;
        }

        var rest = _html[tokens.End..];
        var next = rest.IndexOf((byte)'<');
        return next >= 0
            && rest[next..].StartsWith("</"u8)
            && HtmlTokenizer.IsTagName(rest[(next + 2)..], tokens.Name);
    }
}
