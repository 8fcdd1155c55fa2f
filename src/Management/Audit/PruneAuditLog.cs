using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;

namespace Tracking.Management.Audit;

/// <summary>Deletes entries that are older than their cluster's retention. Entries of no cluster or of a deleted one
/// are kept for the default retention.</summary>
internal sealed partial class PruneAuditLog(
    ApiDataSource dataSource,
    ClusterDirectory clusters,
    IOptions<ManagementOptions> options,
    TimeProvider time,
    ILogger<PruneAuditLog> logger) : BackgroundService
{
    // One copy of this service prunes at a time. The other copies skip the pruning.
    private const string Lock = "SELECT pg_try_advisory_xact_lock(hashtext('tracking.management.prune_audit_log'))";

    private static readonly int _usual = new ClusterSettings().RetentionMonths;

    /// <summary>Prunes once.</summary>
    /// <returns>Entries deleted.</returns>
    /// <exception cref="NpgsqlException">The database is away; nothing changed.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        if (!clusters.IsLoaded)
        {
            return 0;
        }

        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var tryLock = new NpgsqlCommand(Lock, connection, transaction);
        if (await tryLock.ExecuteScalarAsync(cancellationToken) is not true)
        {
            return 0;
        }

        var living = clusters.All;
        var deleted = 0;
        foreach (var kept in living.GroupBy(cluster => cluster.Settings.RetentionMonths))
        {
            deleted += await DeleteAsync(
                "cluster_id = ANY ($2)", kept.Select(cluster => cluster.Id.Value), kept.Key);
        }

        deleted += await DeleteAsync(
            "(cluster_id IS NULL OR cluster_id <> ALL ($2))", living.Select(cluster => cluster.Id.Value), _usual);
        await transaction.CommitAsync(cancellationToken);
        return deleted;

        async Task<int> DeleteAsync(string whose, IEnumerable<int> ids, int months)
        {
            await using var delete = new NpgsqlCommand(
                $"DELETE FROM management.audit_log WHERE at < $1 AND {whose}", connection, transaction);
            delete.Parameters.Add(new() { Value = time.GetUtcNow().AddMonths(-months) });
            delete.Parameters.Add(new() { Value = ids.ToArray() });
            return await delete.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.AuditPruneInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                var deleted = await RunAsync(stoppingToken);
                LogPruned(deleted);
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogNotPruned(exception.Message);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Pruned {Count} entries of the audit log")]
    private partial void LogPruned(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The audit log was not pruned: {Reason}")]
    private partial void LogNotPruned(string reason);
}
