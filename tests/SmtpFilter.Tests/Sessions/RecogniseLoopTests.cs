using System.Text;
using Tracking.SmtpFilter.Sessions;

namespace Tracking.SmtpFilter.Tests.Sessions;

public sealed class RecogniseLoopTests
{
    private const string Name = "tracking-filter.mx1";

    [Theory]
    [InlineData("Received: from tracking-filter.mx1 (localhost [127.0.0.1])\r\n\tby mx1 (Postfix)\r\n", 1)]
    [InlineData("Received: from [127.0.0.1] (helo=Tracking-Filter.MX1)\r\n\tby mx1 with esmtp (Exim)\r\n", 1)]
    [InlineData("received: from localhost\r\n (HELO tracking-filter.mx1) by mx1 for tracking-filter.mx1\r\n", 1)]
    [InlineData("Received: from tracking-filter.mx12 by mx1\r\n", 0)]
    [InlineData("Received: from a.tracking-filter.mx1 by mx1\r\n", 0)]
    [InlineData("Subject: from tracking-filter.mx1\r\n\tby mx1\r\n", 0)]
    [InlineData("A: b\r\n\r\nReceived: from tracking-filter.mx1\r\n", 0)]
    [InlineData("Received: from tracking-filter.mx1\r\nReceived: from tracking-filter.mx1\r\n", 2)]
    public void Passes_are_counted_by_the_fields_of_the_next_hop(string message, int passes) =>
        Assert.Equal(passes, RecogniseLoop.Passes(Encoding.ASCII.GetBytes(message), Name));
}
