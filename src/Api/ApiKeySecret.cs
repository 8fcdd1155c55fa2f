using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Tracking.Api;

/// <summary>
/// The secret of an API key: <c>trk_</c> and 32 lower-case Crockford base32 digits, 160 random bits. The prefix lets
/// secret scanners recognise it. Only the SHA-256 of the secret is stored. With that many random bits a slow hash would
/// add nothing.
/// </summary>
public static class ApiKeySecret
{
    /// <summary>The beginning of every secret.</summary>
    public const string Prefix = "trk_";

    private const string Digits = "0123456789abcdefghjkmnpqrstvwxyz";
    private const int DigitCount = 32;
    private static readonly SearchValues<char> _digits = SearchValues.Create(Digits);

    /// <summary>A new secret.</summary>
    public static string Create() => Prefix + RandomNumberGenerator.GetString(Digits, DigitCount);

    /// <summary>The first 128 bits of a hash, which are enough to distinguish keys in memory.</summary>
    internal static UInt128 ShortHash(ReadOnlySpan<byte> hash) => BinaryPrimitives.ReadUInt128BigEndian(hash);

    /// <summary>Computes the SHA-256 that is stored for a secret.</summary>
    /// <returns><see langword="false"/> for a text that cannot be a secret, so that no look-up is needed.</returns>
    public static bool TryHash([NotNullWhen(true)] string? secret, [NotNullWhen(true)] out byte[]? hash)
    {
        hash = null;
        if (secret is not { Length: 4 + DigitCount }
            || !secret.StartsWith(Prefix, StringComparison.Ordinal)
            || secret.AsSpan(Prefix.Length).ContainsAnyExcept(_digits))
        {
            return false;
        }

        hash = SHA256.HashData(Encoding.ASCII.GetBytes(secret));
        return true;
    }
}
