using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tracking.Tls.Certificates;

/// <summary>A certificate with its chain and key, as it is stored. Not a record: its text would have to hide the
/// key.</summary>
public sealed class CertificateFound
{
    /// <summary>What it is kept under: the host name in its comparable form, or <c>*.</c> before one that it stands for
    /// every name of, one label deep (RFC 9525 6.3).</summary>
    public required string Name { get; init; }

    /// <summary>The certificates in DER, the server's own first, then the others in the order in which the authority
    /// gave them: they are sent as they are here.</summary>
    public required IReadOnlyList<byte[]> Chain { get; init; }

    /// <summary>The private key: PKCS#8 (RFC 5958) in DER, not encrypted.</summary>
    public required byte[] PrivateKey { get; init; }

    /// <summary>When the name's certificate was renewed for the first time; <see langword="null"/> while that has never
    /// happened: only then are browsers told to insist on https.</summary>
    public DateTimeOffset? FirstRenewedAt { get; init; }

    /// <summary>Whether it lies on this machine already, so that the sealed copy need not have it.</summary>
    public bool IsLocal { get; init; }

    /// <summary>Reads PEM (RFC 7468): the chain, and the key in one of the forms that OpenSSL writes.</summary>
    /// <param name="name">See <see cref="Name"/>.</param>
    /// <param name="chain">Certificates, the server's own first; anything else in it is passed over.</param>
    /// <param name="privateKey">May be the same text.</param>
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

    /// <summary>The certificates in PEM (RFC 7468), in their order; anything else in it is passed over.</summary>
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
