using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Tracking.AcmeAuthority;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>The tests' authority works with independent clients: those in Debian, which prove a name for
/// real.</summary>
public sealed class IndependentClientTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    // The arguments of each client: the directory, the folder of challenges, the roots for the authority's HTTPS, and a
    // folder of its own. Each client stores its certificate in a place of its choice.
    private static readonly Dictionary<string, string> _clients = new()
    {
        ["certbot"] = "certbot certonly --non-interactive --agree-tos --register-unsafely-without-email "
            + "--server $DIRECTORY --webroot -w $FOLDER -d track.example.com --config-dir $FOLDER/c --work-dir $FOLDER/w "
            + "--logs-dir $FOLDER/l && cp $FOLDER/c/live/track.example.com/fullchain.pem chain.pem",
        ["lego"] = "lego --server $DIRECTORY --accept-tos --email a@example.com --domains track.example.com --http "
            + "--http.webroot $FOLDER --path $FOLDER/lego run && cp $FOLDER/lego/certificates/track.example.com.crt chain.pem",
        ["dehydrated"] = "printf 'CA=%s\nCURL_OPTS=\"--cacert %s\"\nBASEDIR=%s\nWELLKNOWN=%s\n' $DIRECTORY "
            + "$SSL_CERT_FILE $FOLDER/d $FOLDER/.well-known/acme-challenge > config && mkdir -p d && "
            + "dehydrated --register --accept-terms --config config && "
            + "dehydrated --cron --domain track.example.com --config config && "
            + "cp d/certs/track.example.com/fullchain.pem chain.pem",
    };

    public static TheoryData<string> Clients => [.. _clients.Keys];

    [Fact]
    public async Task Acme_tiny_gets_a_certificate()
    {
        using var folder = new TemporaryFolder();
        await using var web = await ServeAsync(folder);
        await using var authority = new TestAuthority { HttpPort = Port(web), RefusedNonces = 20 };
        await authority.StartAsync();
        using var account = RSA.Create(2048);
        using var key = RSA.Create(2048);
        await File.WriteAllTextAsync(folder.In("account.pem"), account.ExportRSAPrivateKeyPem(), Cancelled);
        await File.WriteAllTextAsync(folder.In("request.pem"), Request(key), Cancelled);

        await RunAsync(
            folder, authority,
            "/usr/bin/acme-tiny --account-key account.pem --csr request.pem "
            + "--acme-dir $FOLDER/.well-known/acme-challenge --disable-check --directory-url $DIRECTORY "
            + "--contact mailto:a@example.com > chain.pem");

        using var certificate = X509Certificate2.CreateFromPem(
            await File.ReadAllTextAsync(folder.In("chain.pem"), Cancelled));
        Assert.True(certificate.MatchesHostname("track.example.com"));
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), certificate.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal((1, 1), (authority.Accounts, authority.Certificates));
    }

    [Theory]
    [MemberData(nameof(Clients))]
    public async Task A_client_of_others_gets_a_certificate(string client)
    {
        using var folder = new TemporaryFolder();
        await using var web = await ServeAsync(folder);
        await using var authority = new TestAuthority
        {
            HttpPort = Port(web),
            TermsOfService = "https://authority.example/terms",
            OffersUnknownChallenges = true,
        };
        await authority.StartAsync();

        await RunAsync(folder, authority, _clients[client]);

        using var certificate = X509Certificate2.CreateFromPem(
            await File.ReadAllTextAsync(folder.In("chain.pem"), Cancelled));
        Assert.True(certificate.MatchesHostname("track.example.com"));
        Assert.Equal((1, 1), (authority.Accounts, authority.Certificates));
    }

    private static int Port(WebApplication web) => new Uri(web.Urls.Single()).Port;

    private static async Task<WebApplication> ServeAsync(TemporaryFolder folder)
    {
        Directory.CreateDirectory(folder.In(".well-known/acme-challenge"));
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var web = builder.Build();
        web.Run(async context =>
        {
            var file = folder.In(".well-known/acme-challenge/" + Path.GetFileName(context.Request.Path.Value!));
            context.Response.StatusCode = File.Exists(file) ? 200 : 404;
            await context.Response.WriteAsync(File.Exists(file) ? await File.ReadAllTextAsync(file) : "");
        });
        await web.StartAsync(Cancelled);
        return web;
    }

    private static async Task RunAsync(TemporaryFolder folder, TestAuthority authority, string command)
    {
        await File.WriteAllTextAsync(folder.In("roots.pem"), authority.RootPem, Cancelled);
        var roots = folder.In("roots.pem");
        using var client = await ServerProcess.StartAsync(
            ["sh", "-c", command],
            folder.Path,
            new Dictionary<string, string>
            {
                ["SSL_CERT_FILE"] = roots,
                ["REQUESTS_CA_BUNDLE"] = roots,
                ["LEGO_CA_CERTIFICATES"] = roots,
                ["DIRECTORY"] = authority.Directory,
                ["FOLDER"] = folder.Path,
                ["HOME"] = folder.Path,
                ["PATH"] = "/usr/bin:/bin",
            });
        await Eventually.HoldsAsync(() => client.HasExited, "the client has ended", Cancelled, TimeSpan.FromMinutes(3));
        Assert.True(client.ExitCode == 0, client.Output);
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
