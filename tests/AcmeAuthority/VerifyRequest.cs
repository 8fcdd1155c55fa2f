using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tracking.AcmeAuthority;

/// <summary>A request whose signature, nonce and URL are right.</summary>
internal sealed record VerifiedRequest(JsonObject? Jwk, string? Kid, byte[] Payload)
{
    public bool IsGet => Payload.Length == 0;

    public JsonObject Json => Payload.Length == 0
        ? throw RefusalException.Malformed("a payload is needed")
        : JsonNode.Parse(Payload) as JsonObject ?? throw RefusalException.Malformed("the payload is no object");
}

/// <summary>Checks JSON Web Signatures as strictly as RFC 8555 §6.2 words it.</summary>
internal static class VerifyRequest
{
    private static readonly string[] _members = ["payload", "protected", "signature"];

    /// <param name="body">The flattened JWS.</param>
    /// <param name="url">What <c>url</c> has to say.</param>
    /// <param name="takeNonce">Whether it is one of ours and has not been used; <see langword="null"/> where there must
    /// be none (inside another request).</param>
    /// <param name="findKey">The key of an account.</param>
    public static VerifiedRequest Read(
        string body, string url, Func<string, bool>? takeNonce, Func<string, JsonObject> findKey)
    {
        var (header, signed, payload, signature) = Parts(body);
        var alg = (string?)header["alg"];
        var (jwk, kid) = (header["jwk"] as JsonObject, (string?)header["kid"]);
        if ((jwk is null) == (kid is null))
        {
            throw RefusalException.Malformed("exactly one of jwk and kid");
        }

        // The nonce goes even when something else is wrong.
        var nonce = (string?)header["nonce"];
        var isFresh = takeNonce is null ? nonce is null : nonce is not null && takeNonce(nonce);
        if (!Verifies(alg, jwk ?? findKey(kid!), signed, signature))
        {
            throw RefusalException.Malformed("the signature is wrong");
        }

        if (!isFresh)
        {
            throw new RefusalException(
                400, "badNonce", takeNonce is null ? "a nonce inside" : $"nonce \"{nonce}\" is not good");
        }

        return (string?)header["url"] == url
            ? new VerifiedRequest(jwk, kid, payload)
            : throw new RefusalException(403, "unauthorized", $"url is \"{header["url"]}\", not \"{url}\"");
    }

    /// <summary>An external account binding (RFC 8555 §7.3.4).</summary>
    public static void Binding(
        JsonNode binding, JsonObject accountKey, string url, IReadOnlyDictionary<string, byte[]> keys)
    {
        var (header, signed, payload, signature) = Parts(binding.ToJsonString());
        if ((string?)header["alg"] is not "HS256")
        {
            throw new RefusalException(400, "badSignatureAlgorithm", "the binding is not by HS256");
        }

        if (header["nonce"] is not null || (string?)header["url"] != url)
        {
            throw RefusalException.Malformed("the binding has a nonce or another url");
        }

        if (!keys.TryGetValue((string?)header["kid"] ?? "", out var key)
            || !CryptographicOperations.FixedTimeEquals(HMACSHA256.HashData(key, signed), signature))
        {
            throw new RefusalException(403, "unauthorized", "the binding's key or signature is unknown");
        }

        if (!JsonNode.DeepEquals(JsonNode.Parse(payload), accountKey))
        {
            throw RefusalException.Malformed("the binding is over another key");
        }
    }

    public static string Thumbprint(JsonObject jwk) => Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(
        (string?)jwk["kty"] == "EC"
            ? $$"""{"crv":"{{jwk["crv"]}}","kty":"EC","x":"{{jwk["x"]}}","y":"{{jwk["y"]}}"}"""
            : $$"""{"e":"{{jwk["e"]}}","kty":"RSA","n":"{{jwk["n"]}}"}""")));

    private static (JsonObject Header, byte[] Signed, byte[] Payload, byte[] Signature) Parts(string body)
    {
        try
        {
            var jws = JsonNode.Parse(body) as JsonObject ?? throw RefusalException.Malformed("no object");
            if (!jws.Select(member => member.Key).Order(StringComparer.Ordinal).SequenceEqual(_members))
            {
                throw RefusalException.Malformed("a flattened JWS has payload, protected and signature");
            }

            var (first, second) = ((string)jws["protected"]!, (string)jws["payload"]!);
            if (first.Contains('=') || second.Contains('='))
            {
                throw RefusalException.Malformed("base64url has no padding");
            }

            return (
                (JsonObject)JsonNode.Parse(Base64Url.DecodeFromChars(first))!,
                Encoding.ASCII.GetBytes($"{first}.{second}"),
                Base64Url.DecodeFromChars(second),
                Base64Url.DecodeFromChars((string)jws["signature"]!));
        }
        catch (Exception exception) when (
            exception is JsonException or FormatException or InvalidOperationException or InvalidCastException)
        {
            throw RefusalException.Malformed($"no JWS: {exception.Message}");
        }
    }

    private static bool Verifies(string? alg, JsonObject jwk, byte[] signed, byte[] signature)
    {
        byte[] Member(string name) => Base64Url.DecodeFromChars((string?)jwk[name] ?? "");
        switch (alg, (string?)jwk["kty"])
        {
            case ("ES256", "EC"):
                using (var ecdsa = ECDsa.Create(new ECParameters
                {
                    Curve = ECCurve.NamedCurves.nistP256,
                    Q = new ECPoint { X = Member("x"), Y = Member("y") },
                }))
                {
                    return ecdsa.VerifyData(
                        signed, signature, HashAlgorithmName.SHA256,
                        DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
                }

            case ("RS256", "RSA"):
                using (var rsa = RSA.Create(new RSAParameters { Modulus = Member("n"), Exponent = Member("e") }))
                {
                    return rsa.VerifyData(signed, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
                }

            default:
                throw new RefusalException(400, "badSignatureAlgorithm", $"{alg} is not taken here");
        }
    }
}
