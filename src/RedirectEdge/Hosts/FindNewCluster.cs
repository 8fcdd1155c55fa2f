using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.RedirectEdge.Hosts;

/// <summary>
/// Looks up a cluster that a token of ours names and that is not in memory. The cluster is either new or deleted, and
/// the database knows which. A deleted cluster is looked up once, because it never returns. Tokens cannot be forged, so
/// the number of look-ups is at most the number of clusters that ever existed.
/// </summary>
internal sealed partial class FindNewCluster(
    ClusterDirectory clusters,
    IOptions<RedirectEdgeOptions> options,
    TimeProvider time,
    ILogger<FindNewCluster> logger) : IDisposable
{
    private readonly ConcurrentDictionary<ClusterId, bool> _gone = new();
    private readonly SemaphoreSlim _reading = new(1);

    /// <summary>Reads the clusters again.</summary>
    /// <param name="cluster">The cluster of a token that has been verified.</param>
    /// <returns><see cref="HostOutcome.NotLoaded"/> when the database does not answer in time.</returns>
    public async ValueTask<HostOutcome> RunAsync(ClusterId cluster)
    {
        if (_gone.ContainsKey(cluster))
        {
            return HostOutcome.ForeignHost;
        }

        using var timeout = new CancellationTokenSource(options.Value.LookupTimeout, time);
        try
        {
            return await AskAsync(cluster, timeout.Token);
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception)
            || exception is OperationCanceledException or ObjectDisposedException)
        {
            LogUnavailable(cluster, exception.Message);
            return HostOutcome.NotLoaded;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    private async Task<HostOutcome> AskAsync(ClusterId cluster, CancellationToken cancellationToken)
    {
        await _reading.WaitAsync(cancellationToken);
        try
        {
            // Another request may have looked it up meanwhile.
            if (_gone.ContainsKey(cluster))
            {
                return HostOutcome.ForeignHost;
            }

            var found = await clusters.FindAsync(cluster, cancellationToken).AsTask().WaitAsync(cancellationToken);
            if (found is not null)
            {
                return HostOutcome.Served;
            }

            _gone.TryAdd(cluster, true);
            return HostOutcome.ForeignHost;
        }
        finally
        {
            _reading.Release();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Cluster {Cluster} of a token could not be looked up: {Reason}")]
    private partial void LogUnavailable(ClusterId cluster, string reason);
}
