using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Tracking.Links;

/// <summary>
/// Seals values in a cache that others may read and write. Only a process with the same master key can read a value,
/// create a valid one, or move one to another key. Layout: version (u8, 1), nonce (12 bytes), ciphertext, tag (16
/// bytes); AES-256-GCM with the cache key as associated data. Safe for use by several threads at once.
/// </summary>
/// <remarks>
/// The nonce is an HMAC over key and content, and not random: every edge seals for years under one key, and random
/// nonces of 96 bits are safe for only 2^32 values (NIST SP 800-38D §8.3). A nonce repeats only with the same key and
/// content, which then seal to the same bytes.
/// </remarks>
public sealed class CacheSeal : IDisposable
{
    /// <summary>The number of bytes that sealing adds to the content.</summary>
    public const int Overhead = 1 + NonceSize + TagSize;

    private const byte Version = 1;
    private const int KeySize = 32;
    private const int NonceSize = 12;
    private const int TagSize = 16;

    // One AesGcm is one OpenSSL context: two simultaneous threads would corrupt each other's tags.
    private readonly Lock _using = new();
    private readonly AesGcm _aes;
    private readonly byte[] _nonceKey;

    /// <param name="master">The key that all processes of an installation share.</param>
    public CacheSeal(MasterKey master)
    {
        ArgumentNullException.ThrowIfNull(master);
        Span<byte> keys = stackalloc byte[2 * KeySize];
        master.DeriveKey("shared cache/1", keys);
        _aes = new AesGcm(keys[..KeySize], TagSize);
        _nonceKey = keys[KeySize..].ToArray();
        CryptographicOperations.ZeroMemory(keys);
    }

    /// <summary>Seals <paramref name="content"/> for one cache key.</summary>
    public byte[] Seal(string key, ReadOnlySpan<byte> content)
    {
        var bound = Encoding.UTF8.GetBytes(key);
        var value = new byte[Overhead + content.Length];
        value[0] = Version;
        var nonce = value.AsSpan(1, NonceSize);
        WriteNonce(bound, content, nonce);
        lock (_using)
        {
            _aes.Encrypt(
                nonce,
                content,
                value.AsSpan(1 + NonceSize, content.Length),
                value.AsSpan(value.Length - TagSize),
                bound);
        }

        return value;
    }

    /// <summary>Opens a value that <see cref="Seal"/> made for this key.</summary>
    /// <returns><see langword="false"/> for every other value: of another version, damaged, made for another key or
    /// without the master key.</returns>
    public bool TryOpen(string key, ReadOnlySpan<byte> value, [NotNullWhen(true)] out byte[]? content)
    {
        content = null;
        if (value.Length < Overhead || value[0] != Version)
        {
            return false;
        }

        var opened = new byte[value.Length - Overhead];
        try
        {
            lock (_using)
            {
                _aes.Decrypt(
                    value.Slice(1, NonceSize),
                    value[(1 + NonceSize)..^TagSize],
                    value[^TagSize..],
                    opened,
                    Encoding.UTF8.GetBytes(key));
            }
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }

        content = opened;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _aes.Dispose();
        CryptographicOperations.ZeroMemory(_nonceKey);
    }

    // The length comes first, so that "ab" + "c" differs from "a" + "bc".
    private void WriteNonce(byte[] key, ReadOnlySpan<byte> content, Span<byte> nonce)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _nonceKey);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(length, key.Length);
        mac.AppendData(length);
        mac.AppendData(key);
        mac.AppendData(content);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        mac.GetHashAndReset(hash);
        hash[..NonceSize].CopyTo(nonce);
    }
}
