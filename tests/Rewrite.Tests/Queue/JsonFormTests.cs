using System.Text;
using System.Text.Json;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Queue;

namespace Tracking.Rewrite.Tests.Queue;

public sealed class JsonFormTests
{
    private const int Limit = 1 << 20;

    [Theory]
    [InlineData("""{"mime":"a"}""", "a")]
    [InlineData("""{"mime":"\"\\\/\b\f\n\r\t"}""", "\"\\/\b\f\n\r\t")]
    [InlineData("""{"mime":"\u0041\u00e9\u20ac\ud83d\ude00\u0000"}""", "A\u00e9\u20ac\U0001f600\0")]
    [InlineData("""{"mime":"é€😀"}""", "\u00e9\u20ac\U0001f600")]
    [InlineData("""{"m\u0069me":"a"}""", "a")]
    [InlineData("""{"mime":""}""", "")]
    [InlineData("""{"mime":"\nabc"}""", "\nabc")]
    [InlineData("""{"mime":"a\u20acé"}""", "a\u20ac\u00e9")]
    [InlineData("""{"x":{"mime":"no"},"y":[{"mime":"no"}],"mime":"a"}""", "a")]
    public void The_mail_is_the_string_with_every_escape_resolved(string json, string mail)
    {
        var form = JsonForm.Read(Encoding.UTF8.GetBytes(json), Limit, out var untouched);
        Assert.Null(untouched);
        Assert.Equal(mail, Encoding.UTF8.GetString(form!.Mail.Span));
    }

    [Theory]
    [InlineData("{\"mime\":\"a\"}")]
    [InlineData(
        "\ufeff { \"envelope\" :\t\"x\" ,\r\n \"mime\"  :  \"a\" , \"recipient\":\"y\",\"z\":[1.50,-0,1E400] } \n")]
    [InlineData("{\"\\u0061\":\"\\u00E9\",\"a\":1,\"a\":2,\"mime\":\"a\",\"big\":123456789012345678901234567890}")]
    public void Every_byte_outside_the_string_stays(string json)
    {
        var form = JsonForm.Read(Encoding.UTF8.GetBytes(json), Limit, out _)!;
        using var output = new MemoryStream();
        Assert.True(form.TryWrite(output, "b\"\\\r\n\u0001é"u8));
        var written = Encoding.UTF8.GetString(output.ToArray());
        var at = json.IndexOf("\"a\"", json.IndexOf("\"mime\"", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(
            string.Concat(json.AsSpan(0, at), "\"b\\\"\\\\\\r\\n\\u0001é\"", json.AsSpan(at + 3)), written);
        using var parsed = JsonDocument.Parse(written.TrimStart('\ufeff'));
        Assert.Equal("b\"\\\r\n\u0001é", parsed.RootElement.GetProperty("mime").GetString());
    }

    [Fact]
    public void Envelope_and_recipient_are_read_when_they_are_strings()
    {
        var form = JsonForm.Read("""{"envelope":"s@a","recipient":{"x":1},"mime":""}"""u8.ToArray(), Limit, out _)!;
        Assert.Equal(("s@a", null), (form.Envelope, form.Recipient));
    }

    [Theory]
    [InlineData("", Untouched.MalformedJson)]
    [InlineData("{\"mime\":\"a\"", Untouched.MalformedJson)]
    [InlineData("{\"mime\":\"a\"}}", Untouched.MalformedJson)]
    [InlineData("{\"mime\":\"a\"} {}", Untouched.MalformedJson)]
    [InlineData("{\"mime\":\"a\",}", Untouched.MalformedJson)]
    [InlineData("{\"mime\":\"\\ud800\"}", Untouched.MalformedJson)]
    [InlineData("{\"mime\":\"a\nb\"}", Untouched.MalformedJson)]
    [InlineData("{'mime':'a'}", Untouched.MalformedJson)]
    [InlineData("{/* */\"mime\":\"a\"}", Untouched.MalformedJson)]
    [InlineData("[\"mime\",\"a\"]", Untouched.NoMime)]
    [InlineData("\"mime\"", Untouched.NoMime)]
    [InlineData("{\"Mime\":\"a\"}", Untouched.NoMime)]
    [InlineData("{\"mime\":null}", Untouched.NoMime)]
    [InlineData("{\"mime\":{\"mime\":\"a\"}}", Untouched.NoMime)]
    [InlineData("{\"key\":\"x\"}", Untouched.NoMime)]
    [InlineData("{\"mime\":\"a\",\"mime\":\"b\"}", Untouched.SeveralMimes)]
    [InlineData("{\"mime\":{},\"mime\":\"b\"}", Untouched.SeveralMimes)]
    public void Anything_else_has_a_reason(string json, Untouched reason)
    {
        Assert.Null(JsonForm.Read(Encoding.UTF8.GetBytes(json), Limit, out var untouched));
        Assert.Equal(reason, untouched);
    }

    [Fact]
    public void Bytes_that_are_not_utf_8_are_refused_both_ways()
    {
        Assert.Null(JsonForm.Read((byte[])[.. "{\"mime\":\""u8, 0xff, .. "\"}"u8], Limit, out var untouched));
        Assert.Equal(Untouched.MalformedJson, untouched);
        using var output = new MemoryStream();
        Assert.False(JsonForm.Read("{\"mime\":\"a\"}"u8.ToArray(), Limit, out _)!.TryWrite(output, [0xc3]));
        Assert.Equal(0, output.Length);
    }

    [Fact]
    public void A_million_levels_are_refused_without_a_stack_overflow() =>
        Assert.Null(JsonForm.Read(
            Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 1_000_000)), Limit, out _));
}
