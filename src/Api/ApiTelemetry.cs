using System.Diagnostics.Metrics;

namespace Tracking.Api;

/// <summary>The metrics of the API's limits; <c>docs/telemetry.md</c> lists their names.</summary>
public sealed class ApiTelemetry : IDisposable
{
    /// <summary>The name of the meter.</summary>
    public const string Name = "Tracking.Api";

    private readonly Meter _meter;
    private readonly Counter<long> _lookups;
    private readonly Counter<long> _refused;

    /// <summary>Creates the instruments.</summary>
    public ApiTelemetry(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        _meter = meters.Create(Name);
        _lookups = _meter.CreateCounter<long>(
            "tracking.api.keys.lookups", "{lookup}", "API keys looked up in the database, by outcome");
        _refused = _meter.CreateCounter<long>(
            "tracking.api.refused", "{request}", "Requests answered with 429, by reason");
    }

    /// <summary>Counts a look-up of a key.</summary>
    /// <param name="isFound">Whether the key works.</param>
    public void LookedUp(bool isFound) =>
        _lookups.Add(1, new KeyValuePair<string, object?>("outcome", isFound ? "found" : "unknown"));

    /// <summary>Counts a refused request.</summary>
    /// <param name="reason"><c>unknownKey</c>, <c>busy</c>, <c>share</c> or <c>exports</c>.</param>
    public void Refused(string reason) => _refused.Add(1, new KeyValuePair<string, object?>("reason", reason));

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
