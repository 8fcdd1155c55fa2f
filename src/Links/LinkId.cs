using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

namespace Tracking.Links;

/// <summary>
/// A destination inside its cluster: the first 64 bits of a salted SHA-256 over its URL. The row keeps the whole hash.
/// If an insert finds another hash under the same bits, it uses the next salt, so a collision never becomes a wrong
/// redirect. 0 means "no destination" (an open).
/// </summary>
/// <param name="Value">The 64 bits.</param>
public readonly record struct LinkId(ulong Value) : IComparable<LinkId>
{
    /// <summary>The link id of a destination whose SHA-256 is <paramref name="urlHash"/>, under a salt.</summary>
    public static LinkId FromUrlHash(ReadOnlySpan<byte> urlHash, byte salt)
    {
        if (salt == 0)
        {
            return NotZero(BinaryPrimitives.ReadUInt64BigEndian(urlHash));
        }

        Span<byte> salted = stackalloc byte[urlHash.Length + 1];
        urlHash.CopyTo(salted);
        salted[^1] = salt;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(salted, hash);
        return NotZero(BinaryPrimitives.ReadUInt64BigEndian(hash));
    }

    /// <summary>The number as a <c>bigint</c> of PostgreSQL: the same 64 bits, signed.</summary>
    public long ToInt64() => unchecked((long)Value);

    /// <summary>The link id of a <c>bigint</c> column.</summary>
    public static LinkId FromInt64(long value) => new(unchecked((ulong)value));

    /// <summary>Reads the text form, 16 hexadecimal digits.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out LinkId link)
    {
        link = default;
        if (text is not { Length: 16 }
            || !ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
        {
            return false;
        }

        link = new LinkId(value);
        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(LinkId other) => Value.CompareTo(other.Value);

    /// <summary>The text form, 16 lower-case hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);

    private static LinkId NotZero(ulong value) => new(value == 0 ? 1 : value);
}
