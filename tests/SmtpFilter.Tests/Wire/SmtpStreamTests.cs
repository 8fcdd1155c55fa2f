using System.Text;
using Tracking.SmtpFilter.Wire;

namespace Tracking.SmtpFilter.Tests.Wire;

public sealed class SmtpStreamTests
{
    private static readonly TimeSpan _long = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Lines_are_told_apart_and_none_without_CR_LF_is_taken()
    {
        var text = $"NOOP\r\nNOOP\nNO\rOP\r\nNO\0OP\r\n{new string('x', 300_000)}\r\nQUIT\r\n";
        await using var stream = new SmtpStream(new MemoryStream(Encoding.Latin1.GetBytes(text)));
        Assert.Equal("Line NOOP", await ReadAsync(stream));
        Assert.Equal("Malformed ", await ReadAsync(stream));
        Assert.Equal("Malformed ", await ReadAsync(stream));
        Assert.Equal("Malformed ", await ReadAsync(stream));
        Assert.Equal("TooLong ", await ReadAsync(stream));
        Assert.Equal("Line QUIT", await ReadAsync(stream));
        Assert.Equal("End ", await ReadAsync(stream));
    }

    [Theory]
    [InlineData("250 OK\r\n", 250)]
    [InlineData("250-a\r\n250-b\r\n250 c\r\n", 250)]
    [InlineData("550-5.7.1 first\r\n550 5.7.1 second\r\n", 550)]
    [InlineData("354\r\n", 354)]
    public async Task An_answer_is_kept_as_it_came(string text, int code)
    {
        await using var stream = new SmtpStream(new MemoryStream(Encoding.Latin1.GetBytes(text + "220 next\r\n")));
        var reply = await stream.ReadReplyAsync(_long, TestContext.Current.CancellationToken);
        Assert.Equal(text, Encoding.Latin1.GetString(reply.Bytes.Span));
        Assert.Equal(code, reply.Code);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n")]
    [InlineData("25\r\n")]
    [InlineData("")]
    [InlineData("250-never ends\r\n")]
    [InlineData("150 no\r\n")]
    public async Task What_is_no_answer_is_refused(string text)
    {
        await using var stream = new SmtpStream(new MemoryStream(Encoding.Latin1.GetBytes(text)));
        await Assert.ThrowsAsync<IOException>(
            async () => await stream.ReadReplyAsync(_long, TestContext.Current.CancellationToken));
    }

    private static async Task<string> ReadAsync(SmtpStream stream)
    {
        var (outcome, line) = await stream.ReadLineAsync(512, _long, TestContext.Current.CancellationToken);
        return $"{outcome} {Encoding.Latin1.GetString(line.Span)}";
    }
}
