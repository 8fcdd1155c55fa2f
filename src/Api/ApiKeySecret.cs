using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Tracking.Api;

/// <summary>
/// The secret of an API key: <c>trk_</c> and 32 lower-case Crockford base32 digits, 160 random bits. The prefix lets
/// secret scanners recognise it. Only its SHA-256 is stored: with that many random bits a slow hash adds nothing.
/// </summary>
public static class ApiKeySecret
{
    /// <summary>What every secret begins with.</summary>
    public const string Prefix = "trk_";

    private const string Digits = "0123456789abcdefghjkmnpqrstvwxyz";
    private const int DigitCount = 32;
    private static readonly SearchValues<char> _digits = SearchValues.Create(Digits);

    /// <summary>A new secret.</summary>
    public static string Create() => Prefix + RandomNumberGenerator.GetString(Digits, DigitCount);

    /// <summary>The first 128 bits of a hash: enough to tell keys apart in memory.</summary>
    internal static UInt128 ShortHash(ReadOnlySpan<byte> hash) => BinaryPrimitives.ReadUInt128BigEndian(hash);

    /// <summary>SHA-256 of a secret as it is stored.</summary>
    /// <returns><see langword="false"/> when the text cannot be a secret: no look-up is needed.</returns>
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
