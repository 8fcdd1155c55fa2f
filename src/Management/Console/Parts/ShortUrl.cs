namespace Tracking.Management.Console.Parts;

/// <summary>Shortens destinations for people.</summary>
internal static class ShortUrl
{
    /// <summary>The URL without the scheme and without a final slash.</summary>
    public static string Of(string url)
    {
        var text = url.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? url[8..]
            : url.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? url[7..] : url;
        return text.EndsWith('/') && text.Count(c => c == '/') == 1 ? text[..^1] : text;
    }
}
