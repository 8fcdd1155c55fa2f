using System.Buffers;
using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>A mark on a link holds for the same URL in the other parts of the same <c>multipart/alternative</c>, and in
/// no other part.</summary>
public sealed class MarksInAlternativesTests
{
    private const string Plain = "Content-Type: text/plain; charset=utf-8\r\n\r\n";
    private const string Html = "Content-Type: text/html; charset=utf-8\r\n\r\n";

    public static TheoryData<string, string> Marks => new()
    {
        { "<a data-pm-no-track href=\"https://shop.example/m?a=1&amp;b=2\">m</a>", "opt-out" },
        { "<a href=\"https+notrack://shop.example/m?a=1&amp;b=2\">m</a>", "opt-out" },
        { "<a href='HTTPS+NOTRACK://shop.example/m?a=1&#38;b=2'>m</a>", "opt-out" },
        { "<a href=\"HTTPS://SHOP.EXAMPLE:443/m?a=1&b=2\" clicktracking=off>m</a>", "opt-out" },
        { "<a href=\" https://shop.example/m?a=1\r\n&amp;b=2 \" ses:no-track>m</a>", "opt-out" },
        { "<a data-msys-unsubscribe=\"1\" href=\"https://shop.example/m?a=1&amp;b=2\">m</a>", "unsubscribe" },
        { "<a rel=\"nofollow unsubscribe\" href=\"https://shop.example/m?a=1&amp;b=2\">m</a>", "unsubscribe" },
        { "<base href=\"https://shop.example/x/\"><a data-no-track href=\"/m?a=1&amp;b=2\">m</a>", "opt-out" },
        { "<!--[if mso]><v:rect data-no-tracking href=\"https://shop.example/m?a=1&amp;b=2\"><![endif]-->", "opt-out" },
    };

    [Theory]
    [MemberData(nameof(Marks))]
    public void Marked_link_is_plain_in_the_other_parts_whatever_their_order_and_encoding(string mark, string reason)
    {
        var text = "See https://shop.example/m?a=1&b=2. Or https://shop.example/m?a=1\r\n";
        var html = $"{mark}<a href=\"https://shop.example/m?a=1\">o</a>\r\n";
        foreach (var encoding in new[] { "8bit", "quoted-printable", "base64" })
        {
            var textPart = Part("text/plain", encoding, text);
            var htmlPart = Part("text/html", encoding == "base64" ? "8bit" : "quoted-printable", html);
            foreach (var parts in new[] { new[] { textPart, htmlPart }, [htmlPart, textPart] })
            {
                var message = Message("alternative", parts);
                var links = Decisions(message, TestKeys.Request);
                Assert.Equal(2, links.Count(link => link.Decision == reason));
                Assert.Equal(2, links.Count(link => link.Decision == "tracked"));
                Assert.All(links, link => Assert.Equal(
                    link.Url.EndsWith("b=2", StringComparison.Ordinal), link.Decision == reason));
                MutatedMessagesTests.Check(message);
                var output = Encoding.Latin1.GetString(TestKeys.Rewrite(message, TestKeys.Request));
                if (encoding == "8bit")
                {
                    Assert.Contains("See https://shop.example/m?a=1&b=2. Or https://track.", output, StringComparison.Ordinal);
                }

                // The mark holds even if the marked part itself is not tracked.
                var textOnly = Decisions(message, TestKeys.Request with { TrackClicks = ClickTracking.Text });
                Assert.Single(textOnly, link => link.Decision == "tracked");
            }
        }
    }

    [Fact]
    public void Mark_in_text_holds_in_html()
    {
        var message = Message(
            "alternative",
            [
                Html + "<a href=\"https://shop.example/m\">m</a><a href=\"https://shop.example\">n</a>"
                    + "<a href=\"https://shop.example/o\">o</a>",
                Plain + "https+notrack://shop.example/m https+notrack://shop.example/",
            ]);
        Assert.Equal(
            ["opt-out", "opt-out", "tracked", "opt-out", "opt-out"],
            Decisions(message, TestKeys.Request).Select(link => link.Decision));
        var output = Encoding.Latin1.GetString(TestKeys.Rewrite(message, TestKeys.Request));
        Assert.DoesNotContain("notrack", output, StringComparison.Ordinal);
    }

    [Fact]
    public void In_its_own_part_a_mark_holds_where_it_stands()
    {
        var message = Message(
            "alternative",
            [
                Plain + "https://shop.example/m https://shop.example/m",
                Html + "<a data-no-track href=\"https://shop.example/m\">1</a><a href=\"https://shop.example/m\">2</a>",
            ]);
        Assert.Equal(
            ["opt-out", "opt-out", "opt-out", "tracked"],
            Decisions(message, TestKeys.Request).Select(link => link.Decision));
    }

    [Fact]
    public void Marks_in_two_parts_hold_in_each_other()
    {
        var message = Message(
            "alternative",
            [
                Plain + "https+notrack://shop.example/m https://shop.example/m",
                Html + "<a data-no-track href=\"https://shop.example/m\">1</a><a href=\"https://shop.example/m\">2</a>",
            ]);
        Assert.All(Decisions(message, TestKeys.Request), link => Assert.Equal("opt-out", link.Decision));
    }

    [Fact]
    public void Opt_out_is_the_reason_where_both_marks_stand()
    {
        var message = Message(
            "alternative",
            [
                Plain + "https://shop.example/m",
                Html + "<a rel=unsubscribe href=\"https://shop.example/m\">1</a>"
                    + "<a data-no-track href=\"https://shop.example/m\">2</a>",
            ]);
        Assert.Equal(
            ["opt-out", "unsubscribe", "opt-out"],
            Decisions(message, TestKeys.Request).Select(link => link.Decision));
    }

    [Theory]
    [InlineData("alternative(text,related(marked))", "opt-out")]
    [InlineData("alternative(text,mixed(related(marked)))", "opt-out")]
    [InlineData("alternative(alternative(text),marked)", "opt-out")]
    [InlineData("mixed(alternative(related(text),marked))", "opt-out")]
    [InlineData("related(alternative(marked,alternative(mixed(text))))", "opt-out")]
    [InlineData("mixed(text,marked)", "tracked")]
    [InlineData("related(text,marked)", "tracked")]
    [InlineData("mixed(alternative(text),alternative(marked))", "tracked")]
    [InlineData("mixed(alternative(marked),text)", "tracked")]
    [InlineData("mixed(text,alternative(marked))", "tracked")]
    [InlineData("mixed(mixed(alternative(marked)),alternative(text))", "tracked")]
    public void Mark_holds_within_its_alternative_only(string structure, string expected)
    {
        var (entity, rest) = Entity(structure, 0);
        Assert.Empty(rest);
        var message = Encoding.Latin1.GetBytes("From: a@shop.example\r\n" + entity);
        Assert.Equal(
            new[] { expected, "opt-out" }.Order(StringComparer.Ordinal),
            Decisions(message, TestKeys.Request).Select(link => link.Decision).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("https://shop.example", "HTTPS://SHOP.Example:443/")]
    [InlineData("https://shop.example?a=1", "https://shop.example/?a=1")]
    [InlineData("https://shop.example#a", "https://Shop.example:0443/#a")]
    [InlineData("https://shop.example./m", "https://shop.example/m#")]
    [InlineData("https://u:p@shop.example/a//b?c", "https://u:p@SHOP.example:443/a//b?c")]
    [InlineData("https://@shop.example/m", "https://shop.example/m")]
    [InlineData("http://[2001:db8::1]/x", "http://[2001:DB8:0:0::1]:80/x")]
    [InlineData("http://127.0.0.1/x", "http://0x7f.1/x")]
    [InlineData("https://shop.example\\x", "https://shop.example/x")]
    [InlineData("https://shop.example/a/b?c", "https://shop.example/x/../a/./b?c")]
    [InlineData("https://shop.example/a/", "https://shop.example/a/b/%2e%2E")]
    [InlineData("https://shop.example/.well-known/a", "https://shop.example/a/../.well-known/a")]
    [InlineData("https://shop.example/m?t=a%2Fb", "https://shop.example/m?t=a%2fb")]
    [InlineData("https://shop.example/~user", "https://shop.example/%7euser")]
    [InlineData("https://shop.example/gr\u00f6\u00dfe?\u00e4", "https://shop.example/gr%C3%B6%c3%9fe?%C3%A4")]
    [InlineData("https://shop.example/a{b}", "https://shop.example/a%7Bb%7D")]
    [InlineData("https://b\u00fccher.example/m", "https://XN--Bcher-KVA.example/m")]
    [InlineData("https://b\u00fccher.example/m", "https://bu\u0308cher.example:443/m")]
    [InlineData("https://bu\u0308cher.example/m", "https://xn--bcher-kva.example/m")]
    [InlineData("https://B%C3%BCcher.example/m", "https://b\u00fccher.example/m")]
    [InlineData("https://\uff53hop.example/m", "https://shop.example/m")]
    public void Mark_holds_for_the_same_url_in_any_spelling(string one, string other)
    {
        foreach (var (text, html) in new[] { (one, other), (other, one) })
        {
            var letters = html.Replace("&", "&#x26;", StringComparison.Ordinal);
            string[] parts =
            [
                Part("text/plain", "8bit", Utf8($"<{text}>")),
                Part("text/html", "quoted-printable", Utf8($"<a data-no-track href=\"{letters}\">1</a>")),
            ];
            foreach (var message in new[] { Message("alternative", parts), Message(
                "alternative", [.. parts.Reverse()]) })
            {
                Assert.Equal(
                    ["opt-out", "opt-out"], Decisions(message, TestKeys.Request).Select(link => link.Decision));
                MutatedMessagesTests.Check(message);
            }
        }
    }

    [Theory]
    [InlineData("https://shop.example/a", "https://shop.example/A")]
    [InlineData("https://shop.example/a", "https://shop.example/a/")]
    [InlineData("https://shop.example/a", "http://shop.example/a")]
    [InlineData("https://shop.example/a", "https://shop.example:8443/a")]
    [InlineData("https://shop.example/a", "https://u@shop.example/a")]
    [InlineData("https://shop.example/a", "https://shop.example/a#b")]
    [InlineData("https://shop.example/a?b", "https://shop.example/a?c")]
    [InlineData("https://shop.example/a/b", "https://shop.example/a%2Fb")]
    [InlineData("https://shop.example/\u00e9", "https://shop.example/e\u0301")]
    [InlineData("https://fa\u00df.example/", "https://fass.example/")]
    public void Another_url_is_another_link(string one, string other)
    {
        foreach (var (text, html) in new[] { (one, other), (other, one) })
        {
            var message = Message(
                "alternative",
                [Plain + Utf8($"<{text}>"), Html + Utf8($"<a data-no-track href=\"{html}\">1</a>")]);
            Assert.Equal(["tracked", "opt-out"], Decisions(message, TestKeys.Request).Select(link => link.Decision));
        }
    }

    /// <summary>Pieces of a URL that have more than one spelling, in any order. The filter before the comparison must
    /// never exclude an equal URL.</summary>
    [Fact]
    public void Random_spellings_are_covered_exactly_where_their_comparable_forms_are_one()
    {
        string[] pieces =
            ["/", ".", "..", "%2e", "%2F", "%2f", "~", "%7E", "a", "%61", "?", "#", "'", "%27", "\u00e4", "%C3%A4"];
        string[] hosts = ["https://shop.example", "HTTPS://Shop.example:443", "https://shop.example."];
        var covered = 0;
        for (var i = 0; i < 300 * Seed.Factor; i++)
        {
            var random = new Random(Seed.Value + i);
            var urls = Enumerable.Range(0, 40)
                .Select(_ => $"{hosts[random.Next(3)]}/{string.Concat(random.GetItems(pieces, random.Next(4)))}")
                .ToList();
            var marked = urls[..random.Next(1, 4)];
            var parts = new[]
            {
                Html + Utf8(string.Concat(urls.Select(url => $"<a href=\"{url}\">1</a>\r\n"))),
                Html + Utf8(string.Concat(marked.Select(url => $"<a data-no-track href=\"{url}\">1</a>\r\n"))),
            };
            var isMarkedFirst = random.Next(2) == 0;
            var forms = marked.Select(Form).ToHashSet(StringComparer.Ordinal);
            var expected = urls.Select(url => forms.Contains(Form(url)) ? "opt-out" : "tracked").ToList();
            covered += expected.Skip(marked.Count).Count(decision => decision == "opt-out");
            var links = Decisions(
                Message("alternative", isMarkedFirst ? [.. parts.Reverse()] : parts), TestKeys.Request);
            Assert.Equal(
                expected,
                links.Skip(isMarkedFirst ? marked.Count : 0).Take(urls.Count).Select(link => link.Decision));
        }

        Assert.NotEqual(0, covered);
    }

    [Fact]
    public void Letters_of_a_query_are_the_same_in_another_charset()
    {
        var message = Message(
            "alternative",
            [
                Plain + "https://shop.example/m?q=\u00c3\u00a4",
                "Content-Type: text/html; charset=iso-8859-1\r\n\r\n"
                    + "<a data-no-track href=\"https://shop.example/m?q=\u00e4\">1</a>",
                "Content-Type: text/html; charset=iso-8859-1\r\n\r\n"
                    + "<a href=\"https://shop.example/m?q=\u00e4\">1</a>",
            ]);
        Assert.All(Decisions(message, TestKeys.Request), link => Assert.Equal("opt-out", link.Decision));
    }

    [Fact]
    public void Unsubscribe_marks_stay_and_rewriting_again_changes_nothing()
    {
        // If the first link were tracked too, the line would be too long for another link.
        var line = $"https://shop.example/u {new string('x', 830)} https://shop.example/a https://shop.example/b\r\n";
        var message = Message(
            "alternative",
            [Plain + line + line, Html + "<a data-msys-unsubscribe=1 href=\"https://shop.example/u\">1</a>\r\n"]);
        MutatedMessagesTests.Check(message);
        Assert.Equal(4, Decisions(message, TestKeys.Request).Count(link => link.Decision is "tracked"));
    }

    [Fact]
    public void Random_structures_come_out_as_a_simple_reading_says()
    {
        for (var i = 0; i < 2_000 * Seed.Factor; i++)
        {
            var random = new Random(Seed.Value + i);
            var leaves = new List<(int Alternative, List<(string Url, bool Marked)> Links)>();
            var count = 0;
            var entity = Random(random, 0, 0, ref count, leaves);
            var message = Encoding.Latin1.GetBytes("From: a@shop.example\r\n" + entity);
            var expected = leaves.SelectMany((leaf, part) => leaf.Links.Select(link =>
                link.Marked || (leaf.Alternative > 0 && leaves.Where((other, at) =>
                    at != part && other.Alternative == leaf.Alternative
                        && other.Links.Contains((link.Url, true))).Any())
                    ? "opt-out"
                    : "tracked"));
            Assert.Equal(expected, Decisions(message, TestKeys.Request).Select(link => link.Decision));
        }
    }

    private static string Form(string url)
    {
        Assert.Equal(
            DestinationOutcome.Accepted, DestinationPolicy.Read(
                Encoding.UTF8.GetBytes(url), null, out var destination));
        var form = new ArrayBufferWriter<byte>();
        ComparableUrl.Write(destination, form);
        return Encoding.ASCII.GetString(form.WrittenSpan);
    }

    // Messages are written in Latin-1, one byte per letter.
    private static string Utf8(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    private static string Random(
        Random random, int depth, int alternative, ref int count, List<(int, List<(string, bool)>)> leaves)
    {
        if (depth < 3 && random.Next(depth + 1) == 0)
        {
            var kind = new[] { "mixed", "alternative", "alternative", "related" }[random.Next(4)];
            var boundary = $"=={++count}";
            var inside = alternative > 0 ? alternative : kind == "alternative" ? count : 0;
            var text = new StringBuilder($"Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n\r\n");
            for (var n = random.Next(1, 4); n > 0; n--)
            {
                text.Append($"--{boundary}\r\n").Append(Random(random, depth + 1, inside, ref count, leaves)).Append("\r\n");
            }

            return text.Append($"--{boundary}--\r\n").ToString();
        }

        var isHtml = random.Next(2) == 0;
        var links = new List<(string Url, bool Marked)>();
        var content = new StringBuilder();
        for (var n = random.Next(4); n > 0; n--)
        {
            var url = $"shop.example/{random.Next(4)}";
            var isMarked = random.Next(4) == 0;
            links.Add((url, isMarked));
            content.Append(
                isHtml && random.Next(2) == 0 && isMarked ? $"<a data-no-track href=\"https://{url}\">x</a>\r\n"
                : isHtml ? $"<a href=\"https{(isMarked ? "+notrack" : "")}://{url}\">x</a>\r\n"
                : $"https{(isMarked ? "+notrack" : "")}://{url}\r\n");
        }

        leaves.Add((alternative, links));
        return Part(
            isHtml ? "text/html" : "text/plain",
            new[] { "8bit", "quoted-printable", "base64" }[random.Next(3)],
            content.ToString());
    }

    private static (string Text, string Remaining) Entity(string structure, int depth)
    {
        var end = structure.IndexOfAny(['(', ',', ')']);
        var name = end < 0 ? structure : structure[..end];
        var rest = end < 0 ? "" : structure[end..];
        if (name is "text" or "marked")
        {
            return (
                name == "text"
                    ? Plain + "https://shop.example/m"
                    : Html + "<a data-no-track href=\"https://shop.example/m\">m</a>",
                rest);
        }

        var text = new StringBuilder($"Content-Type: multipart/{name}; boundary=\"={depth}=\"\r\n\r\n");
        do
        {
            (var inner, rest) = Entity(rest[1..], depth + 1);
            text.Append($"--={depth}=\r\n{inner}\r\n");
        }
        while (rest.StartsWith(','));
        return (text.Append($"--={depth}=--\r\n").ToString(), rest[1..]);
    }

    private static byte[] Message(string kind, string[] parts) => Encoding.Latin1.GetBytes(
        $"From: a@shop.example\r\nContent-Type: multipart/{kind}; boundary=x\r\n\r\n"
        + string.Concat(parts.Select(part => $"--x\r\n{part}\r\n")) + "--x--\r\n");

    private static string Part(string type, string encoding, string content) =>
        $"Content-Type: {type}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n" + encoding switch
        {
            "base64" => Convert.ToBase64String(Encoding.Latin1.GetBytes(content)) + "\r\n",
            "quoted-printable" => content.Replace("=", "=3D", StringComparison.Ordinal)
                .Replace("/m", "/=\r\nm", StringComparison.Ordinal),
            _ => content,
        };

    private static List<(string Url, string Decision)> Decisions(byte[] message, RewriteRequest request)
    {
        using var plan = RewriteMessage.Plan(message, request);
        Assert.Null(plan.Failure);
        return [.. plan.Links.Select(
            link => (Encoding.UTF8.GetString(link.Url.Span).Trim(), WireWords.Of(link.Decision)))];
    }
}
