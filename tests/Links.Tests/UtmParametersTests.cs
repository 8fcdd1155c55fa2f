using System.Buffers;
using System.Text;

namespace Tracking.Links.Tests;

/// <summary>UTM parameters: what a sender may write, and what becomes of a destination.</summary>
public sealed class UtmParametersTests
{
    private const string Two = "utm_source=news&utm_medium=email";

    [Theory]
    [InlineData("https://shop.example/", "https://shop.example/?utm_source=news&utm_medium=email")]
    [InlineData("https://shop.example", "https://shop.example?utm_source=news&utm_medium=email")]
    [InlineData("http://shop.example/a?b=1&a=2", "http://shop.example/a?b=1&a=2&utm_source=news&utm_medium=email")]
    [InlineData("https://shop.example/?", "https://shop.example/?utm_source=news&utm_medium=email")]
    [InlineData("https://shop.example/?a=1&", "https://shop.example/?a=1&utm_source=news&utm_medium=email")]
    [InlineData("https://shop.example/?a", "https://shop.example/?a&utm_source=news&utm_medium=email")]
    [InlineData("https://shop.example/#top", "https://shop.example/?utm_source=news&utm_medium=email#top")]
    [InlineData("https://shop.example#top", "https://shop.example?utm_source=news&utm_medium=email#top")]
    [InlineData(
        "https://shop.example/?a=1#/spa?b=2#c",
        "https://shop.example/?a=1&utm_source=news&utm_medium=email#/spa?b=2#c")]
    [InlineData(
        "https://shop.example/?a=%2F&&b=+#",
        "https://shop.example/?a=%2F&&b=+&utm_source=news&utm_medium=email#")]
    [InlineData("https://u:p@shop.example:8443/", "https://u:p@shop.example:8443/?utm_source=news&utm_medium=email")]
    // What is there stays.
    [InlineData("https://shop.example/?utm_source=mine", "https://shop.example/?utm_source=mine&utm_medium=email")]
    [InlineData(
        "https://shop.example/?UTM_Source=mine&a=1",
        "https://shop.example/?UTM_Source=mine&a=1&utm_medium=email")]
    [InlineData("https://shop.example/?utm%5Fsource=mine", "https://shop.example/?utm%5Fsource=mine&utm_medium=email")]
    [InlineData("https://shop.example/?utm_source", "https://shop.example/?utm_source&utm_medium=email")]
    [InlineData("https://shop.example/?a;utm_source=mine", "https://shop.example/?a;utm_source=mine&utm_medium=email")]
    [InlineData("https://shop.example/#utm_source=mine", "https://shop.example/?utm_medium=email#utm_source=mine")]
    [InlineData("https://shop.example/?utm_medium=x&utm_source=", null)]
    [InlineData(
        "https://shop.example/?not_utm_source=1",
        "https://shop.example/?not_utm_source=1&utm_source=news&utm_medium=email")]
    [InlineData(
        "https://shop.example/utm_source=1",
        "https://shop.example/utm_source=1?utm_source=news&utm_medium=email")]
    // What is signed stays as a whole.
    [InlineData("https://b.s3.amazonaws.com/a?X-Amz-Date=1&X-Amz-Signature=2", null)]
    [InlineData("https://b.s3.amazonaws.com/a?AWSAccessKeyId=1&Signature=2&Expires=3", null)]
    [InlineData("https://d.cloudfront.net/a?Policy=1&Signature=2&Key-Pair-Id=3", null)]
    [InlineData("https://a.blob.core.windows.net/a?sv=1&se=2&sig=3", null)]
    [InlineData("https://storage.googleapis.com/a?X-Goog-Signature=1", null)]
    [InlineData("https://storage.googleapis.com/a?X%2DGoog%2DSignature=1", null)]
    [InlineData("https://shop.example/reset?reset_token=1", null)]
    [InlineData("https://shop.example/?access_token=1", null)]
    [InlineData("https://shop.example/?JWT=1", null)]
    [InlineData("https://shop.example/?hmac=1", null)]
    [InlineData("https://shop.example/?a=1&hash=2", null)]
    [InlineData("https://shop.example/#/login?token=1", null)]
    [InlineData("https://shop.example/?hashtag=1", "https://shop.example/?hashtag=1&utm_source=news&utm_medium=email")]
    [InlineData(
        "https://shop.example/?code=SPRING",
        "https://shop.example/?code=SPRING&utm_source=news&utm_medium=email")]
    public void A_destination_gets_what_it_does_not_have(string url, string? expected) =>
        Assert.Equal(expected, Added(Two, url));

    [Theory]
    [InlineData("utm_source=news", "utm_source=news")]
    [InlineData(" ?UTM_SOURCE=news & utm_term=a b ", "utm_source=news&utm_term=a%20b")]
    [InlineData("utm_term=a&utm_source=b", "utm_source=b&utm_term=a")]
    [InlineData("utm_campaign=Frühling 2026", "utm_campaign=Fr%C3%BChling%202026")]
    [InlineData("utm_campaign=Fr%C3%BChling+2026", "utm_campaign=Fr%C3%BChling+2026")]
    [InlineData("utm_campaign=50%", "utm_campaign=50%25")]
    [InlineData("utm_content=a=b#c/d?e", "utm_content=a%3Db%23c%2Fd%3Fe")]
    [InlineData("utm_content=\"<x>'", "utm_content=%22%3Cx%3E%27")]
    [InlineData("utm_source=", "utm_source=")]
    [InlineData("off", "utm_source=&utm_medium=&utm_campaign=&utm_content=&utm_term=")]
    public void What_a_query_cannot_have_is_encoded(string text, string expected) =>
        Assert.Equal(expected, UtmParameters.TryParse(text)!.ToString());

    [Theory]
    [InlineData("")]
    [InlineData("news")]
    [InlineData("source=news")]
    [InlineData("utm_id=1")]
    [InlineData("utm_source=a&utm_source=b")]
    [InlineData("utm_source=a&")]
    [InlineData("utm_source=a\u0001b")]
    [InlineData("utm_source=a\r\nX: y")]
    public void Other_text_is_refused(string text) => Assert.Null(UtmParameters.TryParse(text));

    [Fact]
    public void Values_have_up_to_a_hundred_characters()
    {
        Assert.NotNull(UtmParameters.TryParse("utm_source=" + new string('x', 100)));
        Assert.Null(UtmParameters.TryParse("utm_source=" + new string('x', 101)));
        Assert.Null(UtmParameters.TryParse("utm_source=x" + new string(' ', 2000) + "y"));
    }

    [Fact]
    public void Each_parameter_is_the_first_that_somebody_gives()
    {
        var cluster = UtmParameters.TryParse("utm_source=cluster&utm_medium=email&utm_term=t")!;
        var message = UtmParameters.TryParse("utm_source=message&utm_term=")!;
        Assert.Equal("utm_source=message&utm_medium=email&utm_term=", message.Over(cluster).ToString());
        Assert.Equal(
            "https://a.example/?utm_source=message&utm_medium=email",
            Added(message.Over(cluster).ToString(), "https://a.example/"));
        Assert.True(UtmParameters.None.Over(cluster).IsEmpty);
        Assert.Same(message, message.Over(null));
    }

    [Fact]
    public void A_destination_does_not_grow_past_its_limit()
    {
        var longest = "https://shop.example/" + new string('x', DestinationPolicy.MaxLength - 21);
        Assert.Null(Added(Two, longest));
        var added = Added(Two, longest[..^("?" + Two).Length]);
        Assert.Equal(DestinationPolicy.MaxLength, added!.Length);
        Assert.True(DestinationPolicy.IsSafeLocation(added));
    }

    [Fact]
    public void A_second_time_adds_nothing()
    {
        foreach (var url in (string[])["https://a.example/?b#c", "http://a.example", "https://a.example/?utm_term=1"])
        {
            Assert.Null(Added(Two, Added(Two, url)!));
        }
    }

    private static string? Added(string parameters, string url)
    {
        var output = new ArrayBufferWriter<byte>();
        return UtmParameters.TryParse(parameters)!.TryAdd(Encoding.ASCII.GetBytes(url), output)
            ? Encoding.ASCII.GetString(output.WrittenSpan)
            : null;
    }
}
