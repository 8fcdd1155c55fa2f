using System.Text;
using System.Text.RegularExpressions;

namespace Tracking.System.Tests;

/// <summary>
/// A simple parser of messages that shares no code with the rewriter. It is sufficient for the newsletters of the
/// tests, and an independent check of what a mail program would show.
/// </summary>
internal static partial class ReadMail
{
    /// <summary>The decoded text of every leaf part, in order; bytes as Latin-1 so that nothing is lost.</summary>
    public static List<string> Parts(byte[] message)
    {
        var parts = new List<string>();
        Collect(Encoding.Latin1.GetString(message).ReplaceLineEndings("\n"), parts);
        return parts;
    }

    /// <summary>Every http and https URL in the decoded parts, in order, as a mail program would follow it.</summary>
    public static List<string> Urls(byte[] message) =>
        [.. Parts(message)
            .SelectMany(part => Url().Matches(part))
            .Select(match => match.Value.TrimEnd('.', ',', ';', ':', '!', '?', ')', ']')
                .Replace("&amp;", "&").Replace("+notrack", ""))];

    /// <summary>The URL that a browser requests for a URL in an ISO-8859-1 document (WHATWG URL): the host as A-labels,
    /// the query in the document's own encoding, everything else in UTF-8.</summary>
    public static string AsBrowser(string url)
    {
        if (url.All(char.IsAscii))
        {
            return url;
        }

        var host = new Uri(url).IdnHost;
        var start = url.IndexOf("://", StringComparison.Ordinal) + 3;
        var end = url.IndexOfAny(['/', '?', '#'], start);
        var fragment = url.IndexOf('#') is >= 0 and var hash ? hash : url.Length;
        var query = url[..fragment].IndexOf('?') is >= 0 and var question ? question : fragment;
        return url[..start] + host
            + Percent(url[end..query], Encoding.UTF8)
            + Percent(url[query..fragment], Encoding.Latin1)
            + Percent(url[fragment..], Encoding.UTF8);
    }

    private static string Percent(string text, Encoding encoding) => string.Concat(text.Select(c =>
        char.IsAscii(c) ? c.ToString() : string.Concat(encoding.GetBytes([c]).Select(b => $"%{b:X2}"))));

    private static void Collect(string entity, List<string> parts)
    {
        var end = entity.IndexOf("\n\n", StringComparison.Ordinal);
        var head = entity[..end].Replace("\n ", " ").Replace("\n\t", " ");
        var body = entity[(end + 2)..];
        var boundary = Boundary().Match(head);
        if (boundary.Success)
        {
            foreach (var part in body.Split("--" + boundary.Groups[1].Value)[1..^1])
            {
                Collect(part[(part.IndexOf('\n') + 1)..], parts);
            }

            return;
        }

        if (head.Contains("format=flowed", StringComparison.OrdinalIgnoreCase))
        {
            // RFC 3676: a space before the line's end flows; between angle brackets it belongs to no URL (RFC 3986 C).
            body = FlowedUrl().Replace(body, match => match.Value.Replace(" \n", ""));
        }

        var encoding = TransferEncoding().Match(head).Groups[1].Value.ToLowerInvariant();
        parts.Add(encoding switch
        {
            "quoted-printable" => QuotedPrintable(body),
            "base64" => Encoding.Latin1.GetString(Convert.FromBase64String(body)),
            _ => body,
        });
    }

    private static string QuotedPrintable(string body) =>
        Escaped().Replace(
            body.Replace("=\n", ""),
            match => ((char)Convert.ToByte(match.Groups[1].Value, 16)).ToString());

    [GeneratedRegex("boundary=\"?([^\";\n]+)", RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)]
    private static partial Regex Boundary();

    [GeneratedRegex("^content-transfer-encoding: *([^ \n;]+)",
        RegexOptions.IgnoreCase | RegexOptions.Multiline | RegexOptions.NonBacktracking)]
    private static partial Regex TransferEncoding();

    [GeneratedRegex("=([0-9A-Fa-f]{2})", RegexOptions.NonBacktracking)]
    private static partial Regex Escaped();

    [GeneratedRegex("<https?://[^>]*>", RegexOptions.NonBacktracking)]
    private static partial Regex FlowedUrl();

    [GeneratedRegex("https?(\\+notrack)?://[^\\s\"'<>]+", RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)]
    private static partial Regex Url();
}
