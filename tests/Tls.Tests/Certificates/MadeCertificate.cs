using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Tls.Certificates;

namespace Tracking.Tls.Tests.Certificates;

/// <summary>Certificates made for a test.</summary>
internal static class MadeCertificate
{
    public static CertificateFound For(string name, DateTimeOffset? firstRenewedAt = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(
            DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        return new CertificateFound
        {
            Name = name,
            Chain = [certificate.RawData],
            PrivateKey = key.ExportPkcs8PrivateKey(),
            FirstRenewedAt = firstRenewedAt,
        };
    }
}
