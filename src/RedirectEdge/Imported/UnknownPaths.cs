using System.Collections.Concurrent;

namespace Tracking.RedirectEdge.Imported;

/// <summary>
/// Paths that are no imported links: remembered for a while, and a bounded number of them; and how many may be looked
/// up in a second, so that a flood of invented paths does not reach the database.
/// </summary>
internal sealed class UnknownPaths(RedirectEdgeOptions options, TimeProvider time)
{
    private readonly ConcurrentDictionary<ImportedPath, long> _since = new();
    private readonly Lock _gate = new();
    private double _left = options.UnknownPathsPerSecond;
    private long _at = time.GetTimestamp();
    private long _sweptAt = time.GetTimestamp();

    /// <summary>Whether a path was looked up lately, and is none.</summary>
    public bool Contains(ImportedPath at) =>
        _since.TryGetValue(at, out var since) && time.GetElapsedTime(since) < options.NegativeAge;

    /// <summary>Whether another path may be looked up that may be none.</summary>
    public bool MayAsk()
    {
        lock (_gate)
        {
            Refill();
            return _left >= 1;
        }
    }

    /// <summary>Remembers a path that is none, and counts it.</summary>
    public void Add(ImportedPath at)
    {
        lock (_gate)
        {
            Refill();
            _left = Math.Max(0, _left - 1);
            if (_since.Count >= options.MaxNegatives && time.GetElapsedTime(_sweptAt) >= options.NegativeAge)
            {
                _sweptAt = time.GetTimestamp();
                foreach (var (old, since) in _since)
                {
                    if (time.GetElapsedTime(since) >= options.NegativeAge)
                    {
                        _since.TryRemove(old, out _);
                    }
                }
            }

            if (_since.Count < options.MaxNegatives)
            {
                _since[at] = time.GetTimestamp();
            }
        }
    }

    private void Refill()
    {
        var now = time.GetTimestamp();
        _left = Math.Min(
            options.UnknownPathsPerSecond,
            _left + (time.GetElapsedTime(_at, now).TotalSeconds * options.UnknownPathsPerSecond));
        _at = now;
    }
}
