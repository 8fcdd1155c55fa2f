using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Links;

namespace Tracking.SharedCache;

/// <summary>
/// Destinations in the shared cache, <c>tracking:1:link:&lt;cluster&gt;:&lt;link&gt;</c>. The rewriter that registers
/// them writes them, and so does an edge that had to ask PostgreSQL. Every edge reads them. The destination of an id
/// never changes, so no entry needs to be invalidated.
/// </summary>
public sealed partial class SharedLinks(
    SharedValues cache, IOptions<SharedCacheOptions> options, ILogger<SharedLinks> logger)
{
    /// <summary>Looks for a destination. As quick as the cache itself, and like the cache without exceptions.</summary>
    /// <returns>A destination that is safe in a header; <see langword="null"/> when PostgreSQL must be asked.</returns>
    public async ValueTask<string?> FindAsync(ClusterId cluster, LinkId link)
    {
        if (await cache.ReadAsync(Key(cluster, link)) is not { } content)
        {
            return null;
        }

        if (!DestinationPolicy.IsSafeLocation(content))
        {
            // One of us sealed it: a bug, or an older version with another policy.
            LogUnsafe(cluster, link);
            return null;
        }

        return Encoding.ASCII.GetString(content);
    }

    /// <summary>Writes a destination that is stored in PostgreSQL. Never waits.</summary>
    /// <param name="cluster">The destination's cluster.</param>
    /// <param name="link">The destination's id.</param>
    /// <param name="url">Printable ASCII. The bytes must not change afterwards.</param>
    public void Offer(ClusterId cluster, LinkId link, ReadOnlyMemory<byte> url) =>
        cache.Write(Key(cluster, link), url, options.Value.LinkAge);

    internal static string Key(ClusterId cluster, LinkId link) => $"link:{cluster}:{link}";

    [LoggerMessage(Level = LogLevel.Error,
        Message = "The shared cache's value for link {Link} of cluster {Cluster} is unsafe in a header; it is ignored")]
    private partial void LogUnsafe(ClusterId cluster, LinkId link);
}
