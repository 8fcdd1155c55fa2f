using System.Collections.Concurrent;

namespace Tracking.Database.Hosts;

/// <summary>
/// A bounded number of names in memory. Eviction is the clock algorithm: a hit sets a mark without a lock, and the hand
/// evicts names without a mark. Nothing expires by itself.
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

    /// <summary>The number of names.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>All names. Others may be added and removed during the enumeration.</summary>
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

    /// <summary>Whether a name is in memory. Sets no mark.</summary>
    public bool Contains(string name) => _hosts.ContainsKey(name);

    /// <summary>The domains of a name. Sets no mark.</summary>
    public TrackingHost? Peek(string name) => _hosts.GetValueOrDefault(name);

    /// <summary>Stores a name's domains and replaces the former ones.</summary>
    /// <returns>The former domains.</returns>
    public TrackingHost? Put(TrackingHost host)
    {
        lock (_gate)
        {
            _hosts.TryGetValue(host.Hostname, out var before);
            if (before is not null)
            {
                // The dictionary keeps its own key. The new domains share that string to save memory.
                (host.Hostname, host.IsUsed) = (before.Hostname, before.IsUsed);
            }

            _hosts[host.Hostname] = host;
            _hand.Enqueue(host);
            _count += before is null ? 1 : 0;

            // After one round no name has a mark, so the loop ends.
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

    /// <summary>Removes a name.</summary>
    /// <returns>The domains that were removed.</returns>
    public TrackingHost? Remove(string name)
    {
        lock (_gate)
        {
            _count -= _hosts.TryRemove(name, out var before) ? 1 : 0;
            return before;
        }
    }

    /// <summary>All names, the oldest entries first.</summary>
    public IReadOnlyList<TrackingHost> ToList()
    {
        lock (_gate)
        {
            return [.. _hand.Where(IsCurrent)];
        }
    }

    // Replaced and removed domains stay in the queue. When they are more than a quarter of the names, and 64, they are
    // removed from the queue.
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
