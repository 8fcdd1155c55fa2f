using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Tracking.Servers;
using Tracking.Tls.Certificates;

namespace Tracking.Functional.Tests.Tls;

/// <summary>Clients get the chain from the authority.</summary>
public sealed partial class ChainTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TestAuthority _authority = new();

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_chain_of_a_cross_signed_root_is_sent_byte_for_byte_where_the_machine_trusts_its_twin()
    {
        var given = _authority.Issue("www.example.net");
        await File.WriteAllTextAsync(_folder.In("fullchain.pem"), TestAuthority.Pem(given));
        await File.WriteAllTextAsync(_folder.In("privkey.pem"), TestAuthority.KeyPem(given));
        var trusted = Directory.CreateDirectory(_folder.In("trusted")).FullName;
        await File.WriteAllTextAsync(Path.Combine(trusted, "root.pem"), _authority.NewRoot.ExportCertificatePem());
        var ports = FreePort.Take(2);

        using var gateway = new ServiceProcess("Gateway", "gateway", _folder.Path, new Dictionary<string, string>
        {
            ["Tracking__Gateway__Edge"] = "proxied",
            ["Tracking__Tls__Files__0__Certificate"] = _folder.In("fullchain.pem"),
            ["Tracking__Tls__Files__0__Key"] = _folder.In("privkey.pem"),
            ["SSL_CERT_DIR"] = trusted,
            ["SSL_CERT_FILE"] = _folder.In("none.pem"),
        }, ports[0], $"http://127.0.0.1:{ports[0]};https://127.0.0.1:{ports[1]}");
        await gateway.StartAsync(TestContext.Current.CancellationToken);

        await SeesAsync(ports[1], given);
        await SeesAsync(ports[1], given, "-tls1_2");

        // The certificate is renewed, and the files are read again.
        var renewed = _authority.Issue("www.example.net");
        await File.WriteAllTextAsync(_folder.In("privkey.pem"), TestAuthority.KeyPem(renewed));
        await File.WriteAllTextAsync(_folder.In("fullchain.pem"), TestAuthority.Pem(renewed));
        await Eventually.HoldsAsync(
            async () => (await ShownAsync(ports[1])).FirstOrDefault()?.AsSpan().SequenceEqual(renewed.Chain[0]) == true,
            "the renewed certificate is served",
            TestContext.Current.CancellationToken);
        await SeesAsync(ports[1], renewed);
    }

    [Fact]
    public async Task No_revocation_service_is_asked()
    {
        using var responder = new TcpListener(IPAddress.Loopback, 0);
        responder.Start();
        await using var host = await TlsHost.StartAsync();
        host.Certificates["www.example.net"] = host.Authority.Issue(
            "www.example.net", $"http://{responder.LocalEndpoint}/ocsp");

        for (var i = 0; i < 3; i++)
        {
            await using var tls = await host.ConnectAsync("www.example.net");
            Assert.Contains("200 OK", await TlsHost.AskAsync(tls, "www.example.net"), StringComparison.Ordinal);
        }

        Assert.False(responder.Pending());
    }

    private static async Task SeesAsync(int port, CertificateFound given, params string[] more) =>
        Assert.Equal(given.Chain, await ShownAsync(port, more));

    private static async Task<List<byte[]>> ShownAsync(int port, params string[] more)
    {
        var output = await OpenSsl.ClientAsync(port, "www.example.net", "Q\n", ["-showcerts", .. more]);
        return [.. Shown().Matches(output).Select(match => Convert.FromBase64String(
            match.Value[PemLabel("BEGIN").Length..^PemLabel("END").Length]))];
    }

    private static string PemLabel(string edge) => $"-----{edge} CERTIFICATE-----";

    [GeneratedRegex("-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")]
    private static partial Regex Shown();
}
