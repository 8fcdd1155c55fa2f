using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Links;

namespace Tracking.Certificates.Acme;

/// <summary>The private key of a certificate (P-256), and the request for it (RFC 2986).</summary>
public sealed class CertificateKey : IDisposable
{
    private readonly ECDsa _key;

    private CertificateKey(ECDsa key) => _key = key;

    /// <summary>Makes a new one. It has to be stored before its request is sent: the answer may be lost, the
    /// certificate is not.</summary>
    public static CertificateKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Reads what <see cref="ExportPkcs8"/> gave.</summary>
    /// <exception cref="CryptographicException">It is no private key.</exception>
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

    /// <summary>The private key (PKCS #8, DER), to be sealed at once.</summary>
    public byte[] ExportPkcs8() => _key.ExportPkcs8PrivateKey();

    /// <summary>The public key (SubjectPublicKeyInfo, DER).</summary>
    public byte[] ExportPublicKey() => _key.ExportSubjectPublicKeyInfo();

    /// <summary>The request in DER. Names stand in the alternative names alone: the common name is on its way out
    /// (profile <c>tlsserver</c>), and holds 64 characters only.</summary>
    /// <exception cref="ArgumentException">There is no name.</exception>
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
