using System.Text;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;
using Tracking.Rewrite.Mime;
using Tracking.Rewrite.Tests.Messages;

namespace Tracking.Rewrite.Tests.Mime;

/// <summary>Text that files and pipes put before a message stays, and the message behind it is read normally.</summary>
public sealed class MessageStartsTests
{
    private const string Line = "From news@shop.example Sat Nov 28 10:00:00 2026\r\n";

    private const string Message =
        "X-Tracking-Opens: no\r\nFrom: Shop <news@shop.example>\r\nX-Tracking-Cluster: abcde\r\nSubject: x\r\n"
        + "List-Unsubscribe: <https://shop.example/u>\r\nMIME-Version: 1.0\r\n"
        + "Content-Type: multipart/alternative; boundary=b\r\nContent-Length: 240\r\n\r\n--b\r\n\r\n"
        + "From here on: https://shop.example/a https://shop.example/u\r\n--b\r\n"
        + "Content-Type: text/html; charset=utf-8\r\n\r\n<a href=\"https://shop.example/a\">a</a>\r\n--b--\r\n";

    public static TheoryData<string> Beginnings =>
    [
        "\uFEFF",
        Line,
        "From \r\n",
        "From x: y\r\n",
        $"\uFEFF{Line}",
        $"{Line}\uFEFF",
        $"{Line}>From other@shop.example Fri Nov 27 09:00:00 2026\r\n",
        $"\uFEFF{Line}>From a\r\n>From b: c\r\n>From \r\n",
        $"{Line}>From a\r\n\uFEFF",
    ];

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Message_behind_it_is_rewritten_like_any_other(string beginning)
    {
        foreach (var lineBreak in new[] { "\r\n", "\n" })
        {
            foreach (var request in
                new[] { TestKeys.Request, TestKeys.Request with { TrackClicks = ClickTracking.None } })
            {
                var alone = Bytes(Message, lineBreak);
                byte[] message = [.. Bytes(beginning, lineBreak), .. alone];
                Assert.Equal(message.Length - alone.Length, MessageStart.Of(message));
                byte[] expected = [.. Bytes(beginning, lineBreak), .. TestKeys.Rewrite(alone, request)];
                var output = TestKeys.Rewrite(message, request);
                Assert.Equal(Encoding.UTF8.GetString(expected), Encoding.UTF8.GetString(output));
                Assert.NotEqual(message, output);
                MutatedMessagesTests.Check(message, request);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_reader_of_the_header_begins_behind_it(string beginning)
    {
        var message = Bytes(beginning + Message, "\r\n");
        var read = MessageHeader.Read(message);
        Assert.False(ReadControlHeaders.From(read).Opens);
        Assert.Equal("shop.example", read.FromDomain);
        Assert.Equal("abcde", read.Cluster);
        using var plan = RewriteMessage.Plan(message, TestKeys.Request);
        Assert.Contains(plan.Links, link => link.Decision == LinkDecision.Unsubscribe);
        using var header = RewriteMessage.PlanHeader(read);
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        header.Write(output);
        var text = Encoding.UTF8.GetString(output.WrittenSpan);
        Assert.StartsWith(beginning + "From: Shop", text, StringComparison.Ordinal);
        Assert.DoesNotContain("X-Tracking", text, StringComparison.Ordinal);
        using var signed = RewriteMessage.Plan(
            Bytes(beginning + "DKIM-Signature: v=1; h=from; b=x\r\n" + Message, "\r\n"), TestKeys.Request);
        Assert.Equal(Untouched.DkimSigned, signed.UntouchedReason);
    }

    [Theory]
    [InlineData("From: a@shop.example\r\n\r\n")]
    [InlineData("From : a@shop.example\r\n\r\n")]
    [InlineData("From \t: a@shop.example\r\n\r\n")]
    [InlineData("FROM a@shop.example\r\nFrom: a@shop.example\r\n\r\n")]
    [InlineData(" From a@shop.example\r\nFrom: a@shop.example\r\n\r\n")]
    [InlineData(">From a@shop.example\r\nFrom: a@shop.example\r\n\r\n")]
    [InlineData("\r\nFrom a@shop.example\r\nFrom: a@shop.example\r\n\r\n")]
    [InlineData("From\ta@shop.example\r\n\r\n")]
    [InlineData("")]
    public void Anything_else_is_the_header_or_no_message(string message) =>
        Assert.Equal(0, MessageStart.Of(Encoding.UTF8.GetBytes(message)));

    [Theory]
    [InlineData("From a@shop.example")]
    [InlineData("From a@shop.example\r\n")]
    [InlineData("From a@shop.example\n>From b")]
    [InlineData("\uFEFF")]
    public void Nothing_behind_it_is_no_message_and_stays(string text)
    {
        var message = Encoding.UTF8.GetBytes(text);
        Assert.Equal(message.Length, MessageStart.Of(message));
        using var plan = RewriteMessage.Plan(message, TestKeys.Request);
        Assert.Null(plan.Failure);
        Assert.NotNull(plan.UntouchedReason);
        Assert.Equal(message, TestKeys.Write(plan));
    }

    [Fact]
    public void Field_that_is_first_once_a_control_header_is_gone_is_no_From_line()
    {
        var message = Bytes("X-AMP: keep\r\nFrom : a@shop.example\r\n\r\nhttps://shop.example/a\r\n", "\r\n");
        var once = TestKeys.Rewrite(message, TestKeys.Request);
        Assert.StartsWith("From : a@", Encoding.UTF8.GetString(once), StringComparison.Ordinal);
        Assert.Equal("shop.example", MessageHeader.Read(once).FromDomain);
        Assert.Equal(once, TestKeys.Rewrite(once, TestKeys.Request));
    }

    private static byte[] Bytes(string text, string lineBreak) =>
        Encoding.UTF8.GetBytes(text.Replace("\r\n", lineBreak, StringComparison.Ordinal));
}
