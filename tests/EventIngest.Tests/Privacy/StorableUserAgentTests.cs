using System.Text;
using Tracking.EventIngest.Privacy;

namespace Tracking.EventIngest.Tests.Privacy;

public sealed class StorableUserAgentTests
{
    [Theory]
    [InlineData("4d6f7a", "Moz")]
    [InlineData("c3a4", "ä")]
    [InlineData("e4", "ä")]
    [InlineData("c3a4e4", "Ã¤ä")]
    [InlineData("610062", "a\uFFFDb")]
    [InlineData("e400", "ä\uFFFD")]
    [InlineData("0a0d7f1b", "\uFFFD\uFFFD\uFFFD\uFFFD")]
    [InlineData("", "")]
    public void Bytes_become_text_that_can_be_stored(string hex, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(StorableUserAgent.Encode(Convert.FromHexString(hex))));

    [Fact]
    public void Any_two_bytes_become_valid_text_without_controls()
    {
        var strict = new UTF8Encoding(false, throwOnInvalidBytes: true);
        for (var i = 0; i <= ushort.MaxValue; i++)
        {
            var text = strict.GetString(StorableUserAgent.Encode([(byte)(i >> 8), (byte)i]));
            Assert.DoesNotContain(text, c => c is < ' ' or '\x7f');
        }
    }
}
