using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Tracking.Certificates.Acme;

/// <summary>Makes JSON Web Signatures in the form of ACME (RFC 8555 §6.2): flattened JSON, with <c>url</c> and
/// <c>nonce</c> in the protected header.</summary>
internal static class SignRequest
{
    /// <summary>Signs a request of an account, which is named by its URL.</summary>
    public static byte[] ByAccount(AcmeAccount account, Uri url, string nonce, ReadOnlySpan<byte> payload) =>
        Bytes(Sign(
            new ProtectedHeaderJson("ES256", nonce, url.AbsoluteUri, null, account.Url.AbsoluteUri),
            payload,
            account.Key.Sign));

    /// <summary>Signs a request with a key that has no account yet or needs none.</summary>
    public static byte[] ByKey(AccountKey key, Uri url, string? nonce, ReadOnlySpan<byte> payload) =>
        Bytes(InnerByKey(key, url, nonce, payload));

    /// <summary>Signs as <see cref="ByKey"/>, for a request inside another request.</summary>
    public static JwsJson InnerByKey(AccountKey key, Uri url, string? nonce, ReadOnlySpan<byte> payload) =>
        Sign(new ProtectedHeaderJson("ES256", nonce, url.AbsoluteUri, key.Jwk, null), payload, key.Sign);

    /// <summary>Binds a key to an account that exists elsewhere (RFC 8555 §7.3.4): HS256 over the key.</summary>
    public static JwsJson Binding(AccountKey key, Uri newAccount, string keyId, byte[] macKey) => Sign(
        new ProtectedHeaderJson("HS256", null, newAccount.AbsoluteUri, null, keyId),
        Encoding.ASCII.GetBytes(key.JwkText),
        data => HMACSHA256.HashData(macKey, data));

    private delegate byte[] Signer(ReadOnlySpan<byte> data);

    private static JwsJson Sign(ProtectedHeaderJson header, ReadOnlySpan<byte> payload, Signer sign)
    {
        var first = Base64Url.EncodeToString(
            JsonSerializer.SerializeToUtf8Bytes(header, AcmeJson.Default.ProtectedHeaderJson));
        var second = Base64Url.EncodeToString(payload);
        return new JwsJson(
            first, second, Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes($"{first}.{second}"))));
    }

    private static byte[] Bytes(JwsJson jws) => JsonSerializer.SerializeToUtf8Bytes(jws, AcmeJson.Default.JwsJson);
}
