using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>Destinations that stay plain: a host, or <c>*.</c> and a host for everything below it; with a path, that
/// path and what is below it, and with <c>*</c> at its end whatever begins so. <see cref="Links.HostSet"/> reads
/// them.</summary>
internal static class DestinationPattern
{
    /// <summary>The rule for an entry, as an error tells it.</summary>
    public const string Takes = "a host name such as example.com, *.example.com for everything below it, or one of "
        + "them with a path: example.com/account, example.com/acc*";

    // A longer entry would be the address of one page, for which a beginning is enough.
    private const int MaxPathLength = 500;

    /// <summary>The stored form: the host as A-labels in lower case, the path as it was given.</summary>
    /// <returns><see langword="null"/> if the text is no such entry.</returns>
    public static string? Read(string text)
    {
        var trimmed = text.Trim();
        var slash = trimmed.IndexOf('/', StringComparison.Ordinal);
        var path = slash < 0 ? "" : trimmed[slash..];
        return MailName.DomainPattern(slash < 0 ? trimmed : trimmed[..slash]) is { } host
            && path.Length <= MaxPathLength
            && !path.StartsWith("//", StringComparison.Ordinal)
            && !path.Any(c => c <= ' ' || c >= '\x7f' || c is '?' or '#' or '\\')
            && path.IndexOf('*', StringComparison.Ordinal) is var star && (star < 0 || star == path.Length - 1)
                ? host + (path is "/" or "/*" ? "" : path)
                : null;
    }
}
