using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Certificates.Acme;

namespace Tracking.Certificates.Tests.Acme;

public sealed class CertificateIdsTests
{
    // RFC 9773, appendix A.
    private const string Example =
        """
        -----BEGIN CERTIFICATE-----
        MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
        cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
        BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
        7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
        qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
        yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
        +FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
        -----END CERTIFICATE-----
        """;

    [Fact]
    public void The_certificate_of_the_RFC_has_the_id_of_the_RFC()
    {
        var chain = CertificateChain.FromPem(Example);

        Assert.Equal("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", CertificateId.Of(chain!.Certificates[0]));
    }

    [Fact]
    public void A_certificate_that_does_not_name_its_issuers_key_has_none_and_neither_has_garbage()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=nobody", key, HashAlgorithmName.SHA256);
        using var bare = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(90));

        Assert.Null(CertificateId.Of(bare.RawData));
        Assert.Null(CertificateId.Of([0x30, 0x03, 1, 2, 3]));
        Assert.Null(CertificateId.Of([]));
    }
}
