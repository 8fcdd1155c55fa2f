using System.Diagnostics.Metrics;

namespace Tracking.Database;

/// <summary>The metrics of faults in the data that every process caches from the database, listed in
/// <c>docs/telemetry.md</c>.</summary>
public sealed class DirectoryTelemetry : IDisposable
{
    /// <summary>The name of the meter.</summary>
    public const string Name = "Tracking.Database";

    private readonly Meter _meter;

    /// <summary>Creates the instruments.</summary>
    public DirectoryTelemetry(IMeterFactory meters, ClusterDirectory clusters, SigningKeyRing? keys = null)
    {
        ArgumentNullException.ThrowIfNull(meters);
        _meter = meters.Create(Name);
        if (keys is not null)
        {
            _meter.CreateObservableGauge(
                "tracking.keys.faulty", () => keys.Faults.Count, "{key}",
                "Versions of the signing key that are missing in the database or cannot be opened.");
        }

        _meter.CreateObservableGauge(
            "tracking.clusters.unreadable",
            () => clusters.UnreadableCount is { } count
                ? [new Measurement<int>(count)]
                : (IEnumerable<Measurement<int>>)[],
            "{cluster}",
            "Clusters whose settings cannot be read.");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
