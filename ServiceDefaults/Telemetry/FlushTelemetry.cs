using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Tracking.ServiceDefaults.Telemetry;

/// <summary>
/// Sends what is still held, after all other services have stopped. Left to the container, which disposes the providers
/// one after the other and has no common bound, a collector that does not answer would hold up the stop for 15 s.
/// </summary>
/// <remarks>That it takes the providers builds them before any hosted service starts.</remarks>
[SuppressMessage("Performance", "CA1812", Justification = "Created by the container.")]
internal sealed class FlushTelemetry(TracerProvider traces, MeterProvider metrics, LoggerProvider logs)
    : IHostedLifecycleService
{
    /// <summary>
    /// The longest the last export may hold up the stop. A collector on the same machine takes milliseconds; an
    /// absent one must leave time for the rest of the 10 s in which a process is expected to stop.
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
        // Side by side, since each may have to wait for the same absent collector.
        return Task.WhenAll(
            Task.Run(() => traces.Shutdown(milliseconds), CancellationToken.None),
            Task.Run(() => metrics.Shutdown(milliseconds), CancellationToken.None),
            Task.Run(() => logs.Shutdown(milliseconds), CancellationToken.None));
    }
}
