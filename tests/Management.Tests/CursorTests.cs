using Tracking.Links;
using Tracking.Management.Requests;

namespace Tracking.Management.Tests;

public sealed class CursorTests
{
    [Fact]
    public void A_cursor_comes_back_as_it_was_made()
    {
        var id = Guid.CreateVersion7();
        Assert.True(Cursor.TryReadEvent(Cursor.OfEvent(id), out var readId));
        Assert.Equal(id, readId);

        var key = new MessageKey(ulong.MaxValue, 7);
        var ofMessage = Cursor.OfMessage(1_700_000_000_123_456, key);
        Assert.True(Cursor.TryReadMessage(ofMessage, out var micros, out var readKey));
        Assert.Equal((1_700_000_000_123_456, key), (micros, readKey));

        Assert.True(Cursor.TryReadName(Cursor.OfName("Bücher & Co"), out var name));
        Assert.Equal("Bücher & Co", name);

        Assert.True(Cursor.TryReadHostname(Cursor.OfHostname("track.example.com"), out var hostname));
        Assert.Equal("track.example.com", hostname);
        Assert.True(Cursor.TryReadCheck(Cursor.OfCheck(id), out readId));
        Assert.Equal(id, readId);
        Assert.True(Cursor.TryReadAuditEntry(Cursor.OfAuditEntry(id), out readId));
        Assert.Equal(id, readId);
    }

    [Fact]
    public void A_cursor_of_one_list_is_no_cursor_of_another()
    {
        var ofEvent = Cursor.OfEvent(Guid.CreateVersion7());
        Assert.False(Cursor.TryReadMessage(ofEvent, out _, out _));
        Assert.False(Cursor.TryReadName(ofEvent, out _));
        Assert.False(Cursor.TryReadEvent(Cursor.OfName("1234567890123456"), out _));
        Assert.False(Cursor.TryReadCheck(ofEvent, out _));
        Assert.False(Cursor.TryReadAuditEntry(Cursor.OfCheck(Guid.CreateVersion7()), out _));
        Assert.False(Cursor.TryReadName(Cursor.OfHostname("track.example.com"), out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("!!!!")]
    [InlineData("AQ")]
    [InlineData("AgAA")]
    [InlineData("AwBh")]
    public void Noise_is_no_cursor(string text)
    {
        Assert.False(Cursor.TryReadEvent(text, out _));
        Assert.False(Cursor.TryReadMessage(text, out _, out _));
        Assert.False(Cursor.TryReadName(text, out _));
    }

    [Fact]
    public void A_time_that_no_database_holds_is_no_cursor()
    {
        Assert.False(Cursor.TryReadMessage(Cursor.OfMessage(long.MaxValue, default), out _, out _));
        Assert.False(Cursor.TryReadMessage(Cursor.OfMessage(-1, default), out _, out _));
    }
}
