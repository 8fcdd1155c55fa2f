using System.Security.Cryptography;
using System.Text;

namespace Tracking.Links;

/// <summary>
/// Seals signing keys for storage: AES-256-GCM under the master key, bound to the key version, so that exchanged rows
/// are detected. Layout: 12 bytes nonce, ciphertext, 16 bytes tag. Safe for use by several threads at once.
/// </summary>
public sealed class MasterKey : IDisposable
{
    /// <summary>The number of bytes of a master key.</summary>
    public const int Size = 32;

    private const int NonceSize = 12;
    private const int TagSize = 16;
    // One AesGcm is one OpenSSL context: two simultaneous threads would corrupt each other's tags.
    private readonly Lock _using = new();
    private readonly AesGcm _aes;
    private readonly byte[] _derivation = new byte[SHA256.HashSizeInBytes];
    private readonly MasterKey? _other;

    /// <param name="material">Exactly <see cref="Size"/> bytes.</param>
    /// <param name="other">Another one, which opens what this one does not and seals nothing: the one before, or the
    /// next, during a rotation. It goes with this one.</param>
    public MasterKey(ReadOnlySpan<byte> material, MasterKey? other = null)
    {
        _other = other;
        ArgumentOutOfRangeException.ThrowIfNotEqual(material.Length, Size);
        _aes = new AesGcm(material, TagSize);
        HKDF.Extract(HashAlgorithmName.SHA256, material, salt: [], _derivation);
    }

    /// <summary>Derives a key for one purpose (HKDF-SHA256, RFC 5869). It is the same in every process with this master
    /// key, and does not reveal the master key.</summary>
    public void DeriveKey(string purpose, Span<byte> key) =>
        HKDF.Expand(HashAlgorithmName.SHA256, _derivation, key, Encoding.UTF8.GetBytes(purpose));

    /// <summary>Encrypts <paramref name="secret"/>. Opening it needs the same <paramref name="purpose"/>.</summary>
    public byte[] Seal(ReadOnlySpan<byte> secret, string purpose)
    {
        var sealedBytes = new byte[NonceSize + secret.Length + TagSize];
        var nonce = sealedBytes.AsSpan(0, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        lock (_using)
        {
            _aes.Encrypt(
                nonce,
                secret,
                sealedBytes.AsSpan(NonceSize, secret.Length),
                sealedBytes.AsSpan(NonceSize + secret.Length),
                Encoding.UTF8.GetBytes(purpose));
        }

        return sealedBytes;
    }

    /// <summary>Decrypts what <see cref="Seal"/> made, of this key or of the other one.</summary>
    /// <returns><see langword="null"/> when it was sealed under a third master key or for another purpose.</returns>
    public byte[]? Open(ReadOnlySpan<byte> sealedBytes, string purpose) =>
        OpenAlone(sealedBytes, purpose) ?? _other?.Open(sealedBytes, purpose);

    /// <summary>Whether it was sealed under this key, not the other one.</summary>
    public bool IsSealedUnderThis(ReadOnlySpan<byte> sealedBytes, string purpose)
    {
        if (OpenAlone(sealedBytes, purpose) is not { } secret)
        {
            return false;
        }

        CryptographicOperations.ZeroMemory(secret);
        return true;
    }

    /// <summary>Seals again under this key what was sealed under the other one.</summary>
    /// <returns><see langword="null"/> when there is nothing to do, or it cannot be opened.</returns>
    public byte[]? Reseal(ReadOnlySpan<byte> sealedBytes, string purpose)
    {
        if (IsSealedUnderThis(sealedBytes, purpose) || _other?.Open(sealedBytes, purpose) is not { } secret)
        {
            return null;
        }

        var resealed = Seal(secret, purpose);
        CryptographicOperations.ZeroMemory(secret);
        return resealed;
    }

    private byte[]? OpenAlone(ReadOnlySpan<byte> sealedBytes, string purpose)
    {
        if (sealedBytes.Length < NonceSize + TagSize)
        {
            return null;
        }

        var secret = new byte[sealedBytes.Length - NonceSize - TagSize];
        try
        {
            lock (_using)
            {
                _aes.Decrypt(
                    sealedBytes[..NonceSize],
                    sealedBytes[NonceSize..^TagSize],
                    sealedBytes[^TagSize..],
                    secret,
                    Encoding.UTF8.GetBytes(purpose));
            }

            return secret;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _aes.Dispose();
        _other?.Dispose();
        CryptographicOperations.ZeroMemory(_derivation);
    }
}
