using System.Collections.Concurrent;
using Tracking.Links;

namespace Tracking.RedirectEdge.Destinations;

/// <summary>The key of a destination: its cluster and its link id.</summary>
internal readonly record struct LinkKey(ClusterId Cluster, LinkId Link)
{
    /// <summary>The link id is already a hash.</summary>
    public override int GetHashCode() => (int)(Link.Value >> 16) ^ Cluster.Value;
}

/// <summary>A link in memory.</summary>
internal sealed class CachedLink(LinkKey key, string url)
{
    private bool _used;

    public LinkKey Key { get; } = key;

    /// <summary>The destination; it is safe in a header.</summary>
    public string Url { get; } = url;

    /// <summary>Whether the link was requested since the eviction hand last passed. Written only when the value
    /// changes, so that a hot link's cache line stays shared between cores.</summary>
    public bool Used
    {
        get => Volatile.Read(ref _used);
        set
        {
            if (_used != value)
            {
                Volatile.Write(ref _used, value);
            }
        }
    }

    /// <summary>The stamp of the rules that have been found to leave this link alone.</summary>
    public object? LeftAloneBy { get; set; }

    /// <summary>The approximate size in memory: two bytes per character, the objects and the table's entry.</summary>
    public long Size => (2 * Url.Length) + 168;
}

/// <summary>
/// Links in memory, limited by number and bytes. Eviction is the clock algorithm: a hit sets a mark and takes no lock,
/// and the hand removes links without a mark. Links never expire, because the destination of a link id never changes.
/// </summary>
internal sealed class LinkCache(int maxLinks, long maxBytes)
{
    private readonly ConcurrentDictionary<LinkKey, CachedLink> _links = new();
    private readonly Queue<CachedLink> _hand = new();
    private readonly Lock _gate = new();
    private long _bytes;

    public int Count => _links.Count;

    public long Bytes => Volatile.Read(ref _bytes);

    public bool TryGet(LinkKey key, out CachedLink link)
    {
        if (!_links.TryGetValue(key, out link!))
        {
            return false;
        }

        link.Used = true;
        return true;
    }

    /// <summary>Adds a link. A link that is already in the cache stays.</summary>
    public bool Add(CachedLink link)
    {
        lock (_gate)
        {
            if (!_links.TryAdd(link.Key, link))
            {
                return false;
            }

            _hand.Enqueue(link);
            _bytes += link.Size;
            // At most one whole round clears every mark, so the loop ends.
            while ((_hand.Count > maxLinks || _bytes > maxBytes) && _hand.TryDequeue(out var oldest))
            {
                if (oldest.Used)
                {
                    oldest.Used = false;
                    _hand.Enqueue(oldest);
                }
                else
                {
                    _links.TryRemove(oldest.Key, out _);
                    _bytes -= oldest.Size;
                }
            }

            return true;
        }
    }

    /// <summary>All links, oldest first.</summary>
    public IReadOnlyList<CachedLink> ToList()
    {
        lock (_gate)
        {
            return [.. _hand];
        }
    }
}
