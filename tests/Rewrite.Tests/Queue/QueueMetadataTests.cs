using System.Text;
using RabbitMQ.Client;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;
using Tracking.Rewrite.Queue;

namespace Tracking.Rewrite.Tests.Queue;

public sealed class QueueMetadataTests
{
    public static TheoryData<string, object?, string?> HeaderValues => new()
    {
        { "tracking-tags", "a, b"u8.ToArray(), "a|b" },
        { "Tracking-Tags", "a"u8.ToArray(), "a" },
        { "tracking-tags", new List<object?> { "a"u8.ToArray(), "b", 7L }, "a|b|7" },
        { "tracking-tags", null, "" },
        { "tracking-tags", new Dictionary<string, object?> { ["x"] = 1 }, "" },
    };

    [Theory]
    [MemberData(nameof(HeaderValues))]
    public void Headers_are_read_whatever_type_they_have(string name, object? value, string? tags) =>
        Assert.Equal(tags, string.Join('|', Read(new() { [name] = value })!.Tags));

    [Fact]
    public void Everything_is_read()
    {
        var metadata = Read(new()
        {
            ["tracking-clicks"] = "html"u8.ToArray(),
            ["tracking-opens"] = false,
            ["tracking-sent-at"] = new AmqpTimestamp(1_700_000_000),
            ["tracking-message-id"] = "own"u8.ToArray(),
        })!;
        Assert.Equal(
            (ClickTracking.Html, false, DateTimeOffset.FromUnixTimeSeconds(1_700_000_000), "own"),
            (metadata.Clicks, metadata.Opens, metadata.SentAt, metadata.MessageId));
        Assert.Equal("amqp", Read([])!.MessageId);
    }

    [Fact]
    public void A_header_that_cannot_be_used_is_named()
    {
        Assert.Null(ReadQueueHeaders.Read(
            Delivery(new() { ["tracking-level"] = new BinaryTableValue([1, 2]) }), Body([]), out var problem));
        Assert.Equal("tracking-level", problem!.Header);
    }

    [Fact]
    public void Headers_go_before_what_the_body_names()
    {
        const string Json = """{"envelope":"e@a","recipient":"r@a","mime":""}""";
        var metadata = Read(new() { ["tracking-recipient"] = "other@a"u8.ToArray() }, Json)!;
        Assert.Equal(("e@a", "other@a"), (metadata.Sender, metadata.Recipient));
        var unusable = Read([], """{"envelope":"a\u0000b","recipient":7,"mime":""}""")!;
        Assert.Equal((null, null), (unusable.Sender, unusable.Recipient));
    }

    [Theory]
    [InlineData("From: a@Shop.Example", "shop.example")]
    [InlineData("From: Shop <a@shop.example>", "shop.example")]
    [InlineData("From: \"evil@other.example\" <a@shop.example>", "shop.example")]
    [InlineData("From: \"<x@other.example>\\\" \" (y@z.example) <a@shop.example> (end)", "shop.example")]
    [InlineData("From: \"a@b\"@shop.example", "shop.example")]
    [InlineData("From:\r\n Shop\r\n\t<a@shop.example>", "shop.example")]
    [InlineData("From: a@shop.example, b@other.example", "shop.example")]
    [InlineData("From: a@bücher.example", "xn--bcher-kva.example")]
    [InlineData("From: a@[192.0.2.1]", null)]
    [InlineData("From: nobody", null)]
    [InlineData("From: a@shop.example\r\nFROM: a@other.example", null)]
    [InlineData("Sender: a@shop.example", null)]
    [InlineData("Subject: x\r\n\r\nFrom: a@shop.example", null)]
    public void The_author_s_domain_is_found(string header, string? domain) =>
        Assert.Equal(domain, MessageHeader.Read(Encoding.UTF8.GetBytes(header + "\r\n\r\n")).FromDomain);

    [Fact]
    public void The_output_has_what_the_input_had_and_nothing_of_its_delivery()
    {
        var input = new BasicProperties
        {
            MessageId = "m",
            CorrelationId = "c",
            ReplyTo = "r",
            UserId = "u",
            Priority = 4,
            Expiration = "5",
            Headers = new Dictionary<string, object?>
            {
                ["own"] = 1,
                ["CC"] = "x",
                ["bcc"] = "x",
                ["x-death"] = "x",
                ["x-first-death-queue"] = "x",
                ["x-last-death-reason"] = "x",
                ["x-delivery-count"] = 3L,
                ["tracking-untouched"] = "old",
                ["tracking-dead-reason"] = "old",
                ["tracking-cluster"] = "kept",
            },
        };
        var output = SendRewritten.Properties(
            input, new RewrittenMessage(default) { MessageId = "id", Links = 2, HasPixel = true });
        Assert.Equal(
            ["own", "tracking-cluster", "tracking-links", "tracking-message-id", "tracking-opens"],
            output.Headers!.Keys.Where(name => name is not ("traceparent" or "tracestate")).Order());
        Assert.Equal((2L, "yes"), (output.Headers["tracking-links"], output.Headers["tracking-opens"]));
        Assert.Equal(
            ("m", "c", "r", (byte)4, "5"),
            (output.MessageId, output.CorrelationId, output.ReplyTo, output.Priority, output.Expiration));
        Assert.False(output.IsUserIdPresent());
        Assert.Equal(10, input.Headers.Count);
    }

    private static MessageMetadata? Read(Dictionary<string, object?> headers, string? json = null) =>
        ReadQueueHeaders.Read(Delivery(headers), Body(headers, json), out _);

    private static OpenBody Body(Dictionary<string, object?> headers, string? json = null) =>
        OpenBody.Of(Delivery(headers, json), new RewriteOptions { MaxMessageBytes = 1024 }, out _)!;

    private static QueuedMessage Delivery(Dictionary<string, object?> headers, string? json = null) => new(
        new BasicProperties
        {
            Headers = headers,
            MessageId = "amqp",
            ContentType = json is null ? null : "application/json",
        },
        Encoding.UTF8.GetBytes(json ?? "Subject: x\r\n\r\n"));
}
