using System.Text;
using Tracking.SmtpFilter.Wire;

namespace Tracking.SmtpFilter.Tests.Wire;

public sealed class SmtpPathTests
{
    [Theory]
    [InlineData("MAIL FROM:<>", "", "")]
    [InlineData("MAIL FROM:<a@example.com> SIZE=5 BODY=8BITMIME", "a@example.com", "SIZE=5,BODY=8BITMIME")]
    [InlineData("mail from: <a@example.com>", "a@example.com", "")]
    [InlineData("RCPT TO:<\"odd >name\"@example.com> NOTIFY=NEVER", "\"odd >name\"@example.com", "NOTIFY=NEVER")]
    [InlineData("RCPT TO:<\"a\\\">\"@example.com>", "\"a\\\">\"@example.com", "")]
    [InlineData("RCPT TO:<@x.example,@y.example:a@example.com>", "a@example.com", "")]
    [InlineData("RCPT TO:<ünïcode@example.com>", "ünïcode@example.com", "")]
    [InlineData("MAIL FROM:a@example.com", null, "")]
    [InlineData("MAIL FROM:<a@example.com", null, "")]
    [InlineData("MAIL", null, "")]
    public void A_path_is_read_with_its_parameters(string command, string? path, string parameters)
    {
        Assert.Equal(path, SmtpPath.Read(Encoding.UTF8.GetBytes(command), out var read));
        Assert.Equal(parameters, string.Join(',', read));
    }
}
