using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Tracking.Database.Hosts;

/// <summary>Keeps <see cref="TrackingHosts"/> up to date: asks PostgreSQL for changes every
/// <see cref="SystemOptions.DirectoryRefresh"/>, and reads the names again that the bus announces.</summary>
public sealed partial class RefreshTrackingHosts(
    TrackingHosts hosts,
    IOptions<SystemOptions> options,
    TimeProvider time,
    ILogger<RefreshTrackingHosts> logger) : BackgroundService
{
    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            // Neither task ends without a fault. A fault in one of them ends the service.
            await await Task.WhenAny(PollAsync(stoppingToken), hosts.ReloadAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task PollAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                await hosts.PollAsync(stoppingToken);
            }
            catch (Exception exception) when (StoreAway.IsOrUnfit(exception))
            {
                LogDatabaseAway(exception.Message);
            }

            await Task.Delay(options.Value.DirectoryRefresh, time, stoppingToken);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Tracking domains stay as they were, the database is away: {Reason}")]
    private partial void LogDatabaseAway(string reason);
}
