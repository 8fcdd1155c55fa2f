using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>Rebuilds counters where somebody has asked for it; one cluster after the other, by one copy of this service
/// at a time.</summary>
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

    /// <summary>Does all that has been asked for.</summary>
    /// <exception cref="NpgsqlException">The database is away; what was not done is done later.</exception>
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
        Message = "Counters that were to be rebuilt are not, the next attempt begins anew: {Reason}")]
    private partial void LogNotRebuilt(string reason);
}
