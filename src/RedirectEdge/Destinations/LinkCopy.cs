using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Tracking.Contracts;
using Tracking.Links;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Destinations;

/// <summary>
/// Links on disk, so that an edge that starts while the database is away redirects. Each link is appended when it is
/// first served, so a killed process loses none; rewritten as a whole, most lately used last, when the file has reached
/// its bound and at stop. Record: length of the payload (u32), its CRC-32C (u32), cluster (u32), link id (u64), URL.
/// </summary>
internal sealed class LinkCopy(EdgeFolder folder, long maxBytes) : IDisposable
{
    private const string FileName = "links.copy";
    private const int HeaderSize = 8;
    private const int KeySize = 12;
    private const int MaxRecord = HeaderSize + KeySize + DestinationPolicy.MaxLength;

    private readonly string _path = Path.Combine(folder.Path, FileName);
    private readonly Lock _gate = new();
    private SafeFileHandle? _handle;
    private long _length;

    /// <summary>Whether it is time for <see cref="Rewrite"/>.</summary>
    public bool IsFull => Volatile.Read(ref _length) > maxBytes;

    /// <summary>Reads every whole record up to the first that is not, and cuts the file there.</summary>
    /// <exception cref="IOException">The file could not be read.</exception>
    public List<CachedLink> Read()
    {
        lock (_gate)
        {
            var links = new List<CachedLink>();
            _length = 0;
            _handle = OwnFile.Open(_path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
            // As a stream: a file from before its bound was lowered may be larger than an array.
            using (var file = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 16))
            {
                var record = new byte[MaxRecord];
                while (TryRead(file, record, out var link, out var size))
                {
                    links.Add(link);
                    _length += size;
                }
            }

            RandomAccess.SetLength(_handle, _length);
            return links;
        }
    }

    /// <summary>Adds a link; beyond the bound it waits for the next <see cref="Rewrite"/>.</summary>
    /// <exception cref="IOException">The file could not be written.</exception>
    public void Append(CachedLink link)
    {
        lock (_gate)
        {
            if (_handle is null || _length > maxBytes)
            {
                return;
            }

            var record = Encode(link);
            RandomAccess.Write(_handle, record, _length);
            _length += record.Length;
        }
    }

    /// <summary>Replaces the file by these links, the last of them first in what fits half its bound, so that appending
    /// has room again.</summary>
    /// <exception cref="IOException">The file could not be written; the old one stays.</exception>
    public void Rewrite(IReadOnlyList<CachedLink> links)
    {
        lock (_gate)
        {
            long total = 0;
            var first = links.Count;
            while (first > 0 && total + SizeOf(links[first - 1]) <= maxBytes / 2)
            {
                total += SizeOf(links[--first]);
            }

            var temporary = _path + ".tmp";
            var handle = OwnFile.Open(temporary, FileMode.Create, FileAccess.ReadWrite);
            try
            {
                long length = 0;
                for (var i = first; i < links.Count; i++)
                {
                    var record = Encode(links[i]);
                    RandomAccess.Write(handle, record, length);
                    length += record.Length;
                }

                RandomAccess.FlushToDisk(handle);
                File.Move(temporary, _path, overwrite: true);
                SyncDirectory.Flush(folder.Path);
                _handle?.Dispose();
                _handle = handle;
                _length = length;
            }
            catch
            {
                handle.Dispose();
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _handle?.Dispose();
            _handle = null;
        }
    }

    private static int SizeOf(CachedLink link) => HeaderSize + KeySize + Encoding.Latin1.GetByteCount(link.Url);

    // A destination is printable ASCII.
    private static byte[] Encode(CachedLink link)
    {
        var bytes = new byte[SizeOf(link)];
        var payload = bytes.AsSpan(HeaderSize);
        BinaryPrimitives.WriteInt32LittleEndian(payload, link.Key.Cluster.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[4..], link.Key.Link.Value);
        Encoding.Latin1.GetBytes(link.Url, payload[KeySize..]);
        BinaryPrimitives.WriteInt32LittleEndian(bytes, payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), EventRecord.Crc32C(payload));
        return bytes;
    }

    private static bool TryRead(FileStream file, byte[] record, out CachedLink link, out int size)
    {
        link = null!;
        size = 0;
        if (file.ReadAtLeast(record.AsSpan(0, HeaderSize), HeaderSize, throwOnEndOfStream: false) < HeaderSize)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt32LittleEndian(record);
        if (length is < KeySize or > MaxRecord - HeaderSize)
        {
            return false;
        }

        var payload = record.AsSpan(HeaderSize, (int)length);
        if (file.ReadAtLeast(payload, payload.Length, throwOnEndOfStream: false) < payload.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(4)) != EventRecord.Crc32C(payload))
        {
            return false;
        }

        size = HeaderSize + payload.Length;
        var key = new LinkKey(
            new ClusterId(BinaryPrimitives.ReadInt32LittleEndian(payload)),
            new LinkId(BinaryPrimitives.ReadUInt64LittleEndian(payload[4..])));
        link = new CachedLink(key, Encoding.Latin1.GetString(payload[KeySize..]));
        return true;
    }
}
