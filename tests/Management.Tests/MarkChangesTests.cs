using Tracking.Management.Preview;

namespace Tracking.Management.Tests;

public sealed class MarkChangesTests
{
    [Fact]
    public void What_goes_and_what_comes_is_marked_in_its_place()
    {
        var pieces = MarkChanges.Of(
            "<p>Hello, <a href=\"https://shop.example.org/one\">one of them</a></p></body>",
            "<p>Hello, <a href=\"https://track.example.org/c/abc\">one of them</a></p><img src=\"x\"></body>");
        Assert.Equal(
            "https://shop.example.org/one", Assert.Single(pieces, piece => piece.Change == Change.Gone).Text);
        Assert.Equal(
            ["https://track.example.org/c/abc", "<img src=\"x\">"],
            pieces.Where(piece => piece.Change == Change.New).Select(piece => piece.Text));
    }

    [Fact]
    public void A_url_that_is_shown_as_text_behind_its_link_stays()
    {
        var pieces = MarkChanges.Of(
            "<a href=\"https://shop.example.org/lamp\">https://shop.example.org/lamp</a>",
            "<a href=\"http://track.localhost/c/l6GS41sfR3vKIBSbEvElHpYBGugAAh2vLFrAosuA\">https://shop.example.org/lamp</a>");
        Assert.Equal(
            [
                "https://shop.example.org/lamp",
                "http://track.localhost/c/l6GS41sfR3vKIBSbEvElHpYBGugAAh2vLFrAosuA",
            ],
            pieces.Where(piece => piece.Change is Change.Gone or Change.New).Select(piece => piece.Text));
    }

    [Fact]
    public void What_stays_far_from_a_change_is_left_out_and_counted()
    {
        var text = new string('x', 5000);
        var pieces = MarkChanges.Of($"{text} old {text}", $"{text} new one {text}");
        Assert.Equal(2, pieces.Count(piece => piece.Change == Change.Left));
        Assert.Equal(10_005, pieces.Where(piece => piece.Change != Change.New).Sum(piece => piece.Length));
        Assert.True(pieces.Sum(piece => piece.Text.Length) < 1000);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("", "all of it")]
    [InlineData("all of it", "")]
    [InlineData("the same", "the same")]
    [InlineData("a character \uD83D\uDE00 of two", "a character \uD83D\uDE01 of two")]
    public void Both_texts_are_whole(string before, string after)
    {
        var pieces = MarkChanges.Of(before, after);
        Assert.Equal(
            before, string.Concat(pieces.Where(piece => piece.Change != Change.New).Select(piece => piece.Text)));
        Assert.Equal(
            after, string.Concat(pieces.Where(piece => piece.Change != Change.Gone).Select(piece => piece.Text)));
    }
}
