using Microsoft.Extensions.Options;
using Npgsql;
using RabbitMQ.Client;
using Tracking.Database;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Whose a message of the queue is: its header <c>tracking-cluster</c>, else <c>X-Tracking-Cluster</c> of the mail
/// where that is trusted, else the cluster that sends in the name of its <c>From</c> domain, else the default. A
/// cluster that is named and does not exist is no reason to take another one.
/// </summary>
internal sealed class ChooseCluster(ClusterDirectory clusters, IOptions<RewriteOptions> options)
{
    /// <summary>The header that names a cluster.</summary>
    public const string Header = "tracking-cluster";

    /// <summary>Chooses.</summary>
    /// <returns>The cluster, or <see langword="null"/> when it is nobody's.</returns>
    /// <exception cref="NpgsqlException">It cannot be known: the store is away.</exception>
    public async ValueTask<DirectoryCluster?> ForAsync(
        IReadOnlyBasicProperties properties, MessageHeader mail, CancellationToken cancellationToken)
    {
        if (!clusters.IsLoaded)
        {
            await clusters.RefreshAsync(cancellationToken);
        }

        var named = ReadQueueHeaders.Text(properties, Header)?.Trim();
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
