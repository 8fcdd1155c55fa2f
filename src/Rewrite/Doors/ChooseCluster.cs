using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Doors;

/// <summary>
/// Finds the cluster of a message whose sender has no API key. The publisher's own word comes first, then
/// <c>X-Tracking-Cluster</c> of the mail where that is trusted, then the cluster that sends for the mail's <c>From</c>
/// domain, then the default. If a named cluster does not exist, no other cluster replaces it.
/// </summary>
internal sealed class ChooseCluster(ClusterDirectory clusters, IOptions<RewriteOptions> options)
{
    /// <summary>Finds the cluster.</summary>
    /// <param name="named">The cluster that the publisher names beside the message, if it does.</param>
    /// <param name="mail">The message.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The cluster, or <see langword="null"/> when the message belongs to none.</returns>
    /// <exception cref="NpgsqlException">The cluster is unknown because the store is unavailable.</exception>
    public async ValueTask<DirectoryCluster?> ForAsync(
        string? named, MessageHeader mail, CancellationToken cancellationToken)
    {
        if (!clusters.IsLoaded)
        {
            await clusters.RefreshAsync(cancellationToken);
        }

        named = named?.Trim();
        if (string.IsNullOrEmpty(named) && options.Value.TrustMessageHeaders)
        {
            named = mail.Cluster;
        }

        if (!string.IsNullOrEmpty(named))
        {
            return await clusters.FindAsync(named, cancellationToken);
        }

        if (mail.FromDomain is { } domain && clusters.TryGetBySendingDomain(domain, out var sending))
        {
            return sending;
        }

        return options.Value.DefaultCluster is { Length: > 0 } standard
            ? await clusters.FindAsync(standard, cancellationToken)
            : null;
    }
}
