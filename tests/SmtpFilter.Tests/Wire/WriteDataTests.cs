using System.Text;
using Tracking.SmtpFilter.Wire;

namespace Tracking.SmtpFilter.Tests.Wire;

public sealed class WriteDataTests
{
    [Theory]
    [InlineData("")]
    [InlineData("a\r\n")]
    [InlineData(".\r\n")]
    [InlineData("..\r\n.a\r\n\r\n.\r\n.\r\n")]
    [InlineData("a\r\n.")]
    [InlineData("a\rb.\r\n.c\r\n")]
    public async Task What_is_written_is_read_again_as_it_was(string message)
    {
        using var wire = new MemoryStream();
        await using (var stream = new SmtpStream(wire))
        {
            WriteData.To(stream, Encoding.Latin1.GetBytes(message));
            await stream.FlushAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        }

        var data = new ReadData(1_000);
        Assert.True(data.Take(wire.ToArray(), out var taken));
        Assert.Equal(wire.ToArray().Length, taken);
        // RFC 5321 4.1.1.4: the end of a message begins with the end of its last line.
        Assert.Equal(
            message.Length == 0 || message.EndsWith("\r\n", StringComparison.Ordinal) ? message : message + "\r\n",
            Encoding.Latin1.GetString(data.Message.Span));
    }
}
