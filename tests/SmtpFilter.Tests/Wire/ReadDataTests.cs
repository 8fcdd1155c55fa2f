using System.Text;
using Tracking.SmtpFilter.Wire;

namespace Tracking.SmtpFilter.Tests.Wire;

public sealed class ReadDataTests
{
    public static TheoryData<string, string> Messages => new()
    {
        { "a: b\r\n\r\ntext\r\n.\r\n", "a: b\r\n\r\ntext\r\n" },
        { ".\r\n", "" },
        { "..\r\n.\r\n", ".\r\n" },
        { "...x\r\n..y\r\n.z\r\n.\r\n", "..x\r\n.y\r\nz\r\n" },
        { "a.\r\nb\r\n.\r\n", "a.\r\nb\r\n" },
        { "a\rb\r\n.\r\n", "a\rb\r\n" },
        { "\r\n\r\n.\r\n", "\r\n\r\n" },
    };

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_is_read_the_same_in_whatever_segments_it_comes(string wire, string message)
    {
        for (var size = 1; size <= wire.Length; size++)
        {
            var data = Read(wire + "QUIT\r\n", size, out var rest);
            Assert.Equal(message, Text(data));
            Assert.Equal("QUIT\r\n", rest);
            Assert.False(data.HasBadLineEnds);
        }
    }

    [Theory]
    [InlineData("a\n.\r\nMAIL FROM:<evil@example.com>\r\n.\r\n")]
    [InlineData("a\n.\nMAIL FROM:<evil@example.com>\r\n.\r\n")]
    [InlineData("a\r\n.\nMAIL FROM:<evil@example.com>\r\n.\r\n")]
    [InlineData("a\r.\r\nMAIL FROM:<evil@example.com>\r\n.\r\n")]
    [InlineData("a\r.\rMAIL FROM:<evil@example.com>\r\n.\r\n")]
    [InlineData("a\r\n.\rMAIL FROM:<evil@example.com>\r\n.\r\n", false)]
    [InlineData("a\r\n\0.\r\nMAIL FROM:<evil@example.com>\r\n.\r\n", false)]
    [InlineData("bare\nline\r\n.\r\n")]
    public void A_line_end_that_servers_disagree_about_never_ends_a_message(string wire, bool isRefused = true)
    {
        for (var size = 1; size <= wire.Length; size++)
        {
            var data = Read(wire, size, out var rest);
            Assert.Equal("", rest);
            Assert.Equal(isRefused, data.HasBadLineEnds);
        }
    }

    [Fact]
    public void Of_a_message_that_is_too_large_the_end_is_still_found()
    {
        var data = new ReadData(10);
        Assert.True(data.Take("0123456789abcdef\r\n.\r\nQUIT"u8, out var taken));
        Assert.Equal(21, taken);
        Assert.True(data.IsTooLarge);
        Assert.Equal(0, data.Message.Length);
    }

    [Fact]
    public void A_dot_line_in_a_chunk_is_content()
    {
        var data = new ReadData(100);
        data.TakeChunk("a\r\n.\r"u8);
        data.TakeChunk("\nb\r\n"u8);
        Assert.Equal("a\r\n.\r\nb\r\n", Text(data));
        Assert.False(data.HasBadLineEnds);
        data.TakeChunk("x\n"u8);
        Assert.True(data.HasBadLineEnds);
    }

    private static ReadData Read(string wire, int segment, out string rest)
    {
        var bytes = Encoding.Latin1.GetBytes(wire);
        var data = new ReadData(1_000);
        var (start, end) = (0, 0);
        while (end < bytes.Length)
        {
            end = Math.Min(bytes.Length, end + segment);
            var isEnded = data.Take(bytes.AsSpan(start..end), out var taken);
            start += taken;
            if (isEnded)
            {
                rest = Encoding.Latin1.GetString(bytes.AsSpan(start));
                return data;
            }
        }

        throw new InvalidOperationException("The message has no end.");
    }

    private static string Text(ReadData data) => Encoding.Latin1.GetString(data.Message.Span);
}
