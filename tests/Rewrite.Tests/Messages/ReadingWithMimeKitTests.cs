using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using MimeKit;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>A mail program built on MimeKit finds the same message before and after rewriting: the same parts, the same
/// headers except those that the rewriter removes or corrects, and the same text except links and pixels.</summary>
public sealed partial class ReadingWithMimeKitTests(ITestOutputHelper log)
{
    private const int Cases = 3_000;

    static ReadingWithMimeKitTests() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    // MimeKit reads these texts differently from mail programs: it ignores a transfer encoding in an unusual form,
    // reads letters in US-ASCII as question marks, and does not read UTF-7.
    private static readonly string[] _readOtherwise =
        ["transfer-encoding-in-odd-form", "us-ascii-with-letters", "utf-7-7bit"];

    public static TheoryData<string> Names =>
        [.. GoldenCasesTests.Names.Select(name => name.Data).Except(_readOtherwise)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Golden_message_reads_the_same(string name)
    {
        var folder = Path.Combine(GoldenCasesTests.Folder(), name);
        var message = File.ReadAllBytes(Path.Combine(folder, "in.eml"));
        using var plan = RewriteMessage.Plan(
            message, GoldenCasesTests.Request(folder, message), GoldenCasesTests.Limits(folder));
        Check(message, plan);
    }

    [Fact]
    public void Generated_messages_read_the_same()
    {
        log.WriteLine($"seed {Seed.Value}");
        for (var i = 0; i < Cases * Seed.Factor; i++)
        {
            var message = new GeneratedMessages(new Random(Seed.Value + i)).Next();
            using var plan = RewriteMessage.Plan(message, TestKeys.Request);
            try
            {
                Check(message, plan);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {Seed.Value + i}: {e.Message}", e);
            }
        }
    }

    private static void Check(byte[] message, RewritePlan plan)
    {
        Assert.Null(plan.Failure);
        using var before = Read(message);
        using var after = Read(TestKeys.Write(plan));
        var entities = Entities(before.Body).Zip(Entities(after.Body)).ToList();
        Assert.Equal(Entities(before.Body).Select(Shape), Entities(after.Body).Select(Shape));
        Assert.Equal(Headers(before.Headers), Headers(after.Headers));

        // Marks that exclude a link from tracking.
        var removes = plan.Splices.Span.ToArray().Concat(plan.Base64Parts.SelectMany(part => part.Splices))
            .Any(splice => splice.Kind == SpliceKind.Removal);
        var links = new Queue<string>(plan.Links
            .Where(link => link.IsTracked)
            .Select(link => Encoding.UTF8.GetString(link.Url.Span)));
        foreach (var (was, @is) in entities)
        {
            Assert.Equal(Headers(was.Headers), Headers(@is.Headers));
            var original = Content(was);
            var expected = Bare(original, was);
            var found = Bare(WithLinks(Content(@is), original, links), @is);
            if (!removes || !IsLeftOver(found, expected))
            {
                Assert.Equal(expected, found);
            }
        }

        Assert.Empty(links);
    }

    private static MimeMessage Read(byte[] message) => MimeMessage.Load(new MemoryStream(message));

    private static IEnumerable<MimeEntity> Entities(MimeEntity? entity) => entity is null
        ? []
        : entity is Multipart multipart ? multipart.SelectMany(Entities).Prepend(entity) : [entity];

    private static string Shape(MimeEntity entity) => $"{entity.GetType().Name} {entity.ContentType}";

    private static IEnumerable<string> Headers(HeaderList headers) => headers
        .Where(header => !ControlHeaders.IsControl(Encoding.ASCII.GetBytes(header.Field))
            && !ControlHeaders.IsOfOtherSystem(Encoding.ASCII.GetBytes(header.Field))
            && header.Field.ToUpperInvariant() is not ("CONTENT-LENGTH" or "LINES" or "CONTENT-MD5"))
        .Select(header => $"{header.Field}:{Encoding.Latin1.GetString(header.RawValue)}");

    private static string Content(MimeEntity entity)
    {
        switch (entity)
        {
            case Multipart multipart:
                return multipart.Preamble + multipart.Epilogue;
            case TextPart text:
                return text.Text;
            default:
                using (var bytes = new MemoryStream())
                {
                    if (entity is MimePart { Content: { } content })
                    {
                        content.DecodeTo(bytes);
                    }
                    else
                    {
                        entity.WriteTo(bytes, contentOnly: true);
                    }

                    return Encoding.Latin1.GetString(bytes.ToArray());
                }
        }
    }

    /// <summary>The original text, as far as the plan shows the original links.</summary>
    private static string WithLinks(string text, string original, Queue<string> links) => Tracked().Replace(
        Pixel().Replace(text, pixel => original.Contains(pixel.Value, StringComparison.Ordinal) ? pixel.Value : ""),
        url => original.Contains(url.Value, StringComparison.Ordinal) ? url.Value : links.Dequeue());

    // White space may have become a line break, or may have been added before a pixel. The spelling of a reference or a
    // NUL in a link is lost with the link. So is the quotation mark where a link continued in the next line.
    private static string Bare(string text, MimeEntity entity)
    {
        text = Blank().Replace(WebUtility.HtmlDecode(Reference().Replace(text, "$0;")), "").Replace('\0', '\uFFFD');
        return entity is TextPart { IsFlowed: true } ? text.Replace(">", "", StringComparison.Ordinal) : text;
    }

    private static bool IsLeftOver(string found, string original)
    {
        var at = 0;
        foreach (var character in original)
        {
            at += at < found.Length && found[at] == character ? 1 : 0;
        }

        return at == found.Length;
    }

    // WebUtility needs the semicolon that browsers do not need.
    [GeneratedRegex("&(?:amp|lt|gt|quot)(?![;=A-Za-z0-9])")]
    private static partial Regex Reference();

    // Any text may follow a token. Before the token may be the words of a link in the path style.
    [GeneratedRegex(
        @"https?://track\.[a-z.]+/(?:[a-z]/[A-Za-z0-9_-]{40}|[^\s""'<>]*?[A-Za-z0-9_-]{40}(?![A-Za-z0-9_-]))")]
    private static partial Regex Tracked();

    [GeneratedRegex(@"<img src=""https?://track\.[a-z.]+/[^\s""'<>]*"" width=""1""[^>]*>")]
    private static partial Regex Pixel();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();
}
