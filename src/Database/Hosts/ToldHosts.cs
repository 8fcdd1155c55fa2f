using System.Collections.Concurrent;

namespace Tracking.Database.Hosts;

/// <summary>Names whose change was announced lately. The shared cache may have their old state until its entries
/// expire, so it is not asked for these names. Their number is bounded: when there are too many, the cache is not asked
/// for any name.</summary>
internal sealed class ToldHosts(TimeProvider time)
{
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<string, long> _told = new(StringComparer.OrdinalIgnoreCase);
    private readonly Lock _gate = new();
    private long _allToldAt;

    public void Add(string name)
    {
        lock (_gate)
        {
            if (_told.Count >= Most)
            {
                foreach (var (old, at) in _told)
                {
                    if (IsOver(at))
                    {
                        _told.TryRemove(old, out _);
                    }
                }

                if (_told.Count >= Most)
                {
                    Volatile.Write(ref _allToldAt, time.GetTimestamp());
                    _told.Clear();
                }
            }

            _told[name] = time.GetTimestamp();
        }
    }

    public bool Contains(string name) =>
        (_told.TryGetValue(name, out var at) && !IsOver(at))
        || (Volatile.Read(ref _allToldAt) is var all && all != 0 && !IsOver(all));

    private bool IsOver(long at) => time.GetElapsedTime(at) > SharedTrackingHosts.MaxAge + SharedTrackingHosts.MaxLead;
}
