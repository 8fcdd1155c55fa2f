using System.Buffers;
using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>Messages made to cost time, memory or stack. Each must end in an answer, and what was done must be
/// undoable.</summary>
public sealed class HostileMessages
{
    private const string Html = "Content-Type: text/html\r\n\r\n";

    public static TheoryData<string, string?> Messages => new()
    {
        { "nested multiparts", Untouched.TooDeep },
        { "nested multiparts with one boundary", Untouched.TooDeep },
        { "many parts", Untouched.TooManyParts },
        { "many headers", Untouched.HeaderTooLarge },
        { "one long header", Untouched.HeaderTooLarge },
        { "one long line", null },
        { "one long line of text links", null },
        { "one long line of quoted-printable", null },
        { "unterminated links", Untouched.TooManyAttributes },
        { "unterminated comments", Untouched.UnterminatedMarkup },
        { "many attributes", Untouched.TooManyAttributes },
        { "dashes in a comment", Untouched.UnterminatedMarkup },
        { "less-than signs", null },
        { "raw text that never ends", Untouched.UnterminatedMarkup },
        { "script escapes", Untouched.UnterminatedMarkup },
        { "ampersands", null },
        { "brackets behind a link", null },
        { "colons", null },
        { "many links", null },
        { "quoted-printable equals signs", null },
        { "soft breaks", null },
        { "base64 blanks", null },
        { "boundary lines", null },
        { "conditional comments", null },
        { "long urls", null },
        { "nul bytes", null },
        { "open comments in headers", null },
        { "rfc 2231 sections", null },
        { "inline pgp lines", null },
        { "nothing", Untouched.NoBody },
        { "fifty megabytes in one line", null },
        { "urls of eight kilobytes", null },
        { "invalid utf-8", null },
        { "ascii that says it is utf-16", Untouched.Charset },
        { "binary that says it is shift_jis", Untouched.InvalidCharset },
        { "shift_jis", null },
        { "checksums", null },
    };

    [Theory]
    [MemberData(nameof(Messages))]
    public void Hostile_message_gets_an_answer(string name, string? reason)
    {
        var message = Make(name);
        using var plan = RewriteMessage.Plan(message, TestKeys.Request with { TrackOpens = false });
        Assert.Null(plan.Failure);
        if (reason is not null)
        {
            Assert.Equal(reason, plan.UntouchedReason);
        }

        var trace = new List<WrittenSplice>();
        var output = TestKeys.Write(plan, trace);
        Assert.True(message.AsSpan().SequenceEqual(RewritingGeneratedMessages.Restore(output, message, trace)));
    }

    [Fact]
    public void Links_beyond_the_largest_ordinal_stay_plain()
    {
        using var plan = RewriteMessage.Plan(Make("many links"), TestKeys.Request);
        Assert.Equal(RewriteLimits.Default.MaxTrackedLinks, plan.TrackedLinks);
        Assert.Equal(50_000, plan.Links.Count);
        Assert.Equal(LinkDecision.TooManyLinks, plan.Links[^1].Decision);
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void Hostile_message_costs_memory_in_proportion_to_its_size(string name, string? reason)
    {
        // Eight times the input: in proportion that is up to 16 times the memory, since lists grow by doubling; what
        // grows with the square is at 64. Pooled arrays count only when the pool has none (it is trimmed whenever the
        // collector finds memory short), so up to eight bytes for each byte of the message may come or not.
        const long Small = 256 * 1024;
        _ = reason;
        var message = Make(name);
        var eighth = Allocated(Make(name, 8));
        var whole = Allocated(message);
        Assert.InRange(whole, 0, 200_000_000);
        Assert.InRange(whole, 0, (16 * Math.Max(eighth, Small)) + (8L * message.Length));
    }

    private static long Allocated(byte[] message)
    {
        var output = new Discard();
        var ids = new LinkId[RewriteLimits.Default.MaxTrackedLinks];
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var plan = RewriteMessage.Plan(message, TestKeys.Request);
        Assert.Null(plan.Failure);
        plan.Write(output, ids.AsSpan(0, plan.TrackedLinks), TestKeys.Cluster, TestKeys.Message, TestKeys.Key);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static byte[] Make(string name, int divisor = 1) => Encoding.Latin1.GetBytes(Text(name, divisor));

    private static string Text(string name, int divisor)
    {
        return name switch
        {
            "nested multiparts" => string.Concat(Enumerable.Range(0, 10_000 / divisor).Select(i =>
                $"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n")) + "Content-Type: text/plain\r\n\r\nx",
            "nested multiparts with one boundary" =>
                Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 10_000),
            "many parts" => "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + Repeat("--b\r\n\r\nx\r\n", 100_000),
            "many headers" => Repeat("X: y\r\n", 1_000_000) + "\r\nhttps://example.org/",
            "one long header" => "X: " + Repeat("y\r\n ", 3_000_000) + "\r\n\r\nhttps://example.org/",
            "one long line" =>
                Html + Repeat("<p>some words and <a href=\"https://example.org/\">a link</a></p>", 200_000),
            "one long line of text links" => "\r\n" + Repeat("https://example.org/ ", 200_000),
            "one long line of quoted-printable" => "Content-Type: text/html\r\n"
                + "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                + Repeat("<a href=3D\"https://example.org/\">=C3=BC</a>", 200_000),
            "fifty megabytes in one line" => "\r\n" + Repeat("lorem ipsum dolor sit amet ", 1_900_000) + "https://e.org/",
            "unterminated links" => Html + Repeat("<a href=", 131_072),
            "unterminated comments" => Html + Repeat("<!--", 1_000_000),
            "many attributes" => Html + "<a " + Repeat("b=c ", 500_000) + ">",
            "dashes in a comment" => Html + "<!--" + Repeat("-", 4_000_000),
            "less-than signs" => Html + Repeat("<", 4_000_000) + " ",
            "raw text that never ends" => Html + "<style>" + Repeat("</styl", 1_000_000),
            "script escapes" => Html + "<script>" + Repeat("<!--<script", 500_000),
            "ampersands" => Html + "<a href=\"https://example.org/?" + Repeat("&", 8_000) + "\">"
                + Repeat("&amp", 500_000) + "</a>",
            "brackets behind a link" => "\r\nhttps://example.org/" + Repeat(")", 1_000_000),
            "colons" => "\r\n" + Repeat("://", 1_000_000),
            "many links" => Html + Repeat("<a href=\"https://example.org/\">x</a>\r\n", 50_000),
            "quoted-printable equals signs" =>
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + Repeat("=", 2_000_000),
            "soft breaks" => "Content-Transfer-Encoding: quoted-printable\r\n\r\nhttps://example.org/"
                + Repeat("=\r\n", 500_000),
            "base64 blanks" => "Content-Transfer-Encoding: base64\r\n\r\n" + Repeat("aHR0\r\n \r\n", 300_000),
            "boundary lines" => "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
                + Repeat("--bb\r\n", 500_000),
            "conditional comments" => Html + Repeat("<!--[if mso]><a href=\"x\"><![endif]-->", 50_000),
            "long urls" => Html + Repeat("<a href=\"https://example.org/" + new string('a', 9_000) + "\">x</a>", 500),
            "urls of eight kilobytes" => Html
                + Repeat("<a href=\"https://example.org/" + new string('a', 8_000) + "\">x</a>\r\n", 1_000),
            "nul bytes" => Html + Repeat("<a href=\"https://example.org/\0\">\0</a>\0", 50_000),
            "invalid utf-8" => "Content-Type: text/html; charset=utf-8\r\n\r\n"
                + Repeat("<a href=\"https://example.org/\xff\xc3\xe2\x82\">\xf0\x9f</a>\xed\xa0\x80\r\n", 40_000),
            "ascii that says it is utf-16" => "Content-Type: text/html; charset=utf-16\r\n\r\n"
                + Repeat("<a href=\"https://example.org/\">x</a>\r\n", 50_000),
            "binary that says it is shift_jis" => "Content-Type: text/html; charset=shift_jis\r\n\r\n"
                + Repeat("\x95\\<a href=\"https://example.org/\">x</a>\r\n", 20_000) + "\x81\xff",
            "shift_jis" => "Content-Type: text/html; charset=shift_jis\r\n\r\n"
                + Repeat("\x95\\<a href=\"https://example.org/\">\x95\\</a>\r\n", 40_000),
            "checksums" => Repeat("Content-MD5: x\r\nLines: 1\r\n", 20_000) + Html
                + Repeat("<a href=\"https://example.org/\">x</a>\r\n", 2_000),
            "open comments in headers" => "Content-Type: text/html; charset=" + Repeat("(", 1_000_000) + "\r\n\r\nx",
            "rfc 2231 sections" => "Content-Type: text/html;"
                + string.Concat(Enumerable.Range(0, 50_000 / divisor).Select(i => $" charset*{i}=x;")) + "\r\n\r\nx",
            "inline pgp lines" => "\r\n" + Repeat("-----BEGIN PGP \r\n", 200_000),
            _ => "",
        };

        string Repeat(string text, int count) => new StringBuilder(text.Length * count / divisor)
            .Insert(0, text, count / divisor)
            .ToString();
    }

    private sealed class Discard : IBufferWriter<byte>
    {
        private readonly byte[] _bytes = new byte[65536];

        public void Advance(int count)
        {
        }

        public Memory<byte> GetMemory(int sizeHint = 0) => _bytes;

        public Span<byte> GetSpan(int sizeHint = 0) => _bytes;
    }
}
