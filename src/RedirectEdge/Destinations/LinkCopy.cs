using System.Buffers.Binary;
using System.Text;
using Tracking.Links;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Destinations;

/// <summary>
/// Links on disk, so that an edge that starts while the database is unavailable still redirects. Each link is appended
/// when it is first served, so a killed process loses none. The file is rewritten as a whole, with the most recently
/// used links last, when it has reached its limit and when the edge stops. Payload of a record: cluster (u32), link id
/// (u64), URL.
/// </summary>
internal sealed class LinkCopy(EdgeFolder folder, long maxBytes) : IDisposable
{
    private const int KeySize = 12;

    private readonly RecordLog _log =
        new(folder, "links.copy", maxBytes, KeySize, KeySize + DestinationPolicy.MaxLength);

    /// <summary>Whether <see cref="Rewrite"/> is due.</summary>
    public bool IsFull => _log.IsFull;

    /// <summary>Reads every whole record up to the first incomplete one, and cuts the file there.</summary>
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

    /// <summary>Adds a link. Beyond the limit the link waits for the next <see cref="Rewrite"/>.</summary>
    /// <exception cref="IOException">The file could not be written.</exception>
    public void Append(CachedLink link) => _log.Append(Encode(link));

    /// <summary>Replaces the file by these links. The last links have priority in the half of the limit that the file
    /// may fill, so that there is space for appending.</summary>
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
