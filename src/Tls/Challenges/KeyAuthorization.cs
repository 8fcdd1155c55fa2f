using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Tracking.Tls.Challenges;

/// <summary>What answers a challenge: token and thumbprint of the account's key (RFC 8555 §8.1).</summary>
public static class KeyAuthorization
{
    // 128 bits are 22 characters (RFC 8555 §8.1); no authority has a longer one than a path takes easily.
    private const int MinToken = 22;
    private const int MaxToken = 128;

    /// <summary>The characters of base64url (RFC 4648 §5).</summary>
    public static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>Whether it is a token: 22 to 128 characters of base64url. Nothing else is ever echoed.</summary>
    public static bool IsToken(ReadOnlySpan<char> token) =>
        token.Length is >= MinToken and <= MaxToken && !token.ContainsAnyExcept(TokenCharacters);

    /// <summary>The answer to http-01.</summary>
    /// <exception cref="ArgumentException"><paramref name="token"/> is no token.</exception>
    public static string Of(string token, string thumbprint)
    {
        ArgumentNullException.ThrowIfNull(token);
        return IsToken(token)
            ? $"{token}.{thumbprint}"
            : throw new ArgumentException("A token has 22 to 128 characters of base64url.", nameof(token));
    }

    /// <summary>The 32 bytes in the certificate that answers tls-alpn-01 (RFC 8737 §3).</summary>
    public static byte[] Hash(string keyAuthorization) => SHA256.HashData(Encoding.ASCII.GetBytes(keyAuthorization));
}
