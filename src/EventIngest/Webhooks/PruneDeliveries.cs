using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>Deletes deliveries that are older than <see cref="WebhookOptions.KeptFor"/>, with their attempts, and the
/// deliveries of deleted endpoints; then the deleted endpoints. A few thousand are deleted at a time, so that no
/// statement takes long.</summary>
internal sealed partial class PruneDeliveries(
    NpgsqlDataSource dataSource,
    WebhookConnections connections,
    IOptions<WebhookOptions> options,
    TimeProvider time,
    ILogger<PruneDeliveries> logger) : BackgroundService
{
    private const int Step = 5000;

    // Only one copy of this service prunes at a time. The other copies skip the run.
    private const string Lock = "SELECT pg_try_advisory_xact_lock(hashtext('tracking.webhooks.prune_deliveries'))";

    // The ids are UUIDv7, so they sort by time. Within an endpoint, the primary key leads to the oldest delivery.
    private const string Delete =
        """
        WITH old AS MATERIALIZED (
            SELECT d.cluster_id, d.endpoint_id, d.id FROM webhooks.endpoints e, LATERAL (
                SELECT * FROM webhooks.deliveries d
                WHERE d.cluster_id = e.cluster_id AND d.endpoint_id = e.id
                    AND (d.id < ingest.uuidv7_floor($1) OR e.deleted_at IS NOT NULL)
                ORDER BY d.id LIMIT $2) d
            LIMIT $2
        ), attempts AS (
            DELETE FROM webhooks.attempts a USING old
            WHERE a.cluster_id = old.cluster_id AND a.endpoint_id = old.endpoint_id AND a.delivery_id = old.id
        )
        DELETE FROM webhooks.deliveries d USING old
        WHERE d.cluster_id = old.cluster_id AND d.endpoint_id = old.endpoint_id AND d.id = old.id
        """;

    // A process that does not know of the deletion yet may still store deliveries of the endpoint.
    private const string DeleteEndpoints =
        """
        DELETE FROM webhooks.endpoints e WHERE e.deleted_at < $1
            AND NOT EXISTS (SELECT FROM webhooks.deliveries d WHERE d.cluster_id = e.cluster_id AND d.endpoint_id = e.id)
        """;

    private static readonly TimeSpan _keptDeleted = TimeSpan.FromHours(1);

    /// <summary>Deletes old deliveries.</summary>
    /// <returns>The number of deleted deliveries.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var all = 0;
        int step;
        do
        {
            step = await StepAsync(cancellationToken);
            all += step;
        }
        while (step == Step);
        return all;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.PruneInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                LogPruned(await RunAsync(stoppingToken));
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogNotPruned(exception.Message);
            }
        }
    }

    private async Task<int> StepAsync(CancellationToken cancellationToken)
    {
        using var place = await connections.TakeAsync(cancellationToken);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var tryLock = new NpgsqlCommand(Lock, connection);
        if (await tryLock.ExecuteScalarAsync(cancellationToken) is not true)
        {
            return 0;
        }

        var now = time.GetUtcNow();
        await using var delete = new NpgsqlCommand(Delete, connection)
        {
            Parameters =
            {
                new() { Value = (now - options.Value.KeptFor).UtcDateTime },
                new() { Value = Step },
            },
        };
        var deleted = await delete.ExecuteNonQueryAsync(cancellationToken);
        await using var endpoints = new NpgsqlCommand(DeleteEndpoints, connection)
        {
            Parameters = { new() { Value = (now - _keptDeleted).UtcDateTime } },
        };
        await endpoints.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return deleted;
    }

    [LoggerMessage(LogLevel.Debug, "Pruned {Count} deliveries of webhooks")]
    private partial void LogPruned(int count);

    [LoggerMessage(LogLevel.Warning, "Deliveries of webhooks were not pruned: {Reason}")]
    private partial void LogNotPruned(string reason);
}
