using System.Buffers.Binary;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Writes one row of PostgreSQL's binary COPY format (PostgreSQL's documentation: COPY, "Binary Format"), with one
/// method for each column type. This class encodes the rows instead of the driver for two reasons. A batch is then one
/// run of bytes, so any range of rows can be sent again when one row is refused. And no memory is allocated.
/// </summary>
internal ref struct CopyRow
{
    private const byte FamilyIPv4 = 2;
    private const byte FamilyIPv6 = 3;
    private const int TextOid = 25;

    // PostgreSQL counts timestamps from 2000-01-01.
    private const long MicrosFrom1970To2000 = 946_684_800_000_000;

    private readonly Span<byte> _destination;

    public CopyRow(Span<byte> destination) => _destination = destination;

    /// <summary>The bytes before the first row: signature, flags, no extension.</summary>
    public static ReadOnlySpan<byte> Header =>
        [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', (byte)'\n', 0xff, (byte)'\r', (byte)'\n', 0,
            0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>The bytes after the last row.</summary>
    public static ReadOnlySpan<byte> Trailer => [0xff, 0xff];

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    public void Begin(short columns)
    {
        BinaryPrimitives.WriteInt16BigEndian(_destination[Length..], columns);
        Length += 2;
    }

    public void WriteNull() => WriteLength(-1);

    public void WriteSmallint(short value)
    {
        WriteLength(2);
        BinaryPrimitives.WriteInt16BigEndian(_destination[Length..], value);
        Length += 2;
    }

    public void WriteInteger(int value)
    {
        WriteLength(4);
        BinaryPrimitives.WriteInt32BigEndian(_destination[Length..], value);
        Length += 4;
    }

    public void WriteBigint(long value)
    {
        WriteLength(8);
        BinaryPrimitives.WriteInt64BigEndian(_destination[Length..], value);
        Length += 8;
    }

    /// <param name="micros">µs since 1970-01-01 UTC.</param>
    public void WriteTimestamp(long micros) => WriteBigint(micros - MicrosFrom1970To2000);

    public void WriteUuid(Guid value)
    {
        WriteLength(16);
        value.TryWriteBytes(_destination[Length..], bigEndian: true, out _);
        Length += 16;
    }

    /// <summary>A <c>bytea</c>, or <c>text</c> in UTF-8.</summary>
    public void WriteBytes(scoped ReadOnlySpan<byte> value)
    {
        WriteLength(value.Length);
        Append(value);
    }

    /// <param name="address">4 or 16 bytes; empty for null.</param>
    public void WriteInet(scoped ReadOnlySpan<byte> address)
    {
        if (address.IsEmpty)
        {
            WriteNull();
            return;
        }

        WriteLength(4 + address.Length);
        var isIPv4 = address.Length == 4;
        Append([isIPv4 ? FamilyIPv4 : FamilyIPv6, (byte)(address.Length * 8), 0, (byte)address.Length]);
        Append(address);
    }

    /// <param name="utf8">The elements; no element is null.</param>
    public void WriteTextArray(scoped ReadOnlySpan<byte[]> utf8)
    {
        var content = 0;
        foreach (var element in utf8)
        {
            content += 4 + element.Length;
        }

        WriteLength((utf8.IsEmpty ? 12 : 20) + content);
        WriteLength(utf8.IsEmpty ? 0 : 1);
        WriteLength(0);
        WriteLength(TextOid);
        if (!utf8.IsEmpty)
        {
            WriteLength(utf8.Length);
            WriteLength(1);
        }

        foreach (var element in utf8)
        {
            WriteBytes(element);
        }
    }

    /// <summary>Appends columns that are already encoded.</summary>
    public void Append(scoped ReadOnlySpan<byte> encoded)
    {
        encoded.CopyTo(_destination[Length..]);
        Length += encoded.Length;
    }

    private void WriteLength(int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(_destination[Length..], length);
        Length += 4;
    }
}
