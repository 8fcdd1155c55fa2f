using Tracking.Links;

namespace Tracking.Tls.Certificates;

/// <summary>
/// Remembers names without a certificate for a while, so that repeated connections cost no question. The memory has two
/// halves: when the younger half is full, it becomes the older half, and the names of the former older half are
/// forgotten. So memory is bounded however many names are tried.
/// </summary>
internal sealed class UnknownNames(int capacity, TimeProvider time)
{
    private readonly Lock _using = new();
    private Dictionary<HostName, long> _young = [];
    private Dictionary<HostName, long> _old = [];

    /// <summary>Names that are remembered, at most the capacity.</summary>
    public int Count
    {
        get
        {
            lock (_using)
            {
                return _young.Count + _old.Count;
            }
        }
    }

    /// <summary>Remembers a name.</summary>
    public void Add(HostName name, TimeSpan lifetime)
    {
        lock (_using)
        {
            if (_young.Count >= capacity / 2 && !_young.ContainsKey(name))
            {
                (_young, _old) = (_old, _young);
                _young.Clear();
            }

            _young[name] = time.GetTimestamp() + (long)(lifetime.TotalSeconds * time.TimestampFrequency);
        }
    }

    /// <summary>Whether a name is remembered.</summary>
    public bool Contains(HostName name)
    {
        lock (_using)
        {
            return (_young.TryGetValue(name, out var until) || _old.TryGetValue(name, out until))
                && until > time.GetTimestamp();
        }
    }

    /// <summary>Forgets all names.</summary>
    public void Clear()
    {
        lock (_using)
        {
            _young.Clear();
            _old.Clear();
        }
    }

    /// <summary>Forgets a name.</summary>
    public void Remove(HostName name)
    {
        lock (_using)
        {
            _young.Remove(name);
            _old.Remove(name);
        }
    }
}
