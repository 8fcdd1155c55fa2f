using System.Diagnostics.Metrics;

namespace Tracking.Database.Hosts;

/// <summary>The metrics of look-ups of tracking domains, listed in <c>docs/telemetry.md</c>.</summary>
public sealed class TrackingHostsTelemetry : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _lookups;
    private readonly Counter<long> _reloads;
    private readonly Counter<long> _changes;

    /// <summary>Creates the instruments.</summary>
    public TrackingHostsTelemetry(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        _meter = meters.Create(DirectoryTelemetry.Name);
        _lookups = _meter.CreateCounter<long>(
            "tracking.hosts.lookups", "{lookup}", "Tracking domains that were not in memory, by outcome.");
        _reloads = _meter.CreateCounter<long>(
            "tracking.hosts.reloaded", "{name}", "Tracking domains in memory that were read again.");
        _changes = _meter.CreateCounter<long>(
            "tracking.hosts.changed", "{name}", "Changed tracking domains that polls of PostgreSQL found.");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    /// <summary>Counts a look-up: <c>shared</c>, <c>found</c>, <c>nobody</c>, <c>unavailable</c>, or <c>refused</c>
    /// because too many unknown names are looked up.</summary>
    internal void LookedUp(string outcome) => _lookups.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    internal void Reloaded(int names) => _reloads.Add(names);

    internal void Polled(int names) => _changes.Add(names);

    internal void Observe(Func<int> names) => _meter.CreateObservableGauge(
        "tracking.hosts.cached", names, "{name}", "Tracking domains in memory.");
}
