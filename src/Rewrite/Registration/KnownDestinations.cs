using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Options;
using Tracking.Links;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Registration;

/// <summary>
/// Destinations that are certainly in the database, by URL: the second message of a campaign registers no link. The
/// number is limited by two generations. When the young generation is full, the old one is dropped, and a destination
/// that is used again moves to the young one.
/// <para>Destinations are never deleted, but a database may return to an older state: by a failover to a standby that
/// lacked the newest data, or by a restored backup. So known destinations belong to one <see cref="Memory"/>. All of it
/// is forgotten when a connection breaks or another state of the database answers.</para>
/// </summary>
public sealed class KnownDestinations(IOptions<RewriteOptions> options)
{
    /// <summary>The longest URL that is remembered, in bytes. Longer URLs are rare, and at 8 KiB each they would fill
    /// the memory. A longer URL costs its statement every time.</summary>
    public const int MaxUrlBytes = 1024;

    private readonly int _perGeneration = options.Value.KnownDestinations / 2;
    private volatile Memory _memory = new(options.Value.KnownDestinations / 2);

    /// <summary>The current memory. A caller that looks up a destination adds new ones to the same object, so a
    /// registration that began before forgetting adds nothing to the new memory.</summary>
    internal Memory Now => _memory;

    /// <summary>Finds the link id of a stored destination.</summary>
    public bool TryGet(ClusterId cluster, ReadOnlySpan<byte> url, out LinkId link) =>
        _memory.TryGet(cluster, url, out _, out link);

    /// <summary>Remembers a destination after its registration has committed.</summary>
    public void Add(ClusterId cluster, byte[] url, LinkId link) => _memory.Add(cluster, url, link);

    /// <summary>Forgets everything, because the database may have returned to an older state.</summary>
    public void Forget() => _memory = new Memory(_perGeneration);

    /// <summary>The known destinations of one state of the database.</summary>
    internal sealed class Memory(int perGeneration)
    {
        private readonly Lock _turning = new();
        private volatile ConcurrentDictionary<Entry, LinkId> _young = NewGeneration();
        private volatile ConcurrentDictionary<Entry, LinkId>? _old;
        private string? _state;

        // A separate count: the dictionary's own count takes every one of its locks.
        private int _youngCount;

        /// <summary>Whether the memory belongs to this state of the database. The first given state becomes its
        /// state.</summary>
        public bool IsOf(string state) =>
            (Interlocked.CompareExchange(ref _state, state, null) ?? state) == state;

        /// <param name="cluster">The destination's cluster.</param>
        /// <param name="url">The destination.</param>
        /// <param name="kept">The known destination, in memory that stays.</param>
        /// <param name="link">The known link id.</param>
        public bool TryGet(
            ClusterId cluster, ReadOnlySpan<byte> url, [NotNullWhen(true)] out byte[]? kept, out LinkId link)
        {
            var probe = new Probe(cluster, url);
            if (_young.GetAlternateLookup<Probe>().TryGetValue(probe, out var entry, out link))
            {
                kept = entry.Url;
                return true;
            }

            if (_old is not { } old || !old.GetAlternateLookup<Probe>().TryGetValue(probe, out entry, out link))
            {
                kept = null;
                return false;
            }

            kept = entry.Url;
            Add(entry, link);
            return true;
        }

        public void Add(ClusterId cluster, byte[] url, LinkId link)
        {
            if (url.Length <= MaxUrlBytes)
            {
                Add(new Entry(cluster, url), link);
            }
        }

        private void Add(Entry entry, LinkId link)
        {
            if (!_young.TryAdd(entry, link) || Interlocked.Increment(ref _youngCount) <= perGeneration)
            {
                return;
            }

            lock (_turning)
            {
                if (_youngCount > perGeneration)
                {
                    _old = _young;
                    _young = NewGeneration();
                    _youngCount = 0;
                }
            }
        }
    }

    private static ConcurrentDictionary<Entry, LinkId> NewGeneration() => new(EntryComparer.Instance);

    private readonly record struct Entry(ClusterId Cluster, byte[] Url);

    private readonly ref struct Probe(ClusterId cluster, ReadOnlySpan<byte> url)
    {
        /// <summary>The hash, computed once because a new URL is searched in both generations.</summary>
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

        public static int Hash(ClusterId cluster, ReadOnlySpan<byte> url) =>
            (int)SeededHash.Add((uint)cluster.Value, url);
    }
}
