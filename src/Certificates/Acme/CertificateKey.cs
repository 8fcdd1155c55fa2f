using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Links;

namespace Tracking.Certificates.Acme;

/// <summary>The private key of a certificate (P-256), and the request for it (RFC 2986).</summary>
public sealed class CertificateKey : IDisposable
{
    private readonly ECDsa _key;

    private CertificateKey(ECDsa key) => _key = key;

    /// <summary>Makes a new key. The caller stores the key before sending the request: the authority may issue the
    /// certificate although its answer is lost.</summary>
    public static CertificateKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Reads a key in the form of <see cref="ExportPkcs8"/>.</summary>
    /// <exception cref="CryptographicException">The bytes are no private key.</exception>
    public static CertificateKey FromPkcs8(ReadOnlySpan<byte> pkcs8)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportPkcs8PrivateKey(pkcs8, out _);
            return new CertificateKey(key);
        }
        catch (CryptographicException)
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>The private key (PKCS #8, DER). The caller seals it at once.</summary>
    public byte[] ExportPkcs8() => _key.ExportPkcs8PrivateKey();

    /// <summary>The public key (SubjectPublicKeyInfo, DER).</summary>
    public byte[] ExportPublicKey() => _key.ExportSubjectPublicKeyInfo();

    /// <summary>The certificate request in DER. The names are subject alternative names only. The common name is not
    /// used: it holds 64 characters at most, and the profile <c>tlsserver</c> has none.</summary>
    /// <exception cref="ArgumentException">No name is given.</exception>
    public byte[] MakeRequest(IReadOnlyCollection<HostName> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentOutOfRangeException.ThrowIfZero(names.Count, nameof(names));
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            alternatives.AddDnsName(name.Value);
        }

        var request = new CertificateRequest(new X500DistinguishedName(""), _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(alternatives.Build());
        return request.CreateSigningRequest();
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}
