using System.Collections.Concurrent;

namespace Tracking.Database.Hosts;

/// <summary>
/// Names that nobody has: remembered for a while, and a bounded number of them; and how many may be looked up in a
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

    /// <summary>Whether a name was looked up lately, and is nobody's.</summary>
    public bool Contains(ReadOnlySpan<char> name) =>
        _byName.TryGetValue(name, out var since) && _time.GetElapsedTime(since) < _options.UnknownAge;

    /// <summary>Whether another name may be looked up that may be nobody's.</summary>
    public bool MayAsk()
    {
        lock (_gate)
        {
            Refill();
            return _left >= 1;
        }
    }

    /// <summary>Remembers a name that nobody has, and counts it.</summary>
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

    /// <summary>Forgets a name: somebody may have it now.</summary>
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
