using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Html;

/// <summary>Where in the tree a tag stands, as far as that decides what is text and what is markup.</summary>
/// <remarks>
/// <para>
/// The danger. <see cref="HtmlTokenizer"/> takes a raw text element by its name: behind <c>&lt;style&gt;</c> all is
/// text up to <c>&lt;/style&gt;</c>. The standard leaves that switch to tree construction (13.2.6), and there are
/// places where it is not made: inside <c>select</c> and <c>frameset</c> most start tags are ignored, and in SVG and
/// MathML a <c>style</c> is an element like any other. What we take for text is markup there, and the other way round.
/// So a link goes untracked, or what only looks like one is changed in a text, and a writer of mail who wants that
/// could make it so. To build the whole tree would tell, at many times the price.
/// </para>
/// <para>
/// The rule. We follow the few elements from which such a place begins, and ask at each start tag whose meaning depends
/// on the place: is it certain? If not, the part passes through as it is. A place that may have begun has begun; it has
/// ended only where every parser, of today's standard and of those before it, has left it.
/// </para>
/// <list type="number">
/// <item><c>select</c> begins at its start tag. In it the standard ignored all start tags but a few until 2025
/// (whatwg/html pull request 10557), and ignores hardly any since; some parsers are halfway. While it holds nothing but
/// options, groups of them, rulers and scripts, all agree that <c>&lt;/select&gt;</c>, <c>input</c>, <c>keygen</c> and
/// <c>textarea</c> end it; behind any other start tag nothing does for certain. In all of them <c>script</c> is raw
/// text. Ambiguous are any other raw text element, SVG, MathML, and <c>template</c>, behind whose start tag
/// <c>&lt;/select&gt;</c> means nothing.</item>
/// <item><c>frameset</c> begins at its start tag and never ends. Whether that tag counts depends on all that stands
/// before it. If it does, nothing but frames and <c>noframes</c> follows; any other raw text element, SVG and MathML
/// are ambiguous.</item>
/// <item>Behind a <c>template</c>'s start tag <c>col</c> is ambiguous: if the template is open and has no more than
/// columns, its start tags are ignored from there on.</item>
/// <item>SVG and MathML: what is open in them is kept in a stack, and a tag is judged by its top. Inside
/// <c>foreignObject</c>, <c>desc</c>, <c>title</c> and MathML's text elements HTML stands again. Ambiguous are: a raw
/// text element with a tag in it; a CDATA section in such HTML; <c>font</c> and <c>annotation-xml</c>, whose attributes
/// decide; in such HTML, tables, <c>select</c>, <c>frameset</c>, <c>template</c> and whatever else may reach out of it;
/// an end tag that fits nothing open, unless it means nothing or the same everywhere.</item>
/// </list>
/// <para>
/// The cost. Mail with a style sheet in a <c>select</c>, behind a <c>frameset</c> or with markup in the style sheet of
/// a drawing goes out without tracking, in that part. Where none of these elements occurs it costs one comparison for
/// a tag. Links that the tree drops, as those inside a <c>select</c> of old, are wrapped all the same: nobody sees
/// them.
/// </para>
/// </remarks>
internal ref partial struct TreeConstruction
{
    private readonly ReadOnlySpan<byte> _html;
    private readonly PooledList<OpenElement> _open;
    private readonly int _bottom;
    private Places _in;

    /// <param name="html">What the tokens are of.</param>
    /// <param name="open">The elements that are open in SVG and MathML; those that are there already are another
    /// reader's, and stay.</param>
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

        // A select that has more than options in it.
        OddSelect = 16,
    }

    /// <summary>Whether a tag's meaning may depend on what was read before.</summary>
    public readonly bool IsOpen => _in != Places.None;

    /// <summary>Whether SVG or MathML is open, be it with HTML in it.</summary>
    public readonly bool InForeignContent => (_in & Places.ForeignContent) != 0;

    /// <summary>Whether a <c>select</c> may be open. What is added there is no picture to everybody, and makes it one
    /// with more than options in it.</summary>
    public readonly bool InSelect => (_in & Places.Select) != 0;

    /// <summary>Whether a start tag has to be seen even where <see cref="IsOpen"/> is not so.</summary>
    public static bool BeginsAt(Element element) => element is >= Element.Svg and <= Element.Template;

    /// <summary>Takes a start tag in.</summary>
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

    /// <summary>Takes an end tag in.</summary>
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
