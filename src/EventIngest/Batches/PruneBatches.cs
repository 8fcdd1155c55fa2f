using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Deletes the keys of batches that their edge has forgotten. Before that, it writes to <c>ingest.edges</c> that all
/// batches below a sequence are stored. Both happen in one transaction and in this order: exactly-once storage depends
/// on it. The other part is in <see cref="StoreBatch"/>.
/// </summary>
internal sealed partial class PruneBatches(
    NpgsqlDataSource dataSource,
    IOptions<EventIngestOptions> options,
    TimeProvider time,
    ILogger<PruneBatches> logger) : BackgroundService
{
    // Only one copy of this service prunes at a time. The other copies skip the run.
    internal const string Lock =
        "SELECT pg_try_advisory_xact_lock(hashtext('tracking.ingest.prune_batches'))";

    internal const string WriteDown =
        """
        INSERT INTO ingest.edges AS e (edge_id, acknowledged_below)
        SELECT edge_id, max(acknowledged_below) FROM ingest.batches GROUP BY edge_id ORDER BY edge_id
        ON CONFLICT (edge_id) DO UPDATE
        SET acknowledged_below = greatest(e.acknowledged_below, excluded.acknowledged_below), pruned_at = now()
        """;

    internal const string Delete =
        """
        DELETE FROM ingest.batches b USING ingest.edges e
        WHERE b.edge_id = e.edge_id AND b.sequence < e.acknowledged_below
        """;

    /// <summary>Prunes once.</summary>
    /// <returns>The number of deleted keys.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable; nothing changed.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var tryLock = new NpgsqlCommand(Lock, connection);
        if (await tryLock.ExecuteScalarAsync(cancellationToken) is not true)
        {
            return 0;
        }

        await using var writeDown = new NpgsqlCommand(WriteDown, connection);
        await writeDown.ExecuteNonQueryAsync(cancellationToken);
        await using var delete = new NpgsqlCommand(Delete, connection);
        var deleted = await delete.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return deleted;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.PruneInterval, time);
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

    [LoggerMessage(Level = LogLevel.Debug, Message = "Pruned {Count} batch keys")]
    private partial void LogPruned(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Batch keys were not pruned: {Reason}")]
    private partial void LogNotPruned(string reason);
}
