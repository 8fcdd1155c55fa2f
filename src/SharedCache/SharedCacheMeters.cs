using System.Diagnostics.Metrics;

namespace Tracking.SharedCache;

/// <summary>The shared cache's figures, meter <c>Tracking.SharedCache</c>.</summary>
internal sealed class SharedCacheMeters
{
    /// <summary>The meter's name.</summary>
    public const string Name = "Tracking.SharedCache";

    private readonly Meter _meter;
    private readonly Counter<long> _reads;
    private readonly Counter<long> _writes;

    public SharedCacheMeters(IMeterFactory factory)
    {
        _meter = factory.Create(Name);
        _reads = _meter.CreateCounter<long>(
            "tracking.cache.reads", "{read}", "Values wanted from the shared cache, by outcome.");
        _writes = _meter.CreateCounter<long>(
            "tracking.cache.writes", "{write}", "Values for the shared cache, by outcome.");
    }

    /// <summary>Counts a read.</summary>
    /// <param name="outcome"><c>hit</c>; <c>miss</c>; <c>rejected</c>: a value that none of us has written for that
    /// key, ignored; <c>failed</c>: no answer in time, or an error; <c>skipped</c>: not asked, because the cache is
    /// left out.</param>
    public void Read(string outcome) => _reads.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    /// <summary>Counts writes.</summary>
    /// <param name="outcome"><c>written</c>; <c>failed</c>; <c>dropped</c>: too many at once, too long, or the cache is
    /// left out.</param>
    /// <param name="count">The number of values.</param>
    public void Written(string outcome, int count = 1) =>
        _writes.Add(count, new KeyValuePair<string, object?>("outcome", outcome));

    /// <summary>Adds a gauge that shows whether the cache is used.</summary>
    public void Observe(Func<bool> isUsed) => _meter.CreateObservableGauge(
        "tracking.cache.used", () => isUsed() ? 1 : 0, "{cache}", "1 while the shared cache is asked, 0 while it is "
        + "left out.");
}
