using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using RabbitMQ.Client;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Queue;

namespace Tracking.Rewrite.Tests.Queue;

/// <summary>Bodies made to cost memory or stack, or to have two readings. Each has its outcome, and none costs more
/// than the limits allow.</summary>
public sealed class HostileBodiesTests
{
    private const int MaxMessage = 1 << 20;
    private const int MaxBody = 2 << 20;
    private const string Json = "application/json";

    private static readonly RewriteOptions _options = new()
    {
        MaxMessageBytes = MaxMessage,
        Queue = new RewriteQueueSettings { MaxBodyBytes = MaxBody },
    };

    // The made body: its content type, whether it is declared as gzip, its bytes, and why it is not opened.
    private static readonly Dictionary<
        string, (string? Type, bool IsGzip, Func<byte[]> Make, Untouched? Untouched)> _all =
        new()
        {
            // Gzip.
            ["a bomb"] = (null, true, () => Gzip(Filled(50 * MaxMessage)), Untouched.TooLarge),
            ["a bomb that says it is small"] =
                (null, true, () => Saying(1000, Gzip(Filled(50 * MaxMessage))), Untouched.MalformedGzip),
            ["one byte more than a message may have"] =
                (null, true, () => Gzip(Filled(MaxMessage + 1)), Untouched.TooLarge),
            ["as much as a message may have"] = (null, true, () => Gzip(Filled(MaxMessage)), null),
            ["a few bytes that say they are many"] =
                (Json, true, () => Saying(MaxBody, Gzip(Filled(9))), Untouched.MalformedGzip),
            ["many bytes that say they are more"] =
                (Json, true, () => Saying(MaxBody, Gzip(Filled(MaxMessage))), Untouched.MalformedGzip),
            ["a few bytes that say they are more than is taken"] =
                (null, true, () => Saying(uint.MaxValue, Gzip(Filled(9))), Untouched.MalformedGzip),
            ["gzip in gzip"] = (null, true, () => Gzip(Gzip(Filled(9))), null),
            ["a bomb in gzip"] = (null, true, () => Gzip(Gzip(Filled(100 * MaxMessage))), null),
            ["gzip of nothing"] = (null, true, () => Gzip([]), Untouched.MalformedGzip),
            ["nothing"] = (null, true, () => [], Untouched.MalformedGzip),
            ["a gzip header"] = (null, true, () => Gzip(Filled(9))[..10], Untouched.MalformedGzip),
            ["two members"] = (null, true, () => [.. Gzip(Filled(9)), .. Gzip(Filled(8))], Untouched.MalformedGzip),
            ["bytes behind the gzip"] = (null, true, () => [.. Gzip(Filled(9)), 1, 2, 3, 4], Untouched.MalformedGzip),
            ["a wrong checksum"] = (null, true, () => Changed(Gzip(Filled(9)), -8), Untouched.MalformedGzip),
            ["a bomb of JSON"] = (Json, true, () => Gzip(Mime(new string('x', 40 * MaxMessage))), Untouched.TooLarge),

            // Sizes.
            ["a message too large in JSON"] = (
                Json, false, () => Mime(new string('x', MaxMessage + 1)), Untouched.TooLarge),
            ["a message as large as may be in JSON"] = (Json, false, () => Mime(new string('x', MaxMessage)), null),
            ["a large message in JSON that nobody announced"] =
                (null, true, () => Gzip(Mime(new string('x', MaxMessage - 20) + "\\n")), null),
            ["a message too large in JSON that nobody announced"] =
                (null, false, () => Mime(new string('x', MaxMessage)), Untouched.TooLarge),
            ["a message of escapes as large as its body may be"] =
                (Json, true, () => Gzip(Mime(Repeated("\\u000a", (MaxBody / 6) - 4))), null),
            ["a message of escapes in a body too large"] =
                (Json, true, () => Gzip(Mime(Repeated("\\u000a", (MaxBody / 6) + 1))), Untouched.TooLarge),
            ["a small message among large members"] = (Json, true,
                () => Gzip(Bytes($$"""{"x":"{{new string('x', MaxBody)}}","mime":"a"}""")), Untouched.TooLarge),
            ["a long name"] = (
                Json, false, () => Bytes($$"""{"{{new string('x', MaxMessage)}}":1,"mime":"a"}"""), null),
            ["a long envelope"] = (Json, false,
                () => Bytes($$"""{"envelope":"{{new string('x', MaxMessage)}}","mime":"a"}"""), null),
            ["a long number"] = (
                Json, false, () => Bytes($$"""{"x":{{new string('9', MaxMessage)}},"mime":"a"}"""), null),
            ["many members"] = (Json, false, () => Bytes(
                $$"""{{{Repeated("\"x\":1,", MaxMessage / 6)}}"mime":"a"}"""), null),
            ["many mimes"] = (Json, false, () => Bytes(
                $$"""{{{Repeated($"\"mime\":\"{new string('x', 1000)}\",", 1000)}}"mime":"a"}"""), Untouched.SeveralMimes),

            // Depth.
            ["a million open lists"] = (
                Json, false, () => Bytes("{\"x\":" + new string('[', 1_000_000)), Untouched.MalformedJson),
            ["a million open objects"] =
                (Json, false, () => Bytes(Repeated("{\"x\":", 300_000)), Untouched.MalformedJson),
            ["a hundred thousand lists"] = (Json, false,
                () => Bytes($$"""{"x":{{new string('[', 100_000)}}{{new string(']', 100_000)}},"mime":"a"}"""), Untouched.MalformedJson),
            ["nine thousand lists"] = (Json, false,
                () => Bytes($$"""{"x":{{new string('[', 9_000)}}{{new string(']', 9_000)}},"mime":"a"}"""), null),

            // Bodies with two readings.
            ["mime twice"] = (Json, false, () => Bytes("""{"mime":"a","mime":"b"}"""), Untouched.SeveralMimes),
            ["mime twice, once escaped"] = (
                Json, false, () => Bytes("""{"mime":"a","m\u0069me":"b"}"""), Untouched.SeveralMimes),
            ["mime twice, the first too large"] = (Json, false,
                () => Bytes($$"""{"mime":"{{new string('x', MaxMessage + 1)}}","mime":"b"}"""), Untouched.SeveralMimes),
            ["the first half of a pair"] = (Json, false, () => Mime(@"\ud800"), Untouched.MalformedJson),
            ["the second half of a pair"] = (Json, false, () => Mime(@"\udc00x"), Untouched.MalformedJson),
            ["two halves in the wrong order"] = (Json, false, () => Mime(@"\udc00\ud800"), Untouched.MalformedJson),
            ["half a pair and another escape"] = (Json, false, () => Mime(@"\ud800\n"), Untouched.MalformedJson),
            ["half a pair in another member"] = (Json, false, () => Bytes("""{"x":"\ud800","mime":"a"}"""), null),
            ["half a pair in the envelope"] =
                (Json, false, () => Bytes("""{"envelope":"\ud800","mime":"a"}"""), Untouched.MalformedJson),
            ["pairs"] = (Json, false, () => Mime(Repeated(@"\ud83d\ude00", 1000)), null),
            ["every short escape"] = (
                Json, false, () => Mime(Repeated(@"\""\\\/\b\f\n\r\t\u0000\u00e9\u20AC", 1000)), null),
            ["an escape that is cut off"] = (Json, false, () => Mime(@"\u00"), Untouched.MalformedJson),
            ["an unknown escape"] = (Json, false, () => Mime(@"\x41"), Untouched.MalformedJson),
            ["bytes that are not UTF-8"] = (Json, false, () => Changed(Mime("aé"), -3), Untouched.MalformedJson),
            ["bytes that are not UTF-8 beside an escape"] =
                (Json, false, () => Changed(Mime("\\nné"), -3), Untouched.MalformedJson),
            ["UTF-16"] = (Json, false, () => Encoding.Unicode.GetBytes("""{"mime":"a"}"""), Untouched.MalformedJson),
            ["a byte order mark"] = (Json, false, () => [0xef, 0xbb, 0xbf], Untouched.MalformedJson),
            ["spaces"] = (Json, false, () => Bytes(new string(' ', MaxMessage)), Untouched.MalformedJson),
        };

    private static readonly byte[] _marker = "another message\r\n"u8.ToArray();

    public static TheoryData<string> Names => [.. _all.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Hostile_body_has_its_outcome_within_bounded_memory(string name)
    {
        var (type, isGzip, make, expected) = _all[name];
        var delivery = new QueuedMessage(
            new BasicProperties { ContentType = type, ContentEncoding = isGzip ? "gzip" : null }, make());

        // The body, the mail in it, and buffers.
        var before = GC.GetAllocatedBytesForCurrentThread();
        var opened = OpenBody.Of(delivery, _options, out var untouched);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaxBody + MaxMessage + (256 * 1024));
        Assert.Equal(expected, untouched);
        Assert.Equal(expected is null, opened is not null);
        Assert.InRange(OpenBody.SizeOf(delivery, _options), 0, Math.Max(delivery.Body.Length, MaxBody));
        if (opened is null)
        {
            return;
        }

        Assert.InRange(opened.Mail.Length, 0, MaxMessage);
        before = GC.GetAllocatedBytesForCurrentThread();
        var output = opened.With(_marker);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, (4 * MaxBody) + (256 * 1024));
        Assert.NotNull(output);
        var again = OpenBody.Of(new QueuedMessage(delivery.Properties, output.Value), _options, out _);
        Assert.Equal(_marker, again!.Mail.ToArray());
    }

    [Fact]
    public void A_gzip_that_is_cut_off_anywhere_is_malformed()
    {
        var properties = new BasicProperties { ContentEncoding = "gzip" };
        var whole = Gzip(Encoding.ASCII.GetBytes(string.Join(' ', Enumerable.Range(0, 200))));
        for (var length = 0; length < whole.Length; length++)
        {
            Assert.Null(
                OpenBody.Of(new QueuedMessage(properties, whole.AsMemory(0, length)), _options, out var untouched));
            Assert.Equal(Untouched.MalformedGzip, untouched);
        }
    }

    private static byte[] Mime(string text) => Bytes($$"""{"mime":"{{text}}"}""");

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Repeated(string text, int times) => new StringBuilder().Insert(0, text, times).ToString();

    private static byte[] Filled(int length)
    {
        var bytes = new byte[length];
        bytes.AsSpan().Fill((byte)'x');
        return bytes;
    }

    private static byte[] Changed(byte[] bytes, int fromEnd)
    {
        bytes[^-fromEnd] ^= 0x40;
        return bytes;
    }

    private static byte[] Saying(uint length, byte[] gzip)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(gzip.AsSpan(gzip.Length - 4), length);
        return gzip;
    }

    private static byte[] Gzip(byte[] plain)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest))
        {
            gzip.Write(plain);
        }

        return output.ToArray();
    }
}
