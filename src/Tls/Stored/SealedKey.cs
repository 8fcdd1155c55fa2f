using System.Buffers.Binary;
using System.Security.Cryptography;
using Tracking.Links;

namespace Tracking.Tls.Stored;

/// <summary>
/// A private key as it is stored: sealed under a master key (AES-256-GCM, random 96-bit nonce), bound to its row and to
/// the master key's version, so that rows cannot be swapped between names. Layout: master key version (u32,
/// big-endian), then what <see cref="MasterKey.Seal"/> makes.
/// </summary>
/// <remarks>Random nonces allow 2^32 seals under one master key (NIST SP 800-38D §8.3). A private key is sealed once
/// when it is made and once in each rotation.</remarks>
public static class SealedKey
{
    private const int HeaderSize = sizeof(uint);

    /// <summary>Seals a private key; the caller clears <paramref name="pkcs8"/>.</summary>
    /// <param name="keys">The master keys, one of which seals.</param>
    /// <param name="rowId">The id of the row that will hold the key.</param>
    /// <param name="pkcs8">The private key in DER.</param>
    public static byte[] Seal(MasterKeys keys, Guid rowId, ReadOnlySpan<byte> pkcs8)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var (version, key) = keys.Sealing;
        return [.. Header(version), .. key.Seal(pkcs8, Purpose(rowId, version))];
    }

    /// <summary>Opens what <see cref="Seal"/> made.</summary>
    /// <returns>The private key, which the caller clears; <see langword="null"/> if the bytes are damaged, belong to
    /// another row, or were sealed under a master key that is not configured.</returns>
    public static byte[]? Open(MasterKeys keys, Guid rowId, ReadOnlySpan<byte> value)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return VersionOf(value) is { } version && keys.Find(version) is { } key
            ? key.Open(value[HeaderSize..], Purpose(rowId, version))
            : null;
    }

    /// <summary>The version of the master key that sealed the bytes; <see langword="null"/> if they are too
    /// short.</summary>
    public static int? VersionOf(ReadOnlySpan<byte> value) =>
        value.Length > HeaderSize
        && BinaryPrimitives.ReadUInt32BigEndian(value) is > 0 and <= int.MaxValue and var version
            ? (int)version
            : null;

    /// <summary>Seals a key again under the current master key.</summary>
    /// <returns><see langword="null"/> if it cannot be opened.</returns>
    public static byte[]? Reseal(MasterKeys keys, Guid rowId, ReadOnlySpan<byte> value)
    {
        if (Open(keys, rowId, value) is not { } pkcs8)
        {
            return null;
        }

        try
        {
            return Seal(keys, rowId, pkcs8);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    private static byte[] Header(int version)
    {
        var header = new byte[HeaderSize];
        BinaryPrimitives.WriteUInt32BigEndian(header, (uint)version);
        return header;
    }

    private static string Purpose(Guid rowId, int version) => $"certificates.keys/{rowId:D}/{version}";
}
