namespace Tracking.Rewrite.Findings;

/// <summary>An open element of SVG or MathML.</summary>
/// <param name="NameStart">The start of the element's name.</param>
/// <param name="NameEnd">The end of the element's name.</param>
/// <param name="Kind">The kind of content that the element may have.</param>
internal readonly record struct OpenElement(int NameStart, int NameEnd, OpenKind Kind);

/// <summary>The kind of content that an open element of SVG or MathML may have.</summary>
internal enum OpenKind : byte
{
    /// <summary>SVG.</summary>
    Svg,

    /// <summary>MathML.</summary>
    Math,

    /// <summary>HTML inside an element of SVG: an HTML integration point of the standard.</summary>
    SvgText,

    /// <summary>HTML inside an element of MathML: a MathML text integration point of the standard.</summary>
    MathText,

    /// <summary>HTML inside an element of HTML.</summary>
    Html,
}
