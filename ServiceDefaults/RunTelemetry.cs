using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Tracking.ServiceDefaults;

/// <summary>
/// Builds the providers before any other hosted service starts and flushes them after all have stopped. (The packages
/// that would do it are not used: docs/decisions/0005-package-versions.md.)
/// </summary>
[SuppressMessage("Performance", "CA1812", Justification = "Created by the container.")]
internal sealed class RunTelemetry(IConfiguration configuration, TelemetryResource resource, IServiceProvider services)
    : IHostedLifecycleService, IDisposable
{
    /// <summary>
    /// The longest the last export may hold up the stop. A collector on the same machine takes milliseconds; an
    /// absent one must leave time for the rest of the 10 s in which a process is expected to stop.
    /// </summary>
    internal static readonly TimeSpan FlushTimeout = TimeSpan.FromSeconds(3);

    private TracerProvider? _traces;
    private MeterProvider? _metrics;

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        _traces = Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(own => own.AddSingleton(configuration))
            .SetResourceBuilder(resource.CreateBuilder())
            .AddSource("Microsoft.AspNetCore", "System.Net.Http", "MassTransit", "Npgsql", Telemetry.OwnNames)
            .AddProcessor(new HealthSpanFilter())
            .AddProcessor(new HideTokens.InSpans())
            .AddOtlpExporter()
            .Build();
        _metrics = Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(own => own.AddSingleton(configuration))
            .SetResourceBuilder(resource.CreateBuilder())
            .AddMeter("System.Runtime", "Microsoft.AspNetCore.*", "System.Net.Http", "System.Net.NameResolution")
            .AddMeter("MassTransit", "Npgsql", Telemetry.OwnNames)
            .AddOtlpExporter()
            .Build();
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        var logs = services.GetService<LoggerProvider>();
        var milliseconds = (int)FlushTimeout.TotalMilliseconds;
        // Side by side, since each may have to wait for the same absent collector.
        return Task.WhenAll(
            Task.Run(() => _traces?.Shutdown(milliseconds), CancellationToken.None),
            Task.Run(() => _metrics?.Shutdown(milliseconds), CancellationToken.None),
            Task.Run(() => logs?.Shutdown(milliseconds), CancellationToken.None));
    }

    public void Dispose()
    {
        _traces?.Dispose();
        _metrics?.Dispose();
    }
}
