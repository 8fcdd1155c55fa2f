using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Deletes the order of storing that is older than <see cref="EventIngestOptions.OrderKeptFor"/>. The newest row of
/// each cluster that is as old stays: a reader that has read up to it has missed nothing, and a reader that has not
/// does not find its own row and is told so.
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
    /// <exception cref="NpgsqlException">The database is away.</exception>
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
