using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Tracking.ServiceDefaults.Telemetry;

/// <summary>
/// Sends the remaining telemetry after all other services have stopped. The container would dispose the providers one
/// after the other without a common limit, so an unanswering collector would delay the stop by 15 s.
/// </summary>
/// <remarks>The constructor takes the providers, so they are built before any hosted service starts.</remarks>
[SuppressMessage("Performance", "CA1812", Justification = "Created by the container.")]
internal sealed class FlushTelemetry(TracerProvider traces, MeterProvider metrics, LoggerProvider logs)
    : IHostedLifecycleService
{
    /// <summary>
    /// The longest time that the last export may delay the stop. A collector on the same machine takes milliseconds.
    /// With an absent one there must be time for the rest of the 10 s in which a process should stop.
    /// </summary>
    internal static readonly TimeSpan Timeout = TimeSpan.FromSeconds(3);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        var milliseconds = (int)Timeout.TotalMilliseconds;
        // In parallel, because each may wait for the same absent collector.
        return Task.WhenAll(
            Task.Run(() => traces.Shutdown(milliseconds), CancellationToken.None),
            Task.Run(() => metrics.Shutdown(milliseconds), CancellationToken.None),
            Task.Run(() => logs.Shutdown(milliseconds), CancellationToken.None));
    }
}
