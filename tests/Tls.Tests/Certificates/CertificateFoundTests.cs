using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Tls.Certificates;

namespace Tracking.Tls.Tests.Certificates;

public sealed class CertificateFoundTests
{
    [Fact]
    public void A_chain_is_read_from_PEM_in_its_order_and_its_key_whatever_text_stands_between()
    {
        using var first = Create("a.example.net", out var key);
        using var second = Create("b.example.net", out _);

        var found = CertificateFound.FromPem(
            "a.example.net",
            "Bag Attributes\n" + first.ExportCertificatePem() + "\nissuer=x\n" + second.ExportCertificatePem() + "\n",
            key);

        Assert.Equal([first.RawData, second.RawData], found.Chain);
        using var read = ECDsa.Create();
        read.ImportPkcs8PrivateKey(found.PrivateKey, out _);
        using var own = first.GetECDsaPublicKey();
        Assert.Equal(own!.ExportSubjectPublicKeyInfo(), read.ExportSubjectPublicKeyInfo());
    }

    [Fact]
    public void A_key_of_another_certificate_is_refused()
    {
        using var first = Create("a.example.net", out _);
        using var second = Create("b.example.net", out var key);

        Assert.ThrowsAny<Exception>(
            () => CertificateFound.FromPem("a.example.net", first.ExportCertificatePem(), key));
    }

    private static X509Certificate2 Create(string name, out string keyPem)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        keyPem = key.ExportPkcs8PrivateKeyPem();
        return new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
    }
}
