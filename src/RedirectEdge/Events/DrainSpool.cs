using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// Empties the spool when the edge stops. At that time the server no longer accepts requests, and the publisher and the
/// bus still work. Events that are not stored in time stay on disk for the next start, or for an edge that adopts the
/// folder. No event is lost in either case.
/// </summary>
internal sealed partial class DrainSpool(
    EventSpool spool, IOptions<RedirectEdgeOptions> options, TimeProvider time, ILogger<DrainSpool> logger)
    : IHostedService
{
    /// <summary>The time that a stop needs besides draining: for connections, the bus and the copies.</summary>
    internal static readonly TimeSpan StopMargin = TimeSpan.FromSeconds(3);

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            await spool.DrainAsync().WaitAsync(options.Value.DrainTimeout, time, cancellationToken);
            LogDrained(spool.EdgeId);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            LogLeft(spool.EdgeId, spool.Events);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Edge {Edge} is drained: all its events are stored")]
    private partial void LogDrained(Guid edge);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Edge {Edge} stops with {Events} events in its folder; keep it: the next start on it publishes them")]
    private partial void LogLeft(Guid edge, long events);
}
