using System.Collections.Concurrent;

namespace Tracking.Database.Hosts;

/// <summary>
/// Names in memory, bounded. Eviction is the clock algorithm: a hit sets a mark and takes no lock; the hand removes
/// what has no mark. Nothing expires by itself.
/// </summary>
internal sealed class HostMemory
{
    private readonly ConcurrentDictionary<string, TrackingHost> _hosts = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, TrackingHost>.AlternateLookup<ReadOnlySpan<char>> _byName;
    private readonly Queue<TrackingHost> _hand = new();
    private readonly Lock _gate = new();
    private readonly int _max;
    private int _count;

    public HostMemory(int max)
    {
        _max = max;
        _byName = _hosts.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Names, each once.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>All names, while others come and go.</summary>
    public IEnumerable<string> Names => _hosts.Select(entry => entry.Key);

    public bool TryGet(ReadOnlySpan<char> name, out TrackingHost host)
    {
        if (!_byName.TryGetValue(name, out host!))
        {
            return false;
        }

        host.IsUsed = true;
        return true;
    }

    /// <summary>Whether a name is here; leaves no mark.</summary>
    public bool Contains(string name) => _hosts.ContainsKey(name);

    /// <summary>What is known of a name; leaves no mark.</summary>
    public TrackingHost? Peek(string name) => _hosts.GetValueOrDefault(name);

    /// <summary>Puts a name's domains in the place of what was known of it.</summary>
    /// <returns>What was known before.</returns>
    public TrackingHost? Put(TrackingHost host)
    {
        lock (_gate)
        {
            _hosts.TryGetValue(host.Hostname, out var before);
            if (before is not null)
            {
                // The table goes on holding the string that it has: one for each name is enough.
                (host.Hostname, host.IsUsed) = (before.Hostname, before.IsUsed);
            }

            _hosts[host.Hostname] = host;
            _hand.Enqueue(host);
            _count += before is null ? 1 : 0;

            // A whole round at most clears every mark, so this ends.
            while (_count > _max && _hand.TryDequeue(out var oldest))
            {
                if (!IsCurrent(oldest))
                {
                    continue;
                }

                if (oldest.IsUsed)
                {
                    oldest.IsUsed = false;
                    _hand.Enqueue(oldest);
                }
                else
                {
                    _hosts.TryRemove(oldest.Hostname, out _);
                    _count--;
                }
            }

            ForgetReplaced();
            return before;
        }
    }

    /// <summary>Takes a name out.</summary>
    /// <returns>What was known of it.</returns>
    public TrackingHost? Remove(string name)
    {
        lock (_gate)
        {
            _count -= _hosts.TryRemove(name, out var before) ? 1 : 0;
            return before;
        }
    }

    /// <summary>All names, those longest here first.</summary>
    public IReadOnlyList<TrackingHost> ToList()
    {
        lock (_gate)
        {
            return [.. _hand.Where(IsCurrent)];
        }
    }

    // What was replaced or taken out still stands in the round: at most a quarter of what is there.
    private void ForgetReplaced()
    {
        if (_hand.Count > _count + (_count / 4) + 64)
        {
            TrackingHost[] current = [.. _hand.Where(IsCurrent)];
            _hand.Clear();
            foreach (var host in current)
            {
                _hand.Enqueue(host);
            }
        }
    }

    private bool IsCurrent(TrackingHost host) =>
        _hosts.TryGetValue(host.Hostname, out var current) && ReferenceEquals(current, host);
}
