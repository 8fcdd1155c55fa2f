using System.Text;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>The message's own header is read once, and all its results come from the same fields.</summary>
public sealed class ReadingTheHeaderTests
{
    [Theory]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(50_000)]
    [InlineData(60_000)]
    public void A_control_header_is_obeyed_if_and_only_if_it_is_removed(int maxHeaderFields)
    {
        foreach (var before in new[] { 0, 9, 10, 11, 49_999, 50_000, 59_999 })
        {
            var header = MessageHeader.Read(
                Encoding.ASCII.GetBytes(
                    string.Concat(Enumerable.Repeat("Received: x\r\n", before))
                    + "X-Tracking-Opens: no\r\nX-Tracking-Cluster: abcde\r\nFrom: a@shop.example\r\n\r\nbody\r\n"),
                new RewriteLimits { MaxHeaderFields = maxHeaderFields });
            using var plan = RewriteMessage.Plan(header, TestKeys.Request);
            var output = Encoding.ASCII.GetString(TestKeys.Write(plan));
            Assert.Equal(before < maxHeaderFields, ReadControlHeaders.From(header).Opens == false);
            Assert.Equal(before < maxHeaderFields, !output.Contains("X-Tracking-Opens", StringComparison.Ordinal));
            Assert.Equal(before + 1 < maxHeaderFields, header.Cluster == "abcde");
            Assert.Equal(
                before + 1 < maxHeaderFields, !output.Contains("X-Tracking-Cluster", StringComparison.Ordinal));
            Assert.Equal(before + 2 < maxHeaderFields, header.FromDomain == "shop.example");
        }
    }

    [Fact]
    public void The_header_alone_loses_the_fields_that_are_obeyed_in_a_message_too_large_to_be_read()
    {
        var header = MessageHeader.Read(
            "X-Tracking-Opens: no\r\nX-Tracking-Clicks: no\r\nFrom: a@shop.example\r\n\r\nbody\r\n"u8.ToArray(),
            new RewriteLimits { MaxHeaderFields = 1 });
        using var plan = RewriteMessage.PlanHeader(header);
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        plan.Write(output);
        Assert.Equal(
            "X-Tracking-Clicks: no\r\nFrom: a@shop.example\r\n\r\nbody\r\n",
            Encoding.ASCII.GetString(output.WrittenSpan));
    }
}
