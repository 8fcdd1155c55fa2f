using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Certificates.Acme;
using Tracking.Links;

namespace Tracking.Certificates.Tests.Acme;

public sealed class CertificateRequestsTests
{
    [Fact]
    public void A_request_has_its_names_in_the_alternative_names_alone_and_a_P256_key_that_signed_it()
    {
        using var key = CertificateKey.Create();
        Assert.True(HostName.TryParse("track.example.com", out var first));
        Assert.True(HostName.TryParse("xn--mnchen-3ya.example", out var second));

        // Checks the signature.
        var request = CertificateRequest.LoadSigningRequest(
            key.MakeRequest([first, second]), HashAlgorithmName.SHA256,
            CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);

        Assert.Equal("", request.SubjectName.Name);
        var extension = Assert.IsType<X509SubjectAlternativeNameExtension>(
            Assert.Single(request.CertificateExtensions));
        Assert.Equal(["track.example.com", "xn--mnchen-3ya.example"], extension.EnumerateDnsNames());
        Assert.Equal(key.ExportPublicKey(), request.PublicKey.ExportSubjectPublicKeyInfo());
    }

    [Fact]
    public void A_key_that_was_stored_asks_for_the_same_certificate()
    {
        using var key = CertificateKey.Create();

        using var again = CertificateKey.FromPkcs8(key.ExportPkcs8());

        Assert.Equal(key.ExportPublicKey(), again.ExportPublicKey());
    }
}
