using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Tracking.RedirectEdge.Imported;

/// <summary>
/// Imported links in memory, a limited number of them, in two halves: a link that is used moves to the new half, and
/// when that is full the old half is forgotten. Unlike the clock of own links it keeps no mark in the link, which is
/// immutable, and it costs a look-up more.
/// </summary>
internal sealed class ImportedMemory(int max)
{
    private readonly Lock _gate = new();
    private volatile ConcurrentDictionary<ImportedPath, ImportedLink> _new = new();
    private volatile ConcurrentDictionary<ImportedPath, ImportedLink> _old = new();
    private int _count;

    /// <summary>Finds a link.</summary>
    public bool TryGet(ImportedPath at, [NotNullWhen(true)] out ImportedLink? link)
    {
        if (_new.TryGetValue(at, out link))
        {
            return true;
        }

        if (!_old.TryGetValue(at, out link))
        {
            return false;
        }

        Add(at, link);
        return true;
    }

    /// <summary>Adds a link. One that is there stays.</summary>
    public void Add(ImportedPath at, ImportedLink link)
    {
        lock (_gate)
        {
            if (!_new.TryAdd(at, link) || ++_count < Math.Max(1, max / 2))
            {
                return;
            }

            (_old, _new, _count) = (_new, new(), 0);
        }
    }

    /// <summary>All links, those used last behind.</summary>
    public IReadOnlyList<KeyValuePair<ImportedPath, ImportedLink>> ToList()
    {
        lock (_gate)
        {
            var (used, old) = (_new, _old);
            return [.. old.Where(entry => !used.ContainsKey(entry.Key)), .. used];
        }
    }
}
