using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tracking.Tls.Certificates;

/// <summary>A certificate with its chain and key, as stored. The type is no record, because a record's text would show
/// the key.</summary>
public sealed class CertificateFound
{
    /// <summary>The name under which the certificate is kept: a host name in its comparable form, or a wildcard
    /// <c>*.</c> for all names one label below (RFC 9525 6.3).</summary>
    public required string Name { get; init; }

    /// <summary>The certificates in DER: the server's own first, then the others in the authority's order. They are
    /// sent in this order.</summary>
    public required IReadOnlyList<byte[]> Chain { get; init; }

    /// <summary>The private key: PKCS#8 (RFC 5958) in DER, not encrypted.</summary>
    public required byte[] PrivateKey { get; init; }

    /// <summary>When the name's certificate was renewed for the first time; <see langword="null"/> before that. HSTS
    /// begins only after a first renewal.</summary>
    public DateTimeOffset? FirstRenewedAt { get; init; }

    /// <summary>Whether the certificate comes from a file on this machine, so that the sealed copy need not contain
    /// it.</summary>
    public bool IsLocal { get; init; }

    /// <summary>Reads PEM (RFC 7468): the chain, and the key in one of the forms that OpenSSL writes.</summary>
    /// <param name="name">See <see cref="Name"/>.</param>
    /// <param name="chain">Certificates, the server's own first. Other content is ignored.</param>
    /// <param name="privateKey">The private key; it may be in the same text.</param>
    /// <param name="firstRenewedAt">See <see cref="FirstRenewedAt"/>.</param>
    /// <exception cref="CryptographicException">There is no certificate, or no key that belongs to it.</exception>
    public static CertificateFound FromPem(
        string name, string chain, string privateKey, DateTimeOffset? firstRenewedAt = null)
    {
        ArgumentNullException.ThrowIfNull(chain);
        ArgumentNullException.ThrowIfNull(privateKey);
        using var own = X509Certificate2.CreateFromPem(chain, privateKey);
        return new CertificateFound
        {
            Name = name,
            Chain = ReadChain(chain),
            PrivateKey = ExportKey(own),
            FirstRenewedAt = firstRenewedAt,
        };
    }

    /// <summary>Reads the certificates of a PEM text (RFC 7468), in their order. Other content is ignored.</summary>
    public static IReadOnlyList<byte[]> ReadChain(string pem)
    {
        var certificates = new List<byte[]>();
        for (var rest = pem.AsSpan(); PemEncoding.TryFind(rest, out var fields); rest = rest[fields.Location.End..])
        {
            if (rest[fields.Label] is "CERTIFICATE")
            {
                certificates.Add(Convert.FromBase64String(rest[fields.Base64Data].ToString()));
            }
        }

        return certificates;
    }

    private static byte[] ExportKey(X509Certificate2 certificate)
    {
        using AsymmetricAlgorithm key = (AsymmetricAlgorithm?)certificate.GetECDsaPrivateKey()
            ?? certificate.GetRSAPrivateKey()
            ?? throw new CryptographicException("The key is neither ECDSA nor RSA.");
        return key.ExportPkcs8PrivateKey();
    }
}
