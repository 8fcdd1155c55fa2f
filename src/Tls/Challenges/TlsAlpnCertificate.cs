using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Links;

namespace Tracking.Tls.Challenges;

/// <summary>The certificate that answers a tls-alpn-01 challenge (RFC 8737 §3): self-signed, one name, and the key
/// authorization in a critical extension. It is shown for ALPN <c>acme-tls/1</c> alone.</summary>
public static class TlsAlpnCertificate
{
    /// <summary>The one protocol in the ClientHello of an authority.</summary>
    public const string Protocol = "acme-tls/1";

    /// <summary>id-pe-acmeIdentifier.</summary>
    public const string ExtensionOid = "1.3.6.1.5.5.7.1.31";

    // An authorization lives a week at most (RFC 8555 names no limit, Boulder's is shorter). Authorities do not check
    // these dates.
    private static readonly TimeSpan _lifetime = TimeSpan.FromDays(7);

    /// <summary>Makes the certificate with a new key.</summary>
    public static X509Certificate2 Create(HostName name, string keyAuthorization, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        // Subject and issuer are the same short text. A common name holds at most 64 characters, and a host name may be
        // longer.
        var request = new CertificateRequest("CN=ACME challenge", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name.Value);
        request.CertificateExtensions.Add(names.Build());
        var hash = new AsnWriter(AsnEncodingRules.DER);
        hash.WriteOctetString(KeyAuthorization.Hash(keyAuthorization));
        request.CertificateExtensions.Add(new X509Extension(ExtensionOid, hash.Encode(), critical: true));
        var now = time.GetUtcNow();
        return request.CreateSelfSigned(now - TimeSpan.FromDays(1), now + _lifetime);
    }
}
