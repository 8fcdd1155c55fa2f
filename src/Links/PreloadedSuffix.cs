namespace Tracking.Links;

/// <summary>Top-level domains that browsers open only over https, by a built-in list (HSTS preload).</summary>
public static class PreloadedSuffix
{
    private static readonly HashSet<string> _preloaded = Read();

    /// <summary>The top-level domain of a name, if it is on the list.</summary>
    /// <param name="host">The name.</param>
    /// <returns>The domain without a dot; <see langword="null"/> when it is not on the list.</returns>
    public static string? Of(HostName host)
    {
        var topLevel = host.Value[(host.Value.LastIndexOf('.') + 1)..];
        return _preloaded.Contains(topLevel) ? topLevel : null;
    }

    private static HashSet<string> Read()
    {
        using var stream = typeof(PreloadedSuffix).Assembly.GetManifestResourceStream("PreloadedSuffixes.txt")!;
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.TrimEntries)
            .Where(line => line.Length > 0 && line[0] != '#')];
    }
}
