using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Tracking.Tls.Challenges;

/// <summary>The answer to a challenge: the token and the thumbprint of the account's key (RFC 8555 §8.1).</summary>
public static class KeyAuthorization
{
    // A token has at least 128 bits, which are 22 characters (RFC 8555 §8.1). The upper limit is far above the tokens
    // of all authorities.
    private const int MinToken = 22;
    private const int MaxToken = 128;

    /// <summary>The characters of base64url (RFC 4648 §5).</summary>
    public static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>Whether a text is a token: 22 to 128 characters of base64url. No other text is ever sent back in an
    /// answer.</summary>
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

    /// <summary>The 32 bytes of the certificate extension for tls-alpn-01 (RFC 8737 §3).</summary>
    public static byte[] Hash(string keyAuthorization) => SHA256.HashData(Encoding.ASCII.GetBytes(keyAuthorization));
}
