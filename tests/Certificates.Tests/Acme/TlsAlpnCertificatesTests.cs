using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tracking.Certificates.Acme;
using Tracking.Links;
using Tracking.Tls.Challenges;

namespace Tracking.Certificates.Tests.Acme;

/// <summary>What Boulder looks at in <c>va/tlsalpn.go</c>, and RFC 8737 §3.</summary>
public sealed class TlsAlpnCertificatesTests : IDisposable
{
    private const string KeyAuthorizationText =
        "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI";
    private readonly X509Certificate2 _certificate;

    public TlsAlpnCertificatesTests()
    {
        Assert.True(HostName.TryParse("Track.Example.com", out var name));
        _certificate = TlsAlpnCertificate.Create(name, KeyAuthorizationText, TimeProvider.System);
    }

    [Fact]
    public void It_is_signed_by_its_own_key_and_issued_to_its_issuer()
    {
        Assert.Equal(_certificate.SubjectName.RawData, _certificate.IssuerName.RawData);
        Assert.True(CertificateSignature.IsBy(_certificate, _certificate));
        Assert.True(_certificate.HasPrivateKey);
    }

    [Fact]
    public void It_has_one_name_in_bytes()
    {
        // SEQUENCE { [2] "track.example.com" }
        byte[] expected = [0x30, 0x13, 0x82, 0x11, .. "track.example.com"u8];

        Assert.Equal(expected, _certificate.Extensions["2.5.29.17"]!.RawData);
    }

    [Fact]
    public void It_has_the_hash_of_the_key_authorization_in_a_critical_extension()
    {
        var extension = _certificate.Extensions["1.3.6.1.5.5.7.1.31"]!;

        byte[] expected = [0x04, 0x20, .. SHA256.HashData(Encoding.ASCII.GetBytes(KeyAuthorizationText))];
        Assert.Equal(expected, extension.RawData);
        Assert.True(extension.Critical);
    }

    [Fact]
    public void It_has_no_extension_twice_and_is_valid_now()
    {
        Assert.Equal(2, _certificate.Extensions.Select(extension => extension.Oid!.Value).Distinct().Count());
        Assert.Equal(2, _certificate.Extensions.Count);
        var now = TimeProvider.System.GetUtcNow();
        Assert.InRange(now, _certificate.NotBefore, _certificate.NotAfter);
    }

    public void Dispose() => _certificate.Dispose();
}
