using System.Buffers;

namespace Tracking.Links;

/// <summary>URLs in the form for reports, lists and exports.</summary>
public static class ShownUrl
{
    private static readonly SearchValues<char> _authorityEnd = SearchValues.Create("/\\?#");

    // Characters between scheme and authority that a browser skips (both kinds of slashes) or removes at any place.
    private static readonly SearchValues<char> _beforeAuthority = SearchValues.Create("/\\\t\r\n");

    /// <summary>The URL with user name and password (RFC 3986 3.2.1) replaced by <c>***</c>: they are a secret of the
    /// URL's owner.</summary>
    public static string Mask(string url)
    {
        ArgumentNullException.ThrowIfNull(url);
        return FindUserInfo(url) is { } found ? $"{url.AsSpan(..found.Start)}***{url.AsSpan(found.End..)}" : url;
    }

    /// <summary>User name and password in their original form; <see langword="null"/> for a URL without them.</summary>
    public static string? UserInfo(string url)
    {
        ArgumentNullException.ThrowIfNull(url);
        return FindUserInfo(url) is { } found && found.End > found.Start ? url[found.Start..found.End] : null;
    }

    private static (int Start, int End)? FindUserInfo(string url)
    {
        var colon = url.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            return null;
        }

        var start = colon + 1;
        var slashes = url.AsSpan(start).IndexOfAnyExcept(_beforeAuthority);
        if (slashes < 0 || url.AsSpan(start, slashes).Count('/') + url.AsSpan(start, slashes).Count('\\') < 2)
        {
            return null;
        }

        start += slashes;
        var end = url.AsSpan(start).IndexOfAny(_authorityEnd);
        var authority = end < 0 ? url.AsSpan(start) : url.AsSpan(start, end);
        var at = authority.LastIndexOf('@');
        return at < 0 ? null : (start, start + at);
    }
}
