using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.Links;

namespace Tracking.RedirectEdge.Hosts;

/// <summary>
/// The copy of active clusters, what may be kept of their events, and sealed signing keys as bytes: version (u8, 2),
/// clusters (i32 count; i32 each, ascending, and u8 for the policy: the address policy, and 4 for anonymous), keys (i32
/// count; version i32, first moment of signing in ticks UTC i64, length i32, bytes). The size is at most 80 MiB,
/// because cluster numbers have 24 bits.
/// </summary>
internal static class DirectoryCopy
{
    private const byte Version = 2;

    // Before policies were in it.
    private const byte FirstVersion = 1;
    private const byte Anonymous = 4;

    public static byte[] Encode(
        IEnumerable<(ClusterId Cluster, ClusterPolicy Policy)> clusters, IReadOnlyCollection<SealedSigningKey> keys)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Version);
        var ordered = clusters.OrderBy(entry => entry.Cluster.Value).ToArray();
        writer.Write(ordered.Length);
        foreach (var (cluster, policy) in ordered)
        {
            writer.Write(cluster.Value);
            writer.Write((byte)((int)policy.Address | (policy.IsAnonymous ? Anonymous : 0)));
        }

        writer.Write(keys.Count);
        foreach (var key in keys)
        {
            writer.Write(key.Version);
            writer.Write(key.SignsFrom.UtcTicks);
            writer.Write(key.Sealed.Length);
            writer.Write(key.Sealed);
        }

        writer.Flush();
        return stream.ToArray();
    }

    /// <exception cref="InvalidDataException">Another version wrote the copy.</exception>
    /// <exception cref="IOException">The copy is truncated.</exception>
    public static (Dictionary<ClusterId, ClusterPolicy> Clusters, List<SealedSigningKey> Keys) Decode(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes));
        var format = reader.ReadByte();
        if (format is not (Version or FirstVersion))
        {
            throw new InvalidDataException("Another version wrote the copy.");
        }

        var clusters = new Dictionary<ClusterId, ClusterPolicy>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            var cluster = new ClusterId(reader.ReadInt32());
            clusters[cluster] = format == FirstVersion ? ClusterPolicy.Strictest : Policy(reader.ReadByte());
        }

        var keys = new List<SealedSigningKey>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            var version = reader.ReadInt32();
            var signsFrom = new DateTimeOffset(reader.ReadInt64(), TimeSpan.Zero);
            keys.Add(new SealedSigningKey(version, reader.ReadBytes(reader.ReadInt32()), signsFrom));
        }

        return (clusters, keys);
    }

    private static ClusterPolicy Policy(byte bits) => (AddressPolicy)(bits & (Anonymous - 1)) is var address
        && Enum.IsDefined(address)
            ? new ClusterPolicy(address, (bits & Anonymous) != 0, 0)
            : ClusterPolicy.Strictest;
}
