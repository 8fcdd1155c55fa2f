using System.Buffers.Binary;
using System.Text;
using Tracking.Links;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Destinations;

/// <summary>
/// Links on disk, so that an edge that starts while the database is away redirects. Each link is appended when it is
/// first served, so a killed process loses none; rewritten as a whole, most lately used last, when the file has reached
/// its bound and at stop. Payload of a record: cluster (u32), link id (u64), URL.
/// </summary>
internal sealed class LinkCopy(EdgeFolder folder, long maxBytes) : IDisposable
{
    private const int KeySize = 12;

    private readonly RecordLog _log =
        new(folder, "links.copy", maxBytes, KeySize, KeySize + DestinationPolicy.MaxLength);

    /// <summary>Whether it is time for <see cref="Rewrite"/>.</summary>
    public bool IsFull => _log.IsFull;

    /// <summary>Reads every whole record up to the first that is not, and cuts the file there.</summary>
    /// <exception cref="IOException">The file could not be read.</exception>
    public List<CachedLink> Read()
    {
        var links = new List<CachedLink>();
        _log.Read(payload => links.Add(new CachedLink(
            new LinkKey(
                new ClusterId(BinaryPrimitives.ReadInt32LittleEndian(payload)),
                new LinkId(BinaryPrimitives.ReadUInt64LittleEndian(payload[4..]))),
            Encoding.Latin1.GetString(payload[KeySize..]))));
        return links;
    }

    /// <summary>Adds a link; beyond the bound it waits for the next <see cref="Rewrite"/>.</summary>
    /// <exception cref="IOException">The file could not be written.</exception>
    public void Append(CachedLink link) => _log.Append(Encode(link));

    /// <summary>Replaces the file by these links, the last of them first in what fits half its bound, so that appending
    /// has room again.</summary>
    /// <exception cref="IOException">The file could not be written; the old one stays.</exception>
    public void Rewrite(IReadOnlyList<CachedLink> links) =>
        _log.Rewrite(links, static link => KeySize + Encoding.Latin1.GetByteCount(link.Url), Encode);

    /// <inheritdoc/>
    public void Dispose() => _log.Dispose();

    // A destination is printable ASCII.
    private static byte[] Encode(CachedLink link)
    {
        var payload = new byte[KeySize + Encoding.Latin1.GetByteCount(link.Url)];
        BinaryPrimitives.WriteInt32LittleEndian(payload, link.Key.Cluster.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(4), link.Key.Link.Value);
        Encoding.Latin1.GetBytes(link.Url, payload.AsSpan(KeySize));
        return payload;
    }
}
