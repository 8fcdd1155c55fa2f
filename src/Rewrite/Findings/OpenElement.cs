namespace Tracking.Rewrite.Findings;

/// <summary>An element that is open in SVG or MathML.</summary>
/// <param name="NameStart">Where its name starts.</param>
/// <param name="NameEnd">Where its name ends.</param>
/// <param name="Kind">What may stand in it.</param>
internal readonly record struct OpenElement(int NameStart, int NameEnd, OpenKind Kind);

/// <summary>What may stand in an element that is open in SVG or MathML.</summary>
internal enum OpenKind : byte
{
    /// <summary>SVG.</summary>
    Svg,

    /// <summary>MathML.</summary>
    Math,

    /// <summary>HTML: an element of SVG that holds it, an HTML integration point of the standard.</summary>
    SvgText,

    /// <summary>HTML: an element of MathML that holds it, a MathML text integration point.</summary>
    MathText,

    /// <summary>HTML: an element of HTML itself.</summary>
    Html,
}
