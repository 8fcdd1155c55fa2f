using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using Tracking.Contracts;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// Records in a file of limited size in the edge's folder. Each record is appended at once, so a killed process loses
/// none. The file is rewritten as a whole when it has reached its limit, and when the edge stops. Record: length of the
/// payload (u32), its CRC-32C (u32), payload.
/// </summary>
/// <param name="folder">The edge's folder.</param>
/// <param name="fileName">The file's name.</param>
/// <param name="maxBytes">The size in bytes above which no record is appended.</param>
/// <param name="minPayload">The size in bytes of the shortest possible payload.</param>
/// <param name="maxPayload">The size in bytes of the longest possible payload.</param>
internal sealed class RecordLog(EdgeFolder folder, string fileName, long maxBytes, int minPayload, int maxPayload)
    : IDisposable
{
    private const int HeaderSize = 8;

    private readonly string _path = Path.Combine(folder.Path, fileName);
    private readonly Lock _gate = new();
    private SafeFileHandle? _handle;
    private long _length;

    /// <summary>Whether <see cref="Rewrite"/> is due.</summary>
    public bool IsFull => Volatile.Read(ref _length) > maxBytes;

    /// <summary>Reads every whole record up to the first incomplete one, and cuts the file there.</summary>
    /// <param name="take">Receives each payload, which is valid during the call.</param>
    /// <exception cref="IOException">The file could not be read.</exception>
    public void Read(Action<ReadOnlySpan<byte>> take)
    {
        lock (_gate)
        {
            _length = 0;
            _handle = OwnFile.Open(_path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
            // Read as a stream: if the limit was lowered, the old file may be larger than an array.
            using (var file = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 16))
            {
                var record = new byte[HeaderSize + maxPayload];
                while (TryRead(file, record, out var length))
                {
                    take(record.AsSpan(HeaderSize, length));
                    _length += HeaderSize + length;
                }
            }

            RandomAccess.SetLength(_handle, _length);
        }
    }

    /// <summary>Adds a record. Beyond the limit the record waits for the next <see cref="Rewrite"/>.</summary>
    /// <exception cref="IOException">The file could not be written.</exception>
    public void Append(ReadOnlySpan<byte> payload)
    {
        lock (_gate)
        {
            if (_handle is null || _length > maxBytes)
            {
                return;
            }

            var record = Encode(payload);
            RandomAccess.Write(_handle, record, _length);
            _length += record.Length;
        }
    }

    /// <summary>Replaces the file by these items. The last items have priority in the half of the limit that the file
    /// may fill, so that there is space for appending.</summary>
    /// <param name="items">The items of the new file.</param>
    /// <param name="sizeOf">Returns the size of an item's payload in bytes.</param>
    /// <param name="encode">Returns an item's payload.</param>
    /// <exception cref="IOException">The file could not be written; the old one stays.</exception>
    public void Rewrite<T>(IReadOnlyList<T> items, Func<T, int> sizeOf, Func<T, byte[]> encode)
    {
        lock (_gate)
        {
            long total = 0;
            var first = items.Count;
            while (first > 0 && total + HeaderSize + sizeOf(items[first - 1]) <= maxBytes / 2)
            {
                total += HeaderSize + sizeOf(items[--first]);
            }

            var temporary = _path + ".tmp";
            var handle = OwnFile.Open(temporary, FileMode.Create, FileAccess.ReadWrite);
            try
            {
                long length = 0;
                using var block = new MemoryStream();
                for (var i = first; i < items.Count; i++)
                {
                    block.Write(Encode(encode(items[i])));
                    if (block.Length >= 1 << 16 || i == items.Count - 1)
                    {
                        RandomAccess.Write(handle, block.GetBuffer().AsSpan(0, (int)block.Length), length);
                        length += block.Length;
                        block.SetLength(0);
                    }
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

    private static byte[] Encode(ReadOnlySpan<byte> payload)
    {
        var record = new byte[HeaderSize + payload.Length];
        BinaryPrimitives.WriteInt32LittleEndian(record, payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(4), EventRecord.Crc32C(payload));
        payload.CopyTo(record.AsSpan(HeaderSize));
        return record;
    }

    private bool TryRead(FileStream file, byte[] record, out int length)
    {
        length = 0;
        if (file.ReadAtLeast(record.AsSpan(0, HeaderSize), HeaderSize, throwOnEndOfStream: false) < HeaderSize)
        {
            return false;
        }

        var said = BinaryPrimitives.ReadUInt32LittleEndian(record);
        if (said < minPayload || said > maxPayload)
        {
            return false;
        }

        length = (int)said;
        var payload = record.AsSpan(HeaderSize, length);
        return file.ReadAtLeast(payload, length, throwOnEndOfStream: false) == length
            && BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(4)) == EventRecord.Crc32C(payload);
    }
}
