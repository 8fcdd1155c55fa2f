using System.Buffers.Binary;
using System.Text;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.RedirectEdge.Destinations;

namespace Tracking.RedirectEdge.Imported;

/// <summary>A path on a tracking domain of a cluster.</summary>
/// <param name="Cluster">Whose the domain is.</param>
/// <param name="Host">A-labels, lower case, without a final dot.</param>
/// <param name="Path">Path, with the query where it belongs to the link's name.</param>
internal readonly record struct ImportedPath(ClusterId Cluster, string Host, string Path);

/// <summary>What an imported path means. It never changes.</summary>
/// <param name="Kind">A click or an open.</param>
/// <param name="Message">Its message.</param>
/// <param name="Link">Its destination; default for an open.</param>
/// <param name="Level">How much is kept of who follows it.</param>
/// <param name="NeedsQuery">The path alone is no link: links on it are told apart by their query.</param>
internal sealed record ImportedLink(
    LinkKind Kind, MessageKey Message, LinkId Link, TrackingLevel Level, bool NeedsQuery)
{
    /// <summary>Bytes of the binary form.</summary>
    public const int Size = 2 + MessageKey.Size + sizeof(ulong);

    private const byte QueryNeeded = byte.MaxValue;

    /// <summary>Writes kind (u8, 255 where a query is needed), level (u8), message, and link (u64,
    /// big-endian).</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        (bytes[0], bytes[1]) = (NeedsQuery ? QueryNeeded : (byte)Kind, (byte)Level);
        Message.Write(bytes.AsSpan(2));
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(2 + MessageKey.Size), Link.Value);
        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote; <see langword="null"/> for anything else.</summary>
    public static ImportedLink? Read(ReadOnlySpan<byte> bytes) =>
        bytes.Length == Size && (bytes[0] is (byte)LinkKind.Click or (byte)LinkKind.Open or QueryNeeded)
            ? new ImportedLink(
                bytes[0] == QueryNeeded ? LinkKind.Click : (LinkKind)bytes[0],
                MessageKey.Read(bytes[2..]),
                new LinkId(BinaryPrimitives.ReadUInt64BigEndian(bytes[(2 + MessageKey.Size)..])),
                (TrackingLevel)bytes[1],
                bytes[0] == QueryNeeded)
            : null;
}

/// <summary>A looked-up path. The link is set for <see cref="LookupOutcome.Found"/>.</summary>
internal readonly record struct LookedUpImported(LookupOutcome Outcome, ImportedLink? Link);

/// <summary>An imported link as a record of the edge's copy: cluster (u32), <see cref="ImportedLink.ToBytes"/>, length
/// of the host (u8), host and path (ASCII).</summary>
internal static class ImportedBytes
{
    /// <summary>The shortest record.</summary>
    public const int MinSize = sizeof(int) + ImportedLink.Size + 1;

    /// <summary>The longest record: a host of 253 octets and a path of 2,000.</summary>
    public const int MaxSize = MinSize + 253 + 2_000;

    /// <summary>Writes one.</summary>
    public static byte[] Encode(KeyValuePair<ImportedPath, ImportedLink> entry)
    {
        var (at, link) = entry;
        var payload = new byte[MinSize + at.Host.Length + at.Path.Length];
        BinaryPrimitives.WriteInt32LittleEndian(payload, at.Cluster.Value);
        link.ToBytes().CopyTo(payload, sizeof(int));
        payload[MinSize - 1] = (byte)at.Host.Length;
        Encoding.ASCII.GetBytes(at.Host, payload.AsSpan(MinSize));
        Encoding.ASCII.GetBytes(at.Path, payload.AsSpan(MinSize + at.Host.Length));
        return payload;
    }

    /// <summary>Reads one; <see langword="null"/> when it was written by another version.</summary>
    public static KeyValuePair<ImportedPath, ImportedLink>? Decode(ReadOnlySpan<byte> payload) =>
        payload.Length >= MinSize
        && ImportedLink.Read(payload.Slice(sizeof(int), ImportedLink.Size)) is { } link
        && payload[MinSize - 1] is var host
        && payload.Length > MinSize + host
            ? new(
                new ImportedPath(
                    new ClusterId(BinaryPrimitives.ReadInt32LittleEndian(payload)),
                    string.Intern(Encoding.ASCII.GetString(payload.Slice(MinSize, host))),
                    Encoding.ASCII.GetString(payload[(MinSize + host)..])),
                link)
            : null;
}
