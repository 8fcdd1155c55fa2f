using System.Collections.Concurrent;

namespace Tracking.Database.Hosts;

/// <summary>
/// Names that are no tracking domain, for a limited time and up to a limited number. It also limits the look-ups per
/// second, so that a flood of invented names does not reach the database.
/// </summary>
internal sealed class UnknownHosts
{
    private static readonly TimeSpan _sweepPause = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, long> _since = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, long>.AlternateLookup<ReadOnlySpan<char>> _byName;
    private readonly TrackingHostsOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private double _left;
    private long _at;
    private long _sweptAt;
    private int _count;

    public UnknownHosts(TrackingHostsOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _byName = _since.GetAlternateLookup<ReadOnlySpan<char>>();
        (_left, _at) = (options.UnknownPerSecond, time.GetTimestamp());
    }

    public int Count => Volatile.Read(ref _count);

    /// <summary>Whether a recent look-up found that the name is no tracking domain.</summary>
    public bool Contains(ReadOnlySpan<char> name) =>
        _byName.TryGetValue(name, out var since) && _time.GetElapsedTime(since) < _options.UnknownAge;

    /// <summary>Whether the limit allows another look-up of a name that may be unknown.</summary>
    public bool MayAsk()
    {
        lock (_gate)
        {
            Refill();
            return _left >= 1;
        }
    }

    /// <summary>Stores an unknown name and counts its look-up.</summary>
    public void Add(string name)
    {
        lock (_gate)
        {
            Refill();
            _left = Math.Max(0, _left - 1);
            if (_count >= _options.MaxUnknown && _time.GetElapsedTime(_sweptAt) >= _sweepPause)
            {
                _sweptAt = _time.GetTimestamp();
                foreach (var (old, since) in _since)
                {
                    if (_time.GetElapsedTime(since) >= _options.UnknownAge)
                    {
                        Take(old);
                    }
                }
            }

            if (_count < _options.MaxUnknown)
            {
                _count += _since.TryAdd(name, 0) ? 1 : 0;
                _since[name] = _time.GetTimestamp();
            }
        }
    }

    /// <summary>Removes a name, which may be a tracking domain now.</summary>
    public void Remove(string name)
    {
        if (_since.ContainsKey(name))
        {
            lock (_gate)
            {
                Take(name);
            }
        }
    }

    private void Take(string name) => _count -= _since.TryRemove(name, out _) ? 1 : 0;

    private void Refill()
    {
        var now = _time.GetTimestamp();
        _left = Math.Min(
            _options.UnknownPerSecond,
            _left + (_time.GetElapsedTime(_at, now).TotalSeconds * _options.UnknownPerSecond));
        _at = now;
    }
}
