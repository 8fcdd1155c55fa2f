using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Tls.Certificates;

namespace Tracking.Functional.Tests.Tls;

/// <summary>
/// A certificate authority like Let's Encrypt. All clients trust the old root, and only new clients the new one. So the
/// old root has signed the new one too. The intermediate is under the new root.
/// </summary>
internal sealed class TestAuthority : IDisposable
{
    private static readonly DateTimeOffset _from = TimeProvider.System.GetUtcNow().AddDays(-1);

    private readonly ECDsa _oldKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _newKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public TestAuthority()
    {
        var old = Authority("CN=Old Root", _oldKey);
        OldRoot = old.CreateSelfSigned(_from, _from.AddYears(20));
        NewRoot = Authority("CN=New Root", _newKey).CreateSelfSigned(_from, _from.AddYears(20));
        CrossSigned = Sign(Authority("CN=New Root", _newKey), OldRoot, _oldKey, 10);
        Intermediate = Sign(Authority("CN=Intermediate", _middleKey), NewRoot, _newKey, 3);
    }

    /// <summary>The root that old clients trust.</summary>
    public X509Certificate2 OldRoot { get; }

    /// <summary>The self-signed root with the key of <see cref="CrossSigned"/>.</summary>
    public X509Certificate2 NewRoot { get; }

    /// <summary>The new root, signed by the old one.</summary>
    public X509Certificate2 CrossSigned { get; }

    public X509Certificate2 Intermediate { get; }

    /// <summary>Issues a certificate with its chain, which has two more certificates.</summary>
    /// <param name="name">The host name.</param>
    /// <param name="responder">The OCSP responder's URL in the certificate.</param>
    public CertificateFound Issue(string name, string? responder = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        if (responder is not null)
        {
            request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension([responder], []));
        }

        using var own = Sign(request, Intermediate, _middleKey, 0.2);
        return new CertificateFound
        {
            Name = name,
            Chain = [own.RawData, Intermediate.RawData, CrossSigned.RawData],
            PrivateKey = key.ExportPkcs8PrivateKey(),
        };
    }

    /// <summary>The chain as an authority's PEM file.</summary>
    public static string Pem(CertificateFound found) =>
        string.Concat(found.Chain.Select(certificate => PemEncoding.WriteString("CERTIFICATE", certificate) + "\n"));

    public static string KeyPem(CertificateFound found) =>
        PemEncoding.WriteString("PRIVATE KEY", found.PrivateKey) + "\n";

    public void Dispose()
    {
        OldRoot.Dispose();
        NewRoot.Dispose();
        CrossSigned.Dispose();
        Intermediate.Dispose();
        _oldKey.Dispose();
        _newKey.Dispose();
        _middleKey.Dispose();
    }

    private static CertificateRequest Authority(string subject, ECDsa key)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request;
    }

    private static X509Certificate2 Sign(
        CertificateRequest request, X509Certificate2 issuer, ECDsa key, double years) =>
        request.Create(
            issuer.SubjectName,
            X509SignatureGenerator.CreateForECDsa(key),
            _from,
            _from.AddDays(365 * (years == 0 ? 1 : years)),
            RandomNumberGenerator.GetBytes(16));
}
