using Tracking.Database;
using Tracking.Links;

namespace Tracking.RedirectEdge.Hosts;

/// <summary>
/// The copy of active clusters and sealed signing keys as bytes: version (u8, 1), clusters (i32 count, i32 each,
/// ascending), keys (i32 count; version i32, first moment of signing in ticks UTC i64, length i32, bytes). The size is
/// at most 64 MiB, because cluster numbers have 24 bits.
/// </summary>
internal static class DirectoryCopy
{
    private const byte Version = 1;

    public static byte[] Encode(IEnumerable<ClusterId> clusters, IReadOnlyCollection<SealedSigningKey> keys)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Version);
        var numbers = clusters.Select(cluster => cluster.Value).Order().ToArray();
        writer.Write(numbers.Length);
        foreach (var number in numbers)
        {
            writer.Write(number);
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
    public static (List<ClusterId> Clusters, List<SealedSigningKey> Keys) Decode(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes));
        if (reader.ReadByte() != Version)
        {
            throw new InvalidDataException("Another version wrote the copy.");
        }

        var clusters = new List<ClusterId>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            clusters.Add(new ClusterId(reader.ReadInt32()));
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
}
