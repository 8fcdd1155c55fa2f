using System.Text;
using System.Text.RegularExpressions;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;
using Tracking.Rewrite.Tests.Messages;

namespace Tracking.Rewrite.Tests.Mime;

/// <summary>No line that the rewriter makes begins with a dot, two hyphens or <c>From </c>.</summary>
public sealed partial class StartsOfLinesTests(ITestOutputHelper log)
{
    private const int Cases = 4_000;

    private static readonly string[] _hosts =
    [
        "track.shop.example.com", "a.b.c.d.e.f.g.h.example.com", "t.co", "x.y--z.w.example.org",
        "track." + new string('l', 60) + ".example",
    ];

    // Text that may be directly behind a link or at the start of a body.
    private static readonly string[] _behind =
        [".", "...", ". And so on", ".a.b.c.", ".\r\n", "From here", "--b", "--b--", "-", "a", " ", "<br>", "\r\n", ""];

    // The same text behind a URL in plain text, at the URL's end.
    private static readonly string[] _behindText = [". ", "... ", ".\r\n", ".", "). ", " From here ", " --b", "> ."];

    [Fact]
    public void Links_at_every_column_leave_no_dot_at_the_start_of_a_quoted_printable_line()
    {
        foreach (var host in _hosts)
        {
            foreach (var behind in _behind)
            {
                var html = new StringBuilder();
                for (var column = 0; column < 80; column++)
                {
                    html.Append($"<p>{new string('x', column)}<a href='https://shop.example.com/{column}'>{behind}</a>")
                        .Append($"<a href=https://shop.example.com/{column}>{behind}\r\n");
                }

                Check(Message("text/html", "quoted-printable", Encode(html.ToString(), 75)), host, PixelPosition.Bottom);
            }

            foreach (var behind in _behindText)
            {
                var text = new StringBuilder();
                for (var column = 0; column < 80; column++)
                {
                    text.Append($"{new string('x', column)} https://shop.example.com/{column}{behind}\r\n");
                }

                Check(Message("text/plain", "quoted-printable", Encode(text.ToString(), 75)), host, PixelPosition.Bottom);
            }
        }
    }

    [Fact]
    public void Random_documents_get_no_line_at_risk_that_they_did_not_have()
    {
        log.WriteLine($"seed {Seed.Value}");
        for (var i = 0; i < Cases * Seed.Factor; i++)
        {
            var random = new Random(Seed.Value + i);
            var isHtml = random.Next(3) > 0;
            var encoding = new[] { "quoted-printable", "quoted-printable", "7bit", "8bit" }[random.Next(4)];
            var content = isHtml ? Html(random) : Text(random);
            var body = encoding == "quoted-printable" ? Encode(content, random.Next(20, 76)) : content;
            var flowed = !isHtml && random.Next(2) == 0 ? "; format=flowed" : "";
            var message = Message(isHtml ? "text/html" : $"text/plain{flowed}", encoding, body);
            Check(
                random.Next(3) == 0 ? message.Replace("\r\n", "\n", StringComparison.Ordinal) : message,
                _hosts[random.Next(_hosts.Length)],
                random.Next(2) == 0 ? PixelPosition.Top : PixelPosition.Bottom,
                $"seed {Seed.Value + i}: ");
        }
    }

    [Theory]
    [InlineData("<body>{0}.{1}")]
    [InlineData("<body>{0}From here on{1}")]
    [InlineData("<body>{0}--b{1}")]
    public void Pixel_at_the_top_that_gets_a_line_of_its_own_leaves_none_at_risk(string html)
    {
        // The line has the greatest length, so the pixel does not fit on it.
        var line = string.Format(null, html, "", new string('x', 998 - html.Length + 6));
        var output = Check(Message("text/html", "8bit", line + "\r\n"), _hosts[0], PixelPosition.Top);
        Assert.Contains("border:0\">\r\n ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\r\ndata-no-track=\"1\".b=\"2\"")]
    [InlineData("\r\ndata-no-track=\"1\"From =\"2\"")]
    [InlineData("\r\ndata-no-track=\"1\"--b\r\n")]
    [InlineData("\r\n  data-no-track=\"1\".b")]
    public void Marker_at_the_start_of_a_line_takes_nothing_with_it_that_parts_or_protects(string marker)
    {
        var html = $"<a href=\"https://shop.example.com/\"{marker} id=x>y</a>\r\n";
        foreach (var encoding in new[] { "7bit", "quoted-printable" })
        {
            var body = encoding == "7bit" ? html : html.Replace("=", "=3D", StringComparison.Ordinal);
            var output = Check(Message("text/html", encoding, body), _hosts[0], PixelPosition.Bottom);
            Assert.DoesNotContain("data-no-track", output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Marker_between_attributes_does_not_join_them()
    {
        var output = Check(
            Message("text/html", "7bit", "<a href=https://shop.example.com/ data-no-track=\"1\"class=y>z</a>\r\n"),
            _hosts[0],
            PixelPosition.Bottom);
        Assert.Contains("<a href=https://shop.example.com/ class=y>", output, StringComparison.Ordinal);
    }

    private static string Check(string message, string host, PixelPosition position, string origin = "")
    {
        var request = TestKeys.Request with
        {
            Origin = new TrackingOrigin(true, TestKeys.Host(host)),
            TrackingHosts = HostSet.Of(host),
            PixelPosition = position,
        };
        var bytes = Encoding.Latin1.GetBytes(message);
        using var plan = RewriteMessage.Plan(bytes, request);
        Assert.Null(plan.Failure);
        var trace = new List<WrittenSplice>();
        var written = TestKeys.Write(plan, trace);
        var output = Encoding.Latin1.GetString(written);
        Assert.Equal(bytes, RewritingGeneratedMessagesTests.Restore(written, bytes, trace));

        // A line of the original may begin so and have a change further behind.
        var before = AtRisk(message).ToLookup(line => line[0]);
        var after = AtRisk(output).ToLookup(line => line[0]);
        foreach (var starts in after)
        {
            Assert.True(starts.Count() <= before[starts.Key].Count(), $"{origin}{starts.First()}\n{message}\n{output}");
        }

        var isQuotedPrintable = message.Contains(": quoted-printable", StringComparison.Ordinal);
        var limit = isQuotedPrintable ? 76 : 998;
        Assert.All(
            Lines(output), line => Assert.True(
                line.Length <= Math.Max(limit, Lines(message).Max(l => l.Length)), line));
        if (plan.Splices.Span.ToArray().All(splice => splice.Kind != SpliceKind.Removal))
        {
            Assert.Equal(
                Comparable(Content(message, isQuotedPrintable), host), Comparable(
                    Content(output, isQuotedPrintable), host));
            Assert.Equal(output, Encoding.Latin1.GetString(TestKeys.Rewrite(written, request)));
        }

        return output;
    }

    private static string Content(string message, bool isQuotedPrintable)
    {
        var body = message[Regex.Match(message, "\r?\n\r?\n").Index..];
        return isQuotedPrintable
            ? Escape().Replace(
                body, e => e.Groups[1].Success ? ((char)Convert.ToByte(e.Groups[1].Value, 16)).ToString() : "")
            : body;
    }

    private static string Comparable(string content, string host)
    {
        content = Regex.Replace(content, $"<img src=\"https://{Regex.Escape(host)}/o/[^>]*>", "");
        content = Regex.Replace(content, $"https://{Regex.Escape(host)}/c/[A-Za-z0-9_-]{{40}}", "@");
        return Blank().Replace(Original().Replace(content, "@"), "");
    }

    private static IEnumerable<string> AtRisk(string message) =>
        Lines(message).Where(line =>
            line.StartsWith('.') || line.StartsWith("--", StringComparison.Ordinal)
            || line.StartsWith("From ", StringComparison.Ordinal));

    private static string[] Lines(string message) => message.Split('\n').Select(line => line.TrimEnd('\r')).ToArray();

    private static string Message(string type, string encoding, string body) =>
        "From: a@example.com\r\nTo: b@example.net\r\nSubject: lines\r\nMIME-Version: 1.0\r\n"
        + $"Content-Type: {type}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}";

    private static string Html(Random random)
    {
        var html = new StringBuilder(random.Next(2) == 0 ? "<body>" : "");
        for (var n = random.Next(1, 12); n > 0; n--)
        {
            html.Append(random.Next(8) switch
            {
                0 or 1 or 2 => $"<a href=\"https://shop.example.com/{n}\">{_behind[random.Next(_behind.Length)]}</a>",
                3 => $"<a href=https://shop.example.com/{n}>",
                4 => $"<a\r\nclass=x href='https://shop.example.com/{n}'>y</a>",
                5 => new string('w', random.Next(1, 120)),
                6 => string.Concat(Enumerable.Repeat("words ", random.Next(1, 160))),
                _ => _behind[random.Next(_behind.Length)],
            });
        }

        return html.Append("\r\n").ToString();
    }

    private static string Text(Random random)
    {
        var text = new StringBuilder();
        for (var n = random.Next(1, 12); n > 0; n--)
        {
            text.Append(random.Next(5) switch
            {
                0 or 1 => $"https://shop.example.com/{n}{_behindText[random.Next(_behindText.Length)]} ",
                2 => $"<https://shop.example.com/{n}>{_behind[random.Next(_behind.Length)]}",
                3 => new string('w', random.Next(1, 90)) + " ",
                _ => "\r\n",
            });
        }

        return text.Append("\r\n").ToString();
    }

    // Breaks lines as late as encoders may and, like careful encoders, never before a dot.
    private static string Encode(string content, int limit)
    {
        var output = new StringBuilder();
        foreach (var line in content.Split("\r\n"))
        {
            var column = 0;
            for (var i = 0; i < line.Length; i++)
            {
                var token = line[i] == '=' || (line[i] == ' ' && i == line.Length - 1)
                    ? $"={(int)line[i]:X2}"
                    : line[i].ToString();
                if (column + token.Length > limit)
                {
                    output.Append("=\r\n");
                    column = 0;
                    token = token == "." ? "=2E" : token;
                }

                output.Append(token);
                column += token.Length;
            }

            output.Append("\r\n");
        }

        return output.ToString(0, output.Length - 2);
    }

    [GeneratedRegex("=(?:\r?\n|([0-9A-F]{2}))")]
    private static partial Regex Escape();

    [GeneratedRegex(@"https://shop\.example\.com/\d+")]
    private static partial Regex Original();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();
}
