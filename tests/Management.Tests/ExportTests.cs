using System.Text;
using Tracking.Links;
using Tracking.Management.Events;

namespace Tracking.Management.Tests;

public sealed class ExportTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("", "")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("say \"hi\"", "\"say \"\"hi\"\"\"")]
    [InlineData("two\nlines", "\"two\nlines\"")]
    [InlineData("=1+1", "'=1+1")]
    [InlineData("+49", "'+49")]
    [InlineData("-1", "'-1")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("\tx", "'\tx")]
    [InlineData("\r=x", "\"'\r=x\"")]
    [InlineData("=a,\"b\"", "\"'=a,\"\"b\"\"\"")]
    [InlineData("a=b", "a=b")]
    public void A_cell_is_quoted_and_never_a_formula(string text, string cell)
    {
        var line = new StringBuilder();
        ExportEvents.AppendCell(line, text);
        Assert.Equal(cell, line.ToString());
    }

    [Theory]
    [InlineData("https://example.com/a@b", "https://example.com/a@b")]
    [InlineData("https://user:secret@example.com/", "https://***@example.com/")]
    [InlineData("https://user@b@example.com", "https://***@example.com")]
    [InlineData("https://example.com?x=a@b", "https://example.com?x=a@b")]
    [InlineData("https://example.com#a@b", "https://example.com#a@b")]
    [InlineData("https://u:p@example.com\\@evil.example", "https://***@example.com\\@evil.example")]
    [InlineData("https:\\\\user:secret@example.com\\x", "https:\\\\***@example.com\\x")]
    [InlineData("https:///user:secret@example.com/", "https:///***@example.com/")]
    [InlineData("ht\ttps:\t//user:secret@example.com/", "ht\ttps:\t//***@example.com/")]
    [InlineData("mailto:somebody@example.com", "mailto:somebody@example.com")]
    [InlineData("not a url", "not a url")]
    public void User_names_and_passwords_in_a_URL_are_masked(string url, string shown) =>
        Assert.Equal(shown, ShownUrl.Mask(url));

    [Fact]
    public void The_smallest_id_of_a_moment_is_below_every_id_of_it()
    {
        var time = new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
        var floor = EventSelection.IdFloor(time);
        for (var i = 0; i < 100; i++)
        {
            Assert.True(string.CompareOrdinal(floor.ToString(), Guid.CreateVersion7(time).ToString()) < 0);
            Assert.True(string.CompareOrdinal(
                Guid.CreateVersion7(time.AddMilliseconds(-1)).ToString(), floor.ToString()) < 0);
        }
    }
}
