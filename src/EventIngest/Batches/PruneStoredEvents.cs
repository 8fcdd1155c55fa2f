using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Deletes rows of the storage order that are older than <see cref="EventIngestOptions.OrderKeptFor"/>. For each
/// cluster, the newest of these old rows stays. A reader whose position is that row has missed nothing. A reader with
/// an older position does not find the row of its position, and learns that events are missing.
/// </summary>
internal sealed partial class PruneStoredEvents(
    NpgsqlDataSource dataSource,
    IOptions<EventIngestOptions> options,
    TimeProvider time,
    ILogger<PruneStoredEvents> logger) : BackgroundService
{
    private const string Delete =
        """
        DELETE FROM ingest.stored_events s
        USING (
            SELECT cluster_id, max(stored_at) AS newest FROM ingest.stored_events WHERE stored_at < $1
            GROUP BY cluster_id
        ) old
        WHERE s.cluster_id = old.cluster_id AND s.stored_at < old.newest
        """;

    /// <summary>Prunes once.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Delete);
        command.Parameters.Add(new() { Value = (time.GetUtcNow() - options.Value.OrderKeptFor).UtcDateTime });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.PruneInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RunAsync(stoppingToken);
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogNotPruned(exception.Message);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The order of stored events was not pruned: {Reason}")]
    private partial void LogNotPruned(string reason);
}
