using System.Text;
using Tracking.Links;

namespace Tracking.Rewrite.Messages;

/// <summary>When two URLs are the same although they are written in two ways.</summary>
internal static class UrlKey
{
    /// <summary>What two destinations have in common exactly when they are the same URL: scheme and host in any case,
    /// the scheme's own port given or not, an empty path or a slash (RFC 3986 6.2.2.1 and 6.2.3).</summary>
    public static string Of(in DestinationUrl destination)
    {
        var authority = destination.Url[..destination.PathStart];
        authority = authority[(authority.LastIndexOfAny("/\\"u8) + 1)..];
        var user = authority[..(authority.LastIndexOf((byte)'@') + 1)];
        var host = authority[user.Length..];
        var colon = host[(host.LastIndexOf((byte)']') + 1)..].LastIndexOf((byte)':');
        var port = colon < 0 ? default : host[^(host.Length - host.LastIndexOf((byte)':') - 1)..];
        var key = new StringBuilder(destination.IsHttps ? "https://" : "http://", destination.Url.Length + 8);
        key.Append(Encoding.ASCII.GetString(user));
        key.Append(Encoding.ASCII.GetString(destination.Host).ToLowerInvariant());
        if (!port.IsEmpty && !port.SequenceEqual(destination.IsHttps ? "443"u8 : "80"u8))
        {
            key.Append(':').Append(Encoding.ASCII.GetString(port));
        }

        if (destination.Path.IsEmpty)
        {
            key.Append('/');
        }

        return key.Append(Encoding.ASCII.GetString(destination.Url[destination.PathStart..])).ToString();
    }

    /// <summary>One of 64 bits, the same for URLs with the same key: told from the URL at a glance, so that of the URLs
    /// with another one no key is made.</summary>
    /// <param name="url">A destination.</param>
    public static ulong Trait(ReadOnlySpan<byte> url)
    {
        var path = url[(url.IndexOf((byte)':') + 1)..].TrimStart("/\\"u8);
        var start = path.IndexOfAny("/\\?#"u8);
        path = start < 0 ? default : path[start..];
        var last = path.IsEmpty ? (byte)'/' : path[^1];
        var length = path.Length + (path.IsEmpty || path[0] is (byte)'?' or (byte)'#' ? 1 : 0);
        return 1UL << (((length * 7) + last) & 63);
    }
}
