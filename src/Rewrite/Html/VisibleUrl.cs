using System.Buffers;
using System.Text;
using Tracking.Links;

namespace Tracking.Rewrite.Html;

/// <summary>Visible text that is itself a URL or host name: readers and filters compare it with the real
/// destination.</summary>
internal static class VisibleUrl
{
    // Letters of any script: every byte outside ASCII counts as a letter.
    private static readonly SearchValues<byte> _letters = SearchValues.Create(
    [
        .. "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8,
        .. Enumerable.Range(0x80, 0x80).Select(value => (byte)value),
    ]);

    /// <summary>The host that the text shows; empty when it shows none.</summary>
    public static ReadOnlySpan<byte> Host(ReadOnlySpan<byte> text)
    {
        if (text.Length < 4 || text.IndexOf((byte)' ') >= 0)
        {
            return default;
        }

        var isUrl = StartsWith(text, "http://"u8) || StartsWith(text, "https://"u8);
        var host = isUrl ? text[(text.IndexOf((byte)':') + 3)..] : text;
        var end = host.IndexOfAny("/\\?#:"u8);
        host = end < 0 ? host : host[..end];
        host = host[(host.LastIndexOf((byte)'@') + 1)..];
        if (isUrl)
        {
            return host;
        }

        // Text without a scheme counts only if it looks like a name with a top-level domain of letters. A mail address
        // does not count.
        var dot = host.LastIndexOf((byte)'.');
        return dot > 0
            && host.Length - dot > 2
            && !text.Contains((byte)'@')
            && !host[(dot + 1)..].ContainsAnyExcept(_letters)
                ? host
                : default;
    }

    /// <summary>Whether a host and the tracking host have the same registrable domain.</summary>
    public static bool IsSameOrganisation(ReadOnlySpan<byte> host, HostName trackingHost) =>
        HostName.TryParse(Encoding.UTF8.GetString(host), out var name)
        && PublicSuffix.IsSameOrganisation(name, trackingHost);

    private static bool StartsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> start) =>
        text.Length >= start.Length && Ascii.EqualsIgnoreCase(text[..start.Length], start);
}
