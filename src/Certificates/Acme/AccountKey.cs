using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Tracking.Certificates.Acme;

/// <summary>The key of an ACME account: P-256, with signatures as ES256 (RFC 7518 §3.4). Several threads may use one
/// key at the same time.</summary>
public sealed class AccountKey : IDisposable
{
    // An ECDsa object is not documented as safe for two threads that sign at the same time.
    private readonly Lock _signing = new();
    private readonly ECDsa _key;

    private AccountKey(ECDsa key)
    {
        _key = key;
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        // The thumbprint is computed over these bytes, so the members have this order and no white space (RFC 7638 §3).
        var (x, y) = (Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y));
        var jwk = $$"""{"crv":"P-256","kty":"EC","x":"{{x}}","y":"{{y}}"}""";
        using var document = JsonDocument.Parse(jwk);
        Jwk = document.RootElement.Clone();
        JwkText = jwk;
        Thumbprint = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(jwk)));
    }

    /// <summary>The thumbprint of the public key (RFC 7638), base64url, 43 characters: the second half of every key
    /// authorization. It is no secret.</summary>
    public string Thumbprint { get; }

    /// <summary>The public key as JSON.</summary>
    internal JsonElement Jwk { get; }

    /// <summary>The public key as the JSON text from which the thumbprint is computed.</summary>
    internal string JwkText { get; }

    /// <summary>Makes a new key.</summary>
    public static AccountKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Reads a key in the form of <see cref="ExportPkcs8"/>.</summary>
    /// <exception cref="CryptographicException">The bytes are no private key on P-256.</exception>
    public static AccountKey FromPkcs8(ReadOnlySpan<byte> pkcs8)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportPkcs8PrivateKey(pkcs8, out _);
            return key.ExportParameters(includePrivateParameters: false).Curve.Oid.Value == "1.2.840.10045.3.1.7"
                ? new AccountKey(key)
                : throw new CryptographicException("An account's key is on P-256.");
        }
        catch (CryptographicException)
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>The private key (PKCS #8, DER). The caller seals it at once.</summary>
    public byte[] ExportPkcs8() => _key.ExportPkcs8PrivateKey();

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    internal byte[] Sign(ReadOnlySpan<byte> data)
    {
        lock (_signing)
        {
            return _key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
    }
}

/// <summary>An account at an authority. The URL stays the same when the key changes.</summary>
/// <param name="Key">The account's key.</param>
/// <param name="Url">The account's URL, the <c>kid</c> of every request.</param>
public sealed record AcmeAccount(AccountKey Key, Uri Url);
