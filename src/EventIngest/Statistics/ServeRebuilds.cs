using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>Rebuilds the counters of the clusters for which a rebuild was requested, one cluster after another, in one
/// copy of this service at a time.</summary>
internal sealed partial class ServeRebuilds(
    NpgsqlDataSource dataSource,
    RebuildCounters rebuild,
    IOptions<EventIngestOptions> options,
    TimeProvider time,
    ILogger<ServeRebuilds> logger) : BackgroundService
{
    private const string SelectRequested =
        """
        SELECT cluster_id FROM ingest.statistics
        WHERE requested_at IS NOT NULL AND (rebuilt_at IS NULL OR rebuilt_at < requested_at)
        ORDER BY requested_at, cluster_id
        """;

    /// <summary>Does all requested rebuilds.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable; the other rebuilds are done later.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        foreach (var cluster in await RequestedAsync(cancellationToken))
        {
            await rebuild.RunAsync(cluster, cancellationToken);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.RebuildInterval, time);
        do
        {
            try
            {
                await RunAsync(stoppingToken);
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogNotRebuilt(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task<List<ClusterId>> RequestedAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(SelectRequested);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var clusters = new List<ClusterId>();
        while (await reader.ReadAsync(cancellationToken))
        {
            clusters.Add(new ClusterId(reader.GetInt32(0)));
        }

        return clusters;
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Counters were not rebuilt, the next attempt starts from the beginning: {Reason}")]
    private partial void LogNotRebuilt(string reason);
}
