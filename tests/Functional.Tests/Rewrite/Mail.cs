using System.Text;
using System.Text.RegularExpressions;
using Tracking.Links;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>Messages of these tests, and methods that find links in the results.</summary>
internal static partial class Mail
{
    /// <summary>An HTML message with these links.</summary>
    public static string Html(string subject, params string[] urls) =>
        $"From: news@shop.example\r\nTo: reader@example.com\r\nSubject: {subject}\r\n"
        + "Content-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n"
        + string.Concat(urls.Select(url => $"<a href=\"{url}\">\r\nhere</a>\r\n"))
        + "</body></html>\r\n";

    public static byte[] Bytes(string message) => Encoding.Latin1.GetBytes(message);

    public static string Text(byte[] message) => Encoding.Latin1.GetString(message);

    /// <summary>The tokens of every tracked link and pixel, in document order; the MAC of each is right.</summary>
    public static List<LinkToken> Tokens(string message, SigningKeys keys) =>
    [
        .. TrackedUrls().Matches(message).Select(match =>
        {
            Assert.Equal(TokenOutcome.Valid, LinkToken.Read(match.Groups[1].Value, keys, out var token));
            return token;
        }),
    ];

    [GeneratedRegex("https://track\\.localhost/[coi]/([A-Za-z0-9_-]{40})")]
    private static partial Regex TrackedUrls();
}
