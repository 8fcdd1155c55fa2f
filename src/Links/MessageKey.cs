using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Tracking.Links;

/// <summary>
/// A message inside its cluster: the first 72 bits of a salted SHA-256 over the message id. The message row keeps the
/// whole hash. If two ids share these bits, the second one uses the next salt.
/// </summary>
/// <param name="High">The first 64 bits.</param>
/// <param name="Low">The last 8 bits.</param>
public readonly record struct MessageKey(ulong High, byte Low) : IComparable<MessageKey>
{
    /// <summary>Bytes of the binary form.</summary>
    public const int Size = 9;

    /// <summary>The key of a message id under a salt (0 unless an earlier salt collided).</summary>
    public static MessageKey FromIdHash(ReadOnlySpan<byte> idHash, byte salt)
    {
        if (salt == 0)
        {
            return Read(idHash);
        }

        Span<byte> salted = stackalloc byte[idHash.Length + 1];
        idHash.CopyTo(salted);
        salted[^1] = salt;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(salted, hash);
        return Read(hash);
    }

    /// <summary>SHA-256 of the message id as UTF-8.</summary>
    public static byte[] HashId(string messageId) => SHA256.HashData(Encoding.UTF8.GetBytes(messageId));

    /// <summary>Reads the first <see cref="Size"/> bytes, big-endian.</summary>
    public static MessageKey Read(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(source), source[8]);

    /// <summary>Writes <see cref="Size"/> bytes, big-endian.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        destination[8] = Low;
    }

    /// <summary>The binary form.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        Write(bytes);
        return bytes;
    }

    /// <summary>Reads the text form, 18 hexadecimal digits.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out MessageKey key)
    {
        key = default;
        Span<byte> bytes = stackalloc byte[Size];
        if (text is not { Length: 2 * Size }
            || Convert.FromHexString(text, bytes, out _, out var written) != System.Buffers.OperationStatus.Done
            || written != Size)
        {
            return false;
        }

        key = Read(bytes);
        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(MessageKey other)
    {
        var high = High.CompareTo(other.High);
        return high != 0 ? high : Low.CompareTo(other.Low);
    }

    /// <summary>The text form, 18 lower-case hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(ToBytes());
}
