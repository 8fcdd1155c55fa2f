using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tracking.AcmeAuthority;

/// <summary>What may be wrong with a certificate that is issued.</summary>
public enum IssuedWith
{
    Nothing,
    OtherKey,
    OtherName,
    NotYetValid,
    Expired,
    BrokenChain,
}

/// <summary>Roots, and an intermediate with one key that each of them has signed.</summary>
internal sealed class Issuer
{
    private static readonly DateTimeOffset _begin = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2[] _intermediates;

    public Issuer(IEnumerable<string> rootNames, TimeProvider time)
    {
        var end = time.GetUtcNow().AddYears(10);
        _intermediates = [.. rootNames.Select(name =>
        {
            using var root = SelfSigned(name, end);
            var request = new CertificateRequest("CN=Test Intermediate", _key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
            request.CertificateExtensions.Add(
                new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
            request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
            request.CertificateExtensions.Add(
                X509AuthorityKeyIdentifierExtension.CreateFromCertificate(root, true, false));
            return request.Create(root, _begin, end.AddDays(-1), RandomNumberGenerator.GetBytes(16));
        })];
    }

    /// <summary>One chain for each root, PEM.</summary>
    public (byte[] Leaf, string[] Chains) Issue(
        byte[] csr, IReadOnlyCollection<string> names, TimeSpan lifetime, IssuedWith fault, TimeProvider time)
    {
        var asked = CertificateRequest.LoadSigningRequest(
            csr, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        using var otherKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(
            new X500DistinguishedName(""),
            fault == IssuedWith.OtherKey ? new PublicKey(otherKey) : asked.PublicKey,
            HashAlgorithmName.SHA256);
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in fault == IssuedWith.OtherName ? ["other.example"] : names)
        {
            alternatives.AddDnsName(name);
        }

        request.CertificateExtensions.Add(alternatives.Build(critical: true));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension(new OidCollection { new Oid("1.3.6.1.5.5.7.3.1") }, false));
        request.CertificateExtensions.Add(
            X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_intermediates[0], true, false));
        // An hour back, as public authorities do; certificates hold whole seconds.
        var from = fault switch
        {
            IssuedWith.NotYetValid => time.GetUtcNow().AddDays(1),
            IssuedWith.Expired => time.GetUtcNow() - lifetime - TimeSpan.FromDays(1),
            _ => time.GetUtcNow().AddHours(-1),
        };
        // Serial numbers are positive: a leading 00 where the first bit is set.
        byte[] serial = [0x00, 0x87, .. RandomNumberGenerator.GetBytes(14)];
        using var leaf = request.Create(
            _intermediates[0].SubjectName, X509SignatureGenerator.CreateForECDsa(
                fault == IssuedWith.BrokenChain ? otherKey : _key), from, from + lifetime, serial);
        return (leaf.RawData, [.. _intermediates.Select(issuer =>
            $"{leaf.ExportCertificatePem()}\n{issuer.ExportCertificatePem()}\n")]);
    }

    /// <summary>A certificate for the authority's own HTTPS, and the root that it is checked with.</summary>
    public static (X509Certificate2 Server, string RootPem) ForHttps(TimeProvider time)
    {
        var end = time.GetUtcNow().AddYears(1);
        using var root = SelfSigned("HTTPS Root", end);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        // Python's TLS wants to see who signed.
        request.CertificateExtensions.Add(
            X509AuthorityKeyIdentifierExtension.CreateFromCertificate(root, true, false));
        using var signed = request.Create(root, _begin, end.AddDays(-1), RandomNumberGenerator.GetBytes(16));
        return (signed.CopyWithPrivateKey(key), root.ExportCertificatePem());
    }

    private static X509Certificate2 SelfSigned(string name, DateTimeOffset end)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA384);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(_begin, end);
    }
}
