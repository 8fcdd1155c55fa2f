using System.Buffers;

namespace Tracking.Links;

/// <summary>URLs as they are shown in reports, lists and exports.</summary>
public static class ShownUrl
{
    private static readonly SearchValues<char> AuthorityEnd = SearchValues.Create("/\\?#");

    // What a browser skips between scheme and authority: slashes of either kind, and removes anywhere.
    private static readonly SearchValues<char> BeforeAuthority = SearchValues.Create("/\\\t\r\n");

    /// <summary>The URL with user name and password (RFC 3986 3.2.1) replaced by <c>***</c>: it is somebody's secret,
    /// and the recipient has it anyway.</summary>
    public static string Mask(string url)
    {
        ArgumentNullException.ThrowIfNull(url);
        return FindUserInfo(url) is { } found ? $"{url.AsSpan(..found.Start)}***{url.AsSpan(found.End..)}" : url;
    }

    /// <summary>User name and password as they stand in the URL; <see langword="null"/> when it has none.</summary>
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
        var slashes = url.AsSpan(start).IndexOfAnyExcept(BeforeAuthority);
        if (slashes < 0 || url.AsSpan(start, slashes).Count('/') + url.AsSpan(start, slashes).Count('\\') < 2)
        {
            return null;
        }

        start += slashes;
        var end = url.AsSpan(start).IndexOfAny(AuthorityEnd);
        var authority = end < 0 ? url.AsSpan(start) : url.AsSpan(start, end);
        var at = authority.LastIndexOf('@');
        return at < 0 ? null : (start, start + at);
    }
}
