using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Links;

namespace Tracking.SharedCache;

/// <summary>
/// Destinations in the shared cache, <c>tracking:1:link:&lt;cluster&gt;:&lt;link&gt;</c>: written by the rewriter that
/// registers them and by an edge that had to ask PostgreSQL, read by every edge. A destination never changes under its
/// id, so there is nothing to invalidate.
/// </summary>
public sealed partial class SharedLinks(
    SharedValues cache, IOptions<SharedCacheOptions> options, ILogger<SharedLinks> logger)
{
    /// <summary>Looks for a destination; as quick, and as silent about failures, as the cache itself.</summary>
    /// <returns>A destination that may stand in a header; <see langword="null"/> when PostgreSQL is to be
    /// asked.</returns>
    public async ValueTask<string?> FindAsync(ClusterId cluster, LinkId link)
    {
        if (await cache.ReadAsync(Key(cluster, link)) is not { } content)
        {
            return null;
        }

        if (!DestinationPolicy.IsSafeLocation(content))
        {
            // Sealed by one of us all the same: a bug, or an older version with another policy.
            LogUnsafe(cluster, link);
            return null;
        }

        return Encoding.ASCII.GetString(content);
    }

    /// <summary>Writes a destination that stands in PostgreSQL. Never waits.</summary>
    /// <param name="cluster">Whose it is.</param>
    /// <param name="link">Its id.</param>
    /// <param name="url">Printable ASCII; not changed afterwards.</param>
    public void Offer(ClusterId cluster, LinkId link, ReadOnlyMemory<byte> url) =>
        cache.Write(Key(cluster, link), url, options.Value.LinkAge);

    internal static string Key(ClusterId cluster, LinkId link) => $"link:{cluster}:{link}";

    [LoggerMessage(Level = LogLevel.Error,
        Message = "What the shared cache has for link {Link} of cluster {Cluster} is not safe in a header; ignored")]
    private partial void LogUnsafe(ClusterId cluster, LinkId link);
}
