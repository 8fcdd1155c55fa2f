using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Options;
using Tracking.Links;

namespace Tracking.Rewrite.Registration;

/// <summary>
/// Destinations that are certainly in the database, by URL: a campaign's second message registers no link. Bounded in
/// two generations: when the young one is full the old one is dropped, and what is still in use moves up again.
/// Destinations are never deleted, so an entry never becomes wrong.
/// </summary>
public sealed class KnownDestinations(IOptions<RewriteOptions> options)
{
    /// <summary>The longest URL that is remembered, in bytes: longer ones are rare, and at 8 KiB each they would fill
    /// the memory; they cost their statement every time.</summary>
    public const int MaxUrlBytes = 1024;

    private readonly int _perGeneration = options.Value.KnownDestinations / 2;
    private readonly Lock _turning = new();
    private volatile ConcurrentDictionary<Entry, LinkId> _young = NewGeneration();
    private volatile ConcurrentDictionary<Entry, LinkId>? _old;

    // Beside the dictionary, whose own count takes every one of its locks.
    private int _youngCount;

    /// <summary>Finds the link id of a destination known to be stored.</summary>
    public bool TryGet(ClusterId cluster, ReadOnlySpan<byte> url, out LinkId link)
    {
        var probe = new Probe(cluster, url);
        if (_young.GetAlternateLookup<Probe>().TryGetValue(probe, out link))
        {
            return true;
        }

        if (_old is not { } old || !old.GetAlternateLookup<Probe>().TryGetValue(probe, out var entry, out link))
        {
            return false;
        }

        Add(entry, link);
        return true;
    }

    /// <summary>Remembers a destination after its registration has committed.</summary>
    public void Add(ClusterId cluster, byte[] url, LinkId link)
    {
        if (url.Length <= MaxUrlBytes)
        {
            Add(new Entry(cluster, url), link);
        }
    }

    private void Add(Entry entry, LinkId link)
    {
        if (!_young.TryAdd(entry, link) || Interlocked.Increment(ref _youngCount) <= _perGeneration)
        {
            return;
        }

        lock (_turning)
        {
            if (_youngCount > _perGeneration)
            {
                _old = _young;
                _young = NewGeneration();
                _youngCount = 0;
            }
        }
    }

    private static ConcurrentDictionary<Entry, LinkId> NewGeneration() => new(EntryComparer.Instance);

    private readonly record struct Entry(ClusterId Cluster, byte[] Url);

    private readonly ref struct Probe(ClusterId cluster, ReadOnlySpan<byte> url)
    {
        /// <summary>Computed once: a new URL is looked for in both generations.</summary>
        public int Hash { get; } = EntryComparer.Hash(cluster, url);

        public ClusterId Cluster { get; } = cluster;

        public ReadOnlySpan<byte> Url { get; } = url;
    }

    private sealed class EntryComparer : IEqualityComparer<Entry>, IAlternateEqualityComparer<Probe, Entry>
    {
        public static readonly EntryComparer Instance = new();

        public bool Equals(Entry x, Entry y) => x.Cluster == y.Cluster && x.Url.AsSpan().SequenceEqual(y.Url);

        public bool Equals(Probe alternate, Entry other) =>
            alternate.Cluster == other.Cluster && alternate.Url.SequenceEqual(other.Url);

        public int GetHashCode([DisallowNull] Entry obj) => Hash(obj.Cluster, obj.Url);

        public int GetHashCode(Probe alternate) => alternate.Hash;

        public Entry Create(Probe alternate) => new(alternate.Cluster, alternate.Url.ToArray());

        public static int Hash(ClusterId cluster, ReadOnlySpan<byte> url)
        {
            // HashCode is seeded per process: a sender cannot choose URLs that collide.
            var hash = default(HashCode);
            hash.Add(cluster.Value);
            hash.AddBytes(url);
            return hash.ToHashCode();
        }
    }
}
