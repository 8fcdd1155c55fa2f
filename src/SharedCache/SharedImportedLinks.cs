using Microsoft.Extensions.Options;
using Tracking.Links;

namespace Tracking.SharedCache;

/// <summary>
/// Imported links in the shared cache, <c>tracking:1:imported:&lt;cluster&gt;:&lt;host&gt;&lt;path&gt;</c>. An edge
/// that had to ask PostgreSQL writes them, and every edge reads them. What a path means never changes, so no entry
/// needs to be invalidated.
/// </summary>
public sealed class SharedImportedLinks(SharedValues cache, IOptions<SharedCacheOptions> options)
{
    /// <summary>Looks for a path. As quick as the cache itself, and like the cache without exceptions.</summary>
    /// <returns>What was offered; <see langword="null"/> when PostgreSQL must be asked.</returns>
    public ValueTask<byte[]?> FindAsync(ClusterId cluster, string host, string path) =>
        cache.ReadAsync(Key(cluster, host, path));

    /// <summary>Writes what a path means in PostgreSQL. Never waits.</summary>
    /// <param name="cluster">Whose the host is.</param>
    /// <param name="host">The tracking domain.</param>
    /// <param name="path">The path on it.</param>
    /// <param name="content">The bytes must not change afterwards.</param>
    public void Offer(ClusterId cluster, string host, string path, ReadOnlyMemory<byte> content) =>
        cache.Write(Key(cluster, host, path), content, options.Value.LinkAge);

    private static string Key(ClusterId cluster, string host, string path) => $"imported:{cluster}:{host}{path}";
}
