using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Html;

/// <summary>Follows a tag's place in the tree as far as the place decides which bytes are text and which are
/// markup.</summary>
/// <remarks>
/// <para>
/// The danger. <see cref="HtmlTokenizer"/> recognises a raw text element by its name: behind <c>&lt;style&gt;</c>
/// everything is text up to <c>&lt;/style&gt;</c>. In the standard, tree construction (13.2.6) makes that switch, and
/// in some places it does not: inside <c>select</c> and <c>frameset</c> parsers ignore most start tags, and in SVG and
/// MathML a <c>style</c> is an ordinary element. There our text is the parser's markup, and the reverse. So a link
/// would go untracked, or text that only looks like a link would be changed. A malicious author of mail could cause
/// that. Building the whole tree would decide every case, at many times the cost.
/// </para>
/// <para>
/// The rule. We follow the few elements that begin such a place. At each start tag whose meaning depends on the place
/// we ask: is the meaning certain? If not, the part passes through unchanged. A place that may have begun counts as
/// begun. A place has ended only when every parser, of today's standard and of earlier ones, has left it.
/// </para>
/// <list type="number">
/// <item><c>select</c> begins at its start tag. Until 2025 the standard ignored all but a few start tags in it
/// (whatwg/html pull request 10557). Since then it ignores hardly any, and some parsers are between the two. While a
/// <c>select</c> contains only options, option groups, rulers and scripts, all parsers agree that
/// <c>&lt;/select&gt;</c>, <c>input</c>, <c>keygen</c> and <c>textarea</c> end it. Behind any other start tag its end
/// is uncertain. In all parsers <c>script</c> is raw text. Ambiguous are every other raw text element, SVG, MathML, and
/// <c>template</c>, because <c>&lt;/select&gt;</c> has no effect behind a template's start tag.</item>
/// <item><c>frameset</c> begins at its start tag and never ends. Whether that tag has an effect depends on everything
/// before it. If it has, only frames and <c>noframes</c> follow. Ambiguous are every other raw text element, SVG and
/// MathML.</item>
/// <item>Behind a <c>template</c>'s start tag <c>col</c> is ambiguous: if the template is open and contains only
/// columns, parsers ignore the following start tags in it.</item>
/// <item>SVG and MathML: a stack holds their open elements, and the top of the stack decides about a tag.
/// <c>foreignObject</c>, <c>desc</c>, <c>title</c> and MathML's text elements contain HTML. Ambiguous are: a raw text
/// element with a tag in it; a CDATA section in such HTML; <c>font</c> and <c>annotation-xml</c>, whose attributes
/// decide; in such HTML, tables, <c>select</c>, <c>frameset</c>, <c>template</c> and every other tag that may close
/// elements outside it; an end tag without an open element of its name, unless the tag has no effect or the same effect
/// in every parser.</item>
/// </list>
/// <para>
/// The cost. A part with a style sheet in a <c>select</c>, behind a <c>frameset</c>, or with markup in the style sheet
/// of a drawing goes out without tracking. For a part without these elements the cost is one comparison per tag. Links
/// that the tree drops, such as those inside a <c>select</c> in old parsers, are still wrapped: no reader sees them.
/// </para>
/// </remarks>
internal ref partial struct TreeConstruction
{
    private readonly ReadOnlySpan<byte> _html;
    private readonly PooledList<OpenElement> _open;
    private readonly int _bottom;
    private Places _in;

    /// <param name="html">The bytes that the tokens refer to.</param>
    /// <param name="open">The open elements of SVG and MathML. Elements that are already in the list belong to another
    /// reader and stay.</param>
    public TreeConstruction(ReadOnlySpan<byte> html, PooledList<OpenElement> open)
    {
        _html = html;
        _open = open;
        _bottom = open.Count;
    }

    [Flags]
    private enum Places : byte
    {
        None = 0,
        Select = 1,
        Frameset = 2,
        Template = 4,
        ForeignContent = 8,

        // A select that contains more than options.
        OddSelect = 16,
    }

    /// <summary>Whether a tag's meaning may depend on what was read before.</summary>
    public readonly bool IsOpen => _in != Places.None;

    /// <summary>Whether SVG or MathML is open, also with HTML inside.</summary>
    public readonly bool InForeignContent => (_in & Places.ForeignContent) != 0;

    /// <summary>Whether a <c>select</c> may be open. Some parsers would not show a pixel there, and a pixel would make
    /// the <c>select</c> one that contains more than options.</summary>
    public readonly bool InSelect => (_in & Places.Select) != 0;

    /// <summary>Whether <see cref="SeeStartTag"/> needs this start tag even while <see cref="IsOpen"/> is
    /// false.</summary>
    public static bool BeginsAt(Element element) => element is >= Element.Svg and <= Element.Template;

    /// <summary>Processes a start tag.</summary>
    /// <returns>Why the part cannot be read with certainty, or <see langword="null"/>.</returns>
    public Untouched? SeeStartTag(in HtmlTokenizer tokens)
    {
        if (InForeignContent)
        {
            return SeeInForeignContent(tokens) ? null : Untouched.ForeignContent;
        }

        if (IsAmbiguous(tokens.Element))
        {
            return Untouched.RawText;
        }

        switch (tokens.Element)
        {
            case Element.Select:
                _in |= Places.Select;
                return null;
            case Element.Input or Element.Textarea:
                _in &= ~Places.Select;
                return null;
            case Element.Frameset:
                _in |= Places.Frameset;
                break;
            case Element.Template:
                _in |= Places.Template;
                break;
            case Element.Svg or Element.Math when !tokens.SelfClosing:
                Open(tokens, tokens.Element == Element.Svg ? OpenKind.Svg : OpenKind.Math);
                break;
            default:
                break;
        }

        if ((_in & Places.Select) != 0 && !Elements.StandsInSelect(tokens.Name))
        {
            _in |= Places.OddSelect;
        }

        return null;
    }

    /// <summary>Processes an end tag.</summary>
    /// <returns>Why the part cannot be read with certainty, or <see langword="null"/>.</returns>
    public Untouched? SeeEndTag(in HtmlTokenizer tokens)
    {
        if (InForeignContent)
        {
            return CloseInForeignContent(tokens) ? null : Untouched.ForeignContent;
        }

        if (tokens.Element == Element.Select)
        {
            _in &= ~Places.Select;
        }

        return null;
    }

    private readonly bool IsAmbiguous(Element element) =>
        ((_in & (Places.Select | Places.OddSelect)) != 0 && element is Element.Svg or Element.Math or Element.Template
            or Element.RawText or Element.Noframes or Element.Plaintext)
        || ((_in & Places.OddSelect) != 0 && element == Element.Textarea)
        || ((_in & Places.Frameset) != 0 && element is Element.Svg or Element.Math or Element.RawText
            or Element.Textarea or Element.Script or Element.Plaintext)
        || ((_in & Places.Template) != 0 && element == Element.Col);
}
