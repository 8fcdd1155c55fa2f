using System.Globalization;
using System.Text;
using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Tests.Html;

/// <summary>
/// Compares our links with AngleSharp's tree, in random markup with many of the elements of
/// <see cref="TreeConstruction"/>. Either the part passes through, or we find every link of the tree, and each link
/// that we find is a link that the tree has or drops: never text, a comment or content of SVG or MathML.
/// </summary>
public sealed class TreeAgainstAngleSharpTests(ITestOutputHelper log)
{
    private const int Cases = 20_000;

    // The number of the link replaces a "#".
    private static readonly string[] _links =
        ["<a href=\"L#.\">", "<a href='L#.'>x</a>", "<area href=L#.>", "<area href=\"L#.\">", "<area href=\"L#.\">"];

    private static readonly string[] _places =
    [
        "<select>", "</select>", "<option>", "<optgroup>", "<input>", "<textarea>a</textarea>", "<select><option>",
        "<keygen>", "<frameset>", "</frameset>", "<frame>", "<frameset><frame>", "<template>", "</template>",
        "<template><col>", "<col>", "<colgroup>", "<col/>", "<table>", "</table>", "<tr>", "<td>", "</td>", "<caption>",
    ];

    private static readonly string[] _drawings =
    [
        "<svg>", "</svg>", "<svg/>", "<g>", "</g>", "<math>", "</math>", "<math/>", "<mi>", "</mi>", "<mtext>",
        "</mtext>", "<mglyph>", "<desc>", "</desc>", "<title>", "<title>a</title>", "<foreignObject>",
        "</foreignobject>", "<svg><foreignObject>", "</foreignObject></svg>", "<annotation-xml encoding=text/html>",
        "</annotation-xml>",
        "<![CDATA[", "]]>", "<![CDATA[ > ", "<![CDATA[ x ]]>", "<font>", "<font color=red>", "</font>", "<circle r=1/>",
        "<svg><style>a{}</style>", "<malignmark/>", "<svg><g><circle/></g></svg>", "<math><mi>x</mi></math>",
        "<svg><desc><p><![CDATA[ > <!-- ]]></p></desc></svg>",
    ];

    private static readonly string[] _rawTexts =
    [
        "<style>", "</style>", "<script>", "</script>", "<title>", "</title>", "<textarea>", "</textarea>", "<xmp>",
        "</xmp>", "<iframe>", "</iframe>", "<noembed>", "</noembed>", "<noframes>", "</noframes>", "<plaintext>",
        "<style>a{}</style>", "<script></script>", "<noscript>", "</noscript>",
    ];

    private static readonly string[] _others =
    [
        "<p>", "</p>", "</br>", "<br>", "<div>", "</div>", "<b>", "</b>", "<span>", "</span>", "</a>", "</body>",
        "</html>", "<body>", "<html>", "<head>", "</head>", "<img src=x>", "<li>", "<button>", "</button>", "<h1>",
        "</h1>", "<form>", "</form>", "<nobr>", "text", " ", "<!-- c -->", "<ruby><rt>", "<object>", "</object>",
    ];

    [Theory]
    [InlineData("select, frameset and template", 6, 0)]
    [InlineData("SVG and MathML", 0, 6)]
    [InlineData("all of them", 3, 3)]
    public void Links_are_those_of_the_tree_or_the_part_passes_through(string what, int places, int drawings)
    {
        log.WriteLine($"seed {Seed.Value}, {what}");
        var random = new Random(Seed.Value);
        using var found = new PartFindings();
        var passed = 0;
        for (var compared = 0; compared < Cases * Seed.Factor;)
        {
            var html = Generate(random, places, drawings, out var links);
            found.Clear();
            var reason = FindHtmlLinks.Find(Encoding.ASCII.GetBytes(html), MailCharset.Utf8, false, 100, found);
            if (reason is not null)
            {
                passed += reason == Untouched.UnterminatedMarkup ? 0 : 1;
                continue;
            }

            compared++;
            var ours = new HashSet<int>();
            foreach (ref readonly var link in found.Links.Span)
            {
                var value = html[link.Start..link.End];
                Assert.Matches("^L[0-9]+[.]$", value);
                Assert.True(ours.Add(int.Parse(value[1..^1], CultureInfo.InvariantCulture)));
            }

            Assert.Empty(found.Removals);
            Compare(html, ours, links);
        }

        log.WriteLine($"{passed} pass through for {Cases * Seed.Factor} that are read");
        Assert.NotEqual(0, passed);
    }

    [Theory]
    [InlineData("<svg/>")]
    [InlineData("<svg/>text")]
    [InlineData("<svg/></div>")]
    [InlineData("<svg/><svg/>")]
    [InlineData("<math/>")]
    [InlineData("<svg></svg>")]
    [InlineData("<svg><g/></svg>")]
    public void A_section_behind_a_drawing_that_is_over_is_a_comment_up_to_its_first_sign(string drawing)
    {
        // A start tag "svg" in body: "If the token has its self-closing flag set, pop the current node off the stack of
        // open elements" (13.2.6.4.7). Markup declaration open state: a CDATA section begins only "if there is an
        // adjusted current node and it is not an element in the HTML namespace"; otherwise "create a comment token"
        // and "switch to the bogus comment state", which ends at the first ">" (13.2.5.42).
        var html = $"<body>{drawing}<![CDATA[ <a href=L0.> <a href=L1.>x</a> ]]>";
        using var found = new PartFindings();

        Assert.Null(FindHtmlLinks.Find(Encoding.ASCII.GetBytes(html), MailCharset.Utf8, false, 100, found));

        var link = Assert.Single(found.Links.Span.ToArray());
        Assert.Equal("L1.", html[link.Start..link.End]);
        Assert.Equal([1], Read(html).Links);
    }

    [Fact]
    public void AngleSharp_itself_still_reads_a_section_behind_an_empty_drawing()
    {
        // When this fails, AngleSharp follows the standard, and ForAngleSharp is not needed any more.
        var document = new HtmlParser().ParseDocument("<body><svg/><![CDATA[ <a href=L0.> ]]>");
        Assert.Equal(" <a href=L0.> ", document.Body!.TextContent);
    }

    private static void Compare(string html, HashSet<int> ours, int links)
    {
        var (theirs, others) = Read(html);
        var message = $"seed {Seed.Value}\n{html}\nours:   {string.Join(" ", ours.Order())}\n"
            + $"theirs: {string.Join(" ", theirs.Order())}";
        Assert.True(theirs.IsSubsetOf(ours), message);
        for (var link = 0; link < links; link++)
        {
            Assert.False(
                ours.Contains(link) && others.Contains($"L{link}.", StringComparison.Ordinal),
                $"{link} is no link\n{message}");
        }

        var mayDrop = html.Contains("<select", StringComparison.Ordinal)
            || html.Contains("<frame", StringComparison.Ordinal)
            || html.Contains("<template", StringComparison.Ordinal);
        Assert.True(mayDrop || theirs.SetEquals(ours), message);
    }

    private static string Generate(Random random, int places, int drawings, out int links)
    {
        var html = new StringBuilder(random.Next(3) switch { 0 => "", 1 => "<!doctype html>", _ => "<body>" });
        links = 0;
        for (var n = random.Next(3, 16); n > 0; n--)
        {
            var kind = random.Next(places + drawings + 9);
            var pieces = kind < places ? _places
                : kind < places + drawings ? _drawings
                : kind < places + drawings + 3 ? _rawTexts
                : kind < places + drawings + 6 ? _others
                : _links;
            var piece = pieces[random.Next(pieces.Length)];
            html.Append(pieces == _links ? piece.Replace("#", $"{links++}", StringComparison.Ordinal) : piece);
        }

        return html.ToString();
    }

    // The same tree in other words. AngleSharp (1.10) takes "<![CDATA[" for a section behind a root element that its
    // own start tag closes, up to the next HTML element.
    private static string ForAngleSharp(string html) => html
        .Replace("<svg/>", "<svg></svg>", StringComparison.Ordinal)
        .Replace("<math/>", "<math></math>", StringComparison.Ordinal);

    // Returns the numbers of the links, and all markup outside of links.
    private static (HashSet<int> Links, string Others) Read(string html)
    {
        var links = new HashSet<int>();
        var others = new StringBuilder();
        var document = new HtmlParser(new HtmlParserOptions { IsScripting = false })
            .ParseDocument(ForAngleSharp(html));
        var open = new Stack<(INode Node, bool IsForeign)>([(document, false)]);
        while (open.TryPop(out var next))
        {
            var (node, isForeign) = next;
            if (node is IElement element)
            {
                isForeign |= element.NamespaceUri != NamespaceNames.HtmlUri;
                foreach (var attribute in element.Attributes)
                {
                    if (!isForeign && attribute.Name == "href" && element.LocalName is "a" or "area")
                    {
                        links.Add(int.Parse(attribute.Value[1..^1], CultureInfo.InvariantCulture));
                    }
                    else
                    {
                        others.Append(attribute.Value).Append(' ');
                    }
                }
            }
            else if (node is ICharacterData text)
            {
                others.Append(text.Data).Append(' ');
            }

            foreach (var child in node.ChildNodes)
            {
                open.Push((child, isForeign));
            }

            if (node is IHtmlTemplateElement template)
            {
                open.Push((template.Content, isForeign));
            }
        }

        return (links, others.ToString());
    }
}
