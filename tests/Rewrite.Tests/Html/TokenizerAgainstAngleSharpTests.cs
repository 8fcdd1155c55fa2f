using System.Text;
using AngleSharp.Html;
using AngleSharp.Html.Parser;
using AngleSharp.Html.Parser.Tokens;
using AngleSharp.Text;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Html;

namespace Tracking.Rewrite.Tests.Html;

/// <summary>
/// Compares our tokenizer with AngleSharp's: in generated and mutated markup both must find the same tags at the same
/// places with the same attribute values. Also compares it with AngleSharp's tree builder, which alone knows where raw
/// text begins. The markup is ASCII, so characters are bytes. Not compared: input that ends inside a tag, comment or
/// raw text (we refuse it); in the tree, elements that the builder drops, clones or moves (<c>a</c>, <c>table</c>), and
/// the places where raw text depends on the tree, which <see cref="TreeAgainstAngleSharpTests"/> tests.
/// </summary>
public sealed class TokenizerAgainstAngleSharpTests(ITestOutputHelper log)
{
    private const int Cases = 100_000;

    // AngleSharp differs from the standard here: behind "</>" it reports that place as the place of the next tag, and
    // it drops the semicolon of "&;".
    private static readonly string[] _knownDifferences = ["</>", "&;"];

    private static readonly string[] _pieces =
    [
        "<a href=\"https://example.org/1?a=1&amp;b=2\">", "<a href='x&copy=1&copy;&notit;&#38;&#x26;&#0;&#128;'>",
        "</a>",
        "<A HREF=https://example.org/2>", "<a\nhref\t=\r\n\"\n u r l \n\">", "<a href=a href=b>", "<a =href=x>",
        "<a href==x>", "<a / href=x / y>", "<a href=\"x\"y=z>", "<a href>", "<a href=>", "<a \"href='x'>",
        "<a href=x/>",
        "<area href=y alt=\"&quot;\">", "<img src=a.png alt='<>'>", "<base href=//b/>", "<IMG SRC=\"a>b\">", "<p>",
        "</p>",
        "text & more &lt; ", "<!-- c -->", "<!---->", "<!-->", "<!--->", "<!-- a -- b --!>", "<!--a--->",
        "<!-- <!-- -->",
        "<!--<!-->", "<!doctype html>", "<!x>", "<!>", "<?xml x?>", "</>", "</ a>", "</3>", "< a href=no>", "<3", "<",
        "<script>var a='<a href=no>';</script>", "<script><!--<a href=no></script>", "<script><!--<script></script>-->",
        "</script>", "<script><!--<script></script></script>", "<script><!--><a href=no></script>",
        "<script></scripty></script >", "<style>a{}<a href=no></style>", "<style></styl><b></style/>",
        "<title>&amp;<a href=no></title>", "<textarea><a href=no></textarea x=y>", "<xmp><a></xmp>",
        "<iframe><a></iframe>", "<noembed><a></noembed>", "<noframes><a></noframes>", "<noscript><a href=n></noscript>",
        "<div class=\"a b\" style='x:y' data-x>", "</div>", "<br/>", "<b>", "</b>", "<span title=\"a>b\">", "</span>",
        "<body class=x>", "</body>", "</html>", "<head>", "</head>", "<v:rect href=z>", "<a:b c:d=e>", "<plaintext",
        "\"", "'",
        ">", "=", "/", " ", "\n", "&", "&amp", "&#", "&#x", ";", "-", "--", "!", "a", "href=", "<a ", "<!--", "-->",
        "]]>",
    ];

    [Fact]
    public void Generated_and_mutated_markup_shows_the_same_tags_and_values() =>
        Compare(html => Ours(html, withTags: true), TheirTokens);

    [Fact]
    public void Generated_and_mutated_markup_shows_the_same_elements_in_the_tree() =>
        Compare(html => Ours(html, withTags: false), TheirTree);

    private void Compare(Func<string, List<string>?> ours, Func<string, List<string>> theirs)
    {
        log.WriteLine($"seed {Seed.Value}");
        var random = new Random(Seed.Value);
        var compared = 0;
        for (var i = 0; compared < (long)Cases * Seed.Factor; i++)
        {
            var html = Generate(random);
            if (_knownDifferences.Any(html.Contains) || ours(html) is not { } found)
            {
                continue;
            }

            compared++;
            var expected = theirs(html);
            Assert.True(
                found.SequenceEqual(expected),
                $"seed {Seed.Value}, case {i}\n{html}\nours:   {string.Join(" ", found)}\n"
                + $"theirs: {string.Join(" ", expected)}");
        }

        log.WriteLine($"{compared} compared");
    }

    private static string Generate(Random random)
    {
        var html = new StringBuilder("<!doctype html><body>");
        for (var n = random.Next(1, 12); n > 0; n--)
        {
            html.Append(_pieces[random.Next(_pieces.Length)]);
        }

        for (var n = random.Next(0, 4); n > 0; n--)
        {
            var at = random.Next(21, html.Length);
            switch (random.Next(3))
            {
                case 0:
                    html.Remove(at, Math.Min(random.Next(1, 4), html.Length - at));
                    break;
                case 1:
                    html.Insert(at, "<>\"'=/ \n&;-!a"[random.Next(13)]);
                    break;
                default:
                    html[at] = "<>\"'=/ \n&;-!a"[random.Next(13)];
                    break;
            }

            if (html.Length <= 21)
            {
                break;
            }
        }

        return html.ToString();
    }

    private static List<string>? Ours(string html, bool withTags)
    {
        var bytes = Encoding.ASCII.GetBytes(html);
        var found = new List<string>();
        using var buffer = new ByteBuffer();
        var tokens = new Tracking.Rewrite.Html.HtmlTokenizer(bytes, new HtmlAttribute[4], 0, allAttributes: true);
        while (true)
        {
            switch (tokens.Read())
            {
                case Tracking.Rewrite.Html.HtmlToken.End:
                    return found;
                case Tracking.Rewrite.Html.HtmlToken.Unterminated:
                    return null;
                case Tracking.Rewrite.Html.HtmlToken.EndTag when withTags:
                    found.Add($"{tokens.Start} /{Encoding.ASCII.GetString(tokens.Name).ToLowerInvariant()}");
                    break;
                case Tracking.Rewrite.Html.HtmlToken.StartTag
                    when withTags || IsCompared(Encoding.ASCII.GetString(tokens.Name).ToLowerInvariant()):
                    var name = Encoding.ASCII.GetString(tokens.Name).ToLowerInvariant();
                    name = withTags ? $"{tokens.Start} {name}{(tokens.SelfClosing ? "/" : "")}" : name;
                    var seen = new HashSet<string>();
                    foreach (var attribute in tokens.Attributes)
                    {
                        var attributeName = html[attribute.NameStart..attribute.NameEnd].ToLowerInvariant();
                        if (!seen.Add(attributeName))
                        {
                            continue;
                        }

                        buffer.Truncate();
                        var raw = bytes.AsSpan(attribute.ValueStart, attribute.ValueEnd - attribute.ValueStart);
                        var (start, length) = AttributeValue.Decode(raw, null, buffer);
                        var value = Encoding.UTF8.GetString(start < 0 ? raw : buffer.Span.Slice(start, length));
                        name += $"|{attributeName}={LineFeeds(value)}";
                    }

                    found.Add(name);
                    break;
                default:
                    break;
            }
        }
    }

    // The standard's input stream has no carriage returns. The bytes of a value still have them.
    private static string LineFeeds(string value) =>
        value.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');

    private static List<string> TheirTokens(string html)
    {
        var found = new List<string>();
        using var source = new TextSource(html);
        var tokenizer = new AngleSharp.Html.Parser.HtmlTokenizer(source, HtmlEntityProvider.Resolver);
        while (true)
        {
            var token = tokenizer.Get();
            switch (token)
            {
                case { Type: HtmlTokenType.EndOfFile }:
                    return found;
                case HtmlTagToken { Type: HtmlTokenType.EndTag } tag:
                    found.Add($"{tag.Position.Index} /{tag.Name}");
                    break;
                case HtmlTagToken tag:
                    var seen = new HashSet<string>();
                    found.Add($"{tag.Position.Index} {tag.Name}{(tag.IsSelfClosing ? "/" : "")}"
                        + string.Concat(
                            tag.Attributes.Where(a => seen.Add(a.Name)).Select(a => $"|{a.Name}={a.Value}")));
                    tokenizer.State = tag.Name switch
                    {
                        "script" => HtmlParseMode.Script,
                        "title" or "textarea" => HtmlParseMode.RCData,
                        "style" or "xmp" or "iframe" or "noembed" or "noframes" => HtmlParseMode.Rawtext,
                        "plaintext" => HtmlParseMode.Plaintext,
                        _ => HtmlParseMode.PCData,
                    };
                    break;
                default:
                    break;
            }
        }
    }

    private static List<string> TheirTree(string html)
    {
        var found = new List<string>();
        var document = new HtmlParser(new HtmlParserOptions { IsScripting = false }).ParseDocument(html);
        foreach (var element in document.All.Where(element => IsCompared(element.LocalName)))
        {
            found.Add(element.LocalName + string.Concat(element.Attributes.Select(a => $"|{a.Name}={a.Value}")));
        }

        return found;
    }

    // Elements that the tree builder never drops, creates, clones or moves.
    private static bool IsCompared(string name) => name is "area" or "img" or "base" or "v:rect" or "a:b";
}
