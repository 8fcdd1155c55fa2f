namespace Tracking.Management.Console.Parts;

/// <summary>Destinations as people read them.</summary>
internal static class ShortUrl
{
    /// <summary>Without what every one of them has: the scheme, a final slash.</summary>
    public static string Of(string url)
    {
        var text = url.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? url[8..]
            : url.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? url[7..] : url;
        return text.EndsWith('/') && text.Count(c => c == '/') == 1 ? text[..^1] : text;
    }
}
