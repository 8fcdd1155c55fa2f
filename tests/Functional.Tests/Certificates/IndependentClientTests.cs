using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Tracking.AcmeAuthority;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>The authority of the tests takes what a client takes for granted that was not written with it: acme-tiny of
/// Debian, which proves a name for real.</summary>
public sealed class IndependentClientTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Acme_tiny_gets_a_certificate()
    {
        using var folder = new TemporaryFolder();
        var port = FreePort.Take(1)[0];
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ListenLocalhost(port));
        await using var web = builder.Build();
        web.Run(async context =>
        {
            var file = folder.In(Path.GetFileName(context.Request.Path.Value!));
            context.Response.StatusCode = File.Exists(file) ? 200 : 404;
            await context.Response.WriteAsync(File.Exists(file) ? await File.ReadAllTextAsync(file) : "");
        });
        await web.StartAsync(Cancelled);
        await using var authority = new TestAuthority { HttpPort = port, RefusedNonces = 20 };
        await authority.StartAsync();
        using var account = RSA.Create(2048);
        using var key = RSA.Create(2048);
        await File.WriteAllTextAsync(folder.In("account.pem"), account.ExportRSAPrivateKeyPem(), Cancelled);
        await File.WriteAllTextAsync(folder.In("request.pem"), Request(key), Cancelled);
        await File.WriteAllTextAsync(folder.In("roots.pem"), authority.RootPem, Cancelled);

        using var client = await ServerProcess.StartAsync(
            [
                "sh", "-c",
                $"exec /usr/bin/acme-tiny --account-key account.pem --csr request.pem --acme-dir {folder.Path} "
                + $"--disable-check --directory-url {authority.Directory} --contact mailto:a@example.com > chain.pem",
            ],
            folder.Path,
            new Dictionary<string, string> { ["SSL_CERT_FILE"] = folder.In("roots.pem") });
        await Eventually.HoldsAsync(() => client.HasExited, "acme-tiny has ended", Cancelled);

        Assert.True(client.ExitCode == 0, client.Output);
        using var certificate = X509Certificate2.CreateFromPem(
            await File.ReadAllTextAsync(folder.In("chain.pem"), Cancelled));
        Assert.True(certificate.MatchesHostname("track.example.com"));
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), certificate.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal((1, 1), (authority.Accounts, authority.Certificates));
    }

    private static string Request(RSA key)
    {
        var request = new CertificateRequest(
            "CN=track.example.com", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("track.example.com");
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSigningRequestPem();
    }
}
