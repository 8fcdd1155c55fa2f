using System.Text;
using System.Text.RegularExpressions;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

public sealed partial class RewritingGeneratedMessagesTests(ITestOutputHelper log)
{
    private const int Cases = 3_000;

    [Fact]
    public void The_original_bytes_put_back_give_the_original_message() => ForEach(message =>
    {
        using var plan = RewriteMessage.Plan(message, TestKeys.Request);
        Assert.Null(plan.Failure);
        var trace = new List<WrittenSplice>();
        var output = TestKeys.Write(plan, trace);
        Assert.Equal(Text(message), Text(Restore(output, message, trace)));
    });

    [Fact]
    public void Tracking_off_returns_the_input() => ForEach(message =>
    {
        var off = TestKeys.Request with { TrackClicks = ClickTracking.None, TrackOpens = false };
        Assert.Equal(Text(message), Text(TestKeys.Rewrite(message, off)));
    });

    [Fact]
    public void Rewriting_twice_equals_rewriting_once() => ForEach(message =>
    {
        var once = TestKeys.Rewrite(message, TestKeys.Request);
        Assert.Equal(Text(once), Text(TestKeys.Rewrite(once, TestKeys.Request)));
    });

    [Fact]
    public void An_independent_parser_finds_the_same_parts_and_all_text_but_links() => ForEach(message =>
    {
        using var plan = RewriteMessage.Plan(message, TestKeys.Request);
        var before = IndependentParser.Parts(Text(message));
        var after = IndependentParser.Parts(Text(TestKeys.Write(plan)));
        Assert.Equal(before.Count, after.Count);
        var tracked = 0;
        for (var i = 0; i < before.Count; i++)
        {
            Assert.Equal(before[i].Header, after[i].Header);
            var isHtml = before[i].Type.StartsWith("text/html", StringComparison.Ordinal);
            var isText = isHtml || before[i].Type.StartsWith("text/plain", StringComparison.Ordinal);
            Assert.Equal(isHtml ? 1 : 0, Pixel().Count(after[i].Content));
            tracked += TrackedUrl().Count(after[i].Content);
            var expected = isText ? WithoutUrls(before[i].Content, isHtml) : before[i].Content;

            // A link may have stayed plain because of its line's length.
            var rewritten = TrackedUrl().Replace(Pixel().Replace(after[i].Content, ""), "@");
            Assert.Equal(
                Blank().Replace(expected, ""),
                Blank().Replace(isText ? WithoutUrls(rewritten, isHtml) : rewritten, ""));
        }

        Assert.Equal(plan.TrackedLinks, tracked);
    });

    [Fact]
    public void Lines_keep_within_the_limits_that_they_kept_before() => ForEach(message =>
    {
        if (Text(message).Contains("Encoding: binary", StringComparison.Ordinal))
        {
            return;
        }

        using var plan = RewriteMessage.Plan(message, TestKeys.Request);
        var longest = Longest(message);
        Assert.True(Longest(TestKeys.Write(plan)) <= Math.Max(998, longest));
    });

    [Fact]
    public void Every_destination_parses_to_the_same_url_as_the_original() => ForEach(message =>
    {
        using var plan = RewriteMessage.Plan(message, TestKeys.Request);
        foreach (var link in plan.Links.Where(link => link.IsTracked))
        {
            var destination = Encoding.ASCII.GetString(link.Destination.Span);
            Assert.True(DestinationPolicy.IsSafeLocation(destination));
            Assert.Equal(new Uri(Encoding.UTF8.GetString(link.Url.Span)).AbsoluteUri, new Uri(destination).AbsoluteUri);
        }
    });

    [Fact]
    public void Every_link_keeps_the_bytes_it_had_in_the_message() => ForEach(message =>
    {
        foreach (var request in new[] { TestKeys.Request, TestKeys.Request with { TrackClicks = ClickTracking.None } })
        {
            using var plan = RewriteMessage.Plan(message, request);
            var text = Text(message);
            var position = 0;
            foreach (var link in plan.Links)
            {
                var encoded = Text(link.Encoded.ToArray());
                var decoded = Escape().Replace(
                    encoded, escape => escape.Groups[1].Success
                        ? ((char)Convert.ToByte(escape.Groups[1].Value, 16)).ToString()
                        : "");
                Assert.StartsWith(Text(link.Url.ToArray())[..10], decoded, StringComparison.Ordinal);
                var at = text.IndexOf(encoded, position, StringComparison.Ordinal);
                position = at < 0 ? position : at + encoded.Length;
                Assert.True(at >= 0 || text.Contains("base64", StringComparison.Ordinal));
            }
        }
    });

    internal static byte[] Restore(byte[] output, byte[] message, List<WrittenSplice> trace)
    {
        using var restored = new MemoryStream();
        long position = 0;
        foreach (var splice in trace)
        {
            restored.Write(output.AsSpan((int)position, (int)(splice.OutputStart - position)));
            restored.Write(message.AsSpan(splice.Start, splice.End - splice.Start));
            position = splice.OutputEnd;
        }

        restored.Write(output.AsSpan((int)position));
        return restored.ToArray();
    }

    private void ForEach(Action<byte[]> check)
    {
        log.WriteLine($"seed {Seed.Value}");
        for (var i = 0; i < Cases * Seed.Factor; i++)
        {
            var message = new GeneratedMessages(new Random(Seed.Value + i)).Next();
            try
            {
                check(message);
            }
            catch (Exception e)
            {
                var file = Path.Combine(Path.GetTempPath(), $"generated-{Seed.Value + i}.eml");
                File.WriteAllBytes(file, message);
                throw new InvalidOperationException($"seed {Seed.Value + i}, kept as {file}: {e.Message}", e);
            }
        }
    }

    private static string WithoutUrls(string content, bool isHtml)
    {
        foreach (var url in isHtml ? GeneratedMessages.HtmlUrls : GeneratedMessages.TextUrls)
        {
            foreach (var form in new[] { url, url.Replace("&copy=3", "", StringComparison.Ordinal) })
            {
                content = content
                    .Replace(Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(form)), "@", StringComparison.Ordinal)
                    .Replace(form, "@", StringComparison.Ordinal)
                    .Replace(form.Replace("ß", "ss", StringComparison.Ordinal), "@", StringComparison.Ordinal);
            }
        }

        return content;
    }

    private static int Longest(byte[] message) =>
        Text(message).Split('\n').Max(line => line.TrimEnd('\r').Length);

    private static string Text(byte[] bytes) => Encoding.Latin1.GetString(bytes);

    [GeneratedRegex(@"=(?:\r?\n|([0-9A-F]{2}))")]
    private static partial Regex Escape();

    [GeneratedRegex(@"https://track\.example\.com/c/[A-Za-z0-9_-]{40}")]
    private static partial Regex TrackedUrl();

    [GeneratedRegex(@"<img src=""https://track\.example\.com/o/[A-Za-z0-9_-]{40}"" width=""1""[^>]*>")]
    private static partial Regex Pixel();

    // A space in a tag may have become a line break, and one may have been added before the pixel.
    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();
}
