using System.Text;
using Tracking.Milter.Sessions;

namespace Tracking.Milter.Tests.Sessions;

public sealed class HeaderChangeTests
{
    [Theory]
    [InlineData("A: 1\r\nB: 2\r\n\r\nx", "A: 1\r\nB: 2\r\n\r\ny", "")]
    [InlineData("A: 1\r\nX: 2\r\nB: 3\r\n\r\n", "A: 1\r\nB: 3\r\n\r\n", "X1=")]
    [InlineData("X: 1\r\nA: 1\r\nx: 2\r\n\r\n", "A: 1\r\n\r\n", "x2=;X1=")]
    [InlineData("A: 1\r\nA: 2\r\nA: 3\r\n\r\n", "A: 1\r\nA: 3\r\n\r\n", "A2=")]
    [InlineData("Lines: 4\r\nA: 1\r\n\r\n", "Lines: 5\r\nA: 1\r\n\r\n", "Lines1= 5")]
    [InlineData("A: 1\r\nM: a\r\n b\r\nX: 1\r\n\r\n", "A: 1\r\nM: a\r\n c\r\n\r\n", "X1=;M1= a\r\n c")]
    [InlineData("\r\nbody: none\r\n", "\r\nbody: none\r\n", "")]
    [InlineData("X:\r\n\r\n", "\r\n", "X1=")]
    public void The_changes_make_one_header_of_the_other(string before, string after, string expected)
    {
        var changes = HeaderChange.Between(Encoding.Latin1.GetBytes(before), Encoding.Latin1.GetBytes(after));
        Assert.Equal(
            expected,
            string.Join(
                ';', changes.Select(change => Text(change.Name) + change.Occurrence + "=" + Text(change.Value))));
    }

    [Theory]
    [InlineData("A: 1\r\n\r\nbody\r\n", "body\r\n")]
    [InlineData("\r\nbody\r\n", "body\r\n")]
    [InlineData("A: 1\r\n", "")]
    public void The_body_begins_behind_the_empty_line(string message, string body) =>
        Assert.Equal(body, message[HeaderChange.BodyOf(Encoding.Latin1.GetBytes(message))..]);

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.Latin1.GetString(bytes.Span);
}
