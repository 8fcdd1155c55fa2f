using Tracking.Database.Entities;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

public sealed class MessageMetadataTests
{
    [Fact]
    public void Nothing_is_required()
    {
        var metadata = Read();
        Assert.Null(metadata!.MessageId);
        Assert.Null(metadata.Clicks);
        Assert.Null(metadata.Opens);
        Assert.Null(metadata.Level);
        Assert.Null(metadata.SentAt);
        Assert.Null(metadata.Test);
        Assert.Empty(metadata.Tags);
    }

    [Fact]
    public void Every_header_is_read_in_any_case_and_trimmed()
    {
        var metadata = Read(
            ("tracking-message-id", " <1@shop.example> "),
            ("tracking-recipient", "üser@example.com"),
            ("tracking-sender", "bounce@shop.example"),
            ("tracking-host", "track.shop.example"),
            ("tracking-clicks", "HTML"),
            ("tracking-opens", "No"),
            ("tracking-level", "Anonymous"),
            ("tracking-tags", " a ,,b "),
            ("tracking-test", "True"),
            ("tracking-sent-at", "2026-03-01T09:30:00Z"))!;
        Assert.Equal("<1@shop.example>", metadata.MessageId);
        Assert.Equal("üser@example.com", metadata.Recipient);
        Assert.Equal("bounce@shop.example", metadata.Sender);
        Assert.Equal("track.shop.example", metadata.Host);
        Assert.Equal(ClickTracking.Html, metadata.Clicks);
        Assert.False(metadata.Opens);
        Assert.Equal(TrackingLevel.Anonymous, metadata.Level);
        Assert.Equal(["a", "b"], metadata.Tags);
        Assert.True(metadata.Test);
        Assert.Equal(new DateTimeOffset(2026, 3, 1, 9, 30, 0, TimeSpan.Zero), metadata.SentAt);
    }

    [Theory]
    [InlineData("2026-03-01T09:30:00Z", 0)]
    [InlineData("2026-03-01t09:30:00z", 0)]
    [InlineData("2026-03-01T10:30:00+01:00", 0)]
    [InlineData("2026-03-01T09:30:00.5Z", 5_000_000)]
    [InlineData("2026-03-01T09:30:00.1234567Z", 1_234_567)]
    [InlineData("2026-03-01T09:30:00.123456789Z", 1_234_567)]
    [InlineData("2026-03-01T00:30:00.123456789-09:00", 1_234_567)]
    public void Times_are_those_of_RFC_3339(string text, int ticks) =>
        Assert.Equal(
            new DateTimeOffset(2026, 3, 1, 9, 30, 0, TimeSpan.Zero).AddTicks(ticks),
            Read(("tracking-sent-at", text))!.SentAt);

    [Theory]
    [InlineData("tracking-clicks", "true", "yes, no, html or text")]
    [InlineData("tracking-clicks", "yes,no", "yes, no, html or text")]
    [InlineData("tracking-opens", "html", "yes or no")]
    [InlineData("tracking-level", "2", "full, pseudonymous, anonymous or off")]
    [InlineData("tracking-tags", "1,2,3,4,5,6,7,8,9,10,11", "10")]
    [InlineData("tracking-tags", "0123456789012345678901234567890123456789012345678901234567890123x", "64")]
    [InlineData("tracking-tags", "a\u001fb", "64")]
    [InlineData("tracking-test", "maybe", "true or false")]
    [InlineData("tracking-sent-at", "yesterday", "RFC 3339")]
    [InlineData("tracking-sent-at", "2026-03-01", "RFC 3339")]
    [InlineData("tracking-sent-at", "2026-03-01T09:30:00", "RFC 3339")]
    [InlineData("tracking-sent-at", "2026-02-30T09:30:00Z", "RFC 3339")]
    [InlineData("tracking-sent-at", "0001-01-01T00:00:00Z", "1970")]
    [InlineData("tracking-sent-at", "9999-12-31T23:59:59.9999999Z", "RFC 3339")]
    [InlineData("tracking-message-id", "idé", "ASCII")]
    [InlineData("tracking-message-id", "a\tb", "ASCII")]
    [InlineData("tracking-recipient", "a\0b", "control characters")]
    [InlineData("tracking-sender", "a\u0085b", "control characters")]
    public void A_value_that_cannot_be_used_is_named_with_what_would_be_right(string name, string value, string takes)
    {
        Assert.Null(MessageMetadata.Read(header => header == name ? value : null, out var problem));
        Assert.Equal(name, problem!.Header);
        Assert.Equal(value, problem.Got);
        Assert.Contains(takes, problem.Takes, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tracking-message-id")]
    [InlineData("tracking-recipient")]
    [InlineData("tracking-sender")]
    [InlineData("tracking-host")]
    public void Text_may_be_as_long_as_a_header_line_and_no_longer(string name)
    {
        var longest = new string('x', MessageMetadata.MaxTextLength);
        Assert.NotNull(Read((name, longest)));
        Assert.Null(Read((name, longest + "x")));
    }

    private static MessageMetadata? Read(params (string Name, string Value)[] headers) =>
        MessageMetadata.Read(name => headers.FirstOrDefault(header => header.Name == name).Value, out _);
}
