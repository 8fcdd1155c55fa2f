using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Tracking.Servers;

/// <summary>
/// Let's Encrypt's small certificate authority for tests (pebble), and the server that answers its challenges and DNS
/// questions (pebble-challtestsrv). Each is a separate process with its own folder and loopback ports. They end with
/// the test process.
/// </summary>
public sealed class TestPebble : IAsyncDisposable
{
    private const int PortAttempts = 5;
    private readonly TemporaryFolder _folder = new();
    private ServerProcess? _authority;
    private ServerProcess? _challenges;
    private HttpClient? _http;
    private int[] _ports = [];

    /// <summary>The percentage of requests whose nonce is refused; pebble's default is 5.</summary>
    public int RefusedNonces { get; init; }

    /// <summary>The percentage of orders that reuse a valid authorization; pebble's default is 50.</summary>
    public int ReusedAuthorizations { get; init; }

    /// <summary>The number of chains besides the default.</summary>
    public int AlternateRoots { get; init; }

    /// <summary>The number of certificates in a chain between root and leaf.</summary>
    public int ChainLength { get; init; } = 1;

    /// <summary>Keys for external account binding, base64url. With a key, the binding is required.</summary>
    public IReadOnlyDictionary<string, string> ExternalAccounts { get; init; } = new Dictionary<string, string>();

    /// <summary>How pebble checks names: the ports of http-01 and tls-alpn-01, and its resolver. Not set: pebble checks
    /// against pebble-challtestsrv, on its own ports.</summary>
    public (int HttpPort, int TlsPort, IPEndPoint Resolver)? Looks { get; init; }

    /// <summary>The URL of pebble's directory.</summary>
    public string Directory => $"https://127.0.0.1:{_ports[0]}/dir";

    /// <summary>The root of pebble's own HTTPS.</summary>
    public string RootPem { get; private set; } = "";

    /// <summary>Starts both and waits until they answer.</summary>
    /// <exception cref="InvalidOperationException">A server ended.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        MakeCertificate();
        for (var attempt = 1; ; attempt++)
        {
            // Authority, its management, http-01, tls-alpn-01, the answers' management, DNS.
            _ports = FreePort.Take(6);
            await StartOnceAsync(cancellationToken);
            if (await AnswersAsync(cancellationToken))
            {
                return;
            }

            var output = _authority!.Output + _challenges!.Output;
            _authority.Kill();
            _challenges.Kill();
            if (attempt == PortAttempts || !output.Contains("address already in use", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"Pebble did not start:\n{output}");
            }
        }
    }

    /// <summary>Lets the server answer an http-01 challenge, for every name.</summary>
    public Task AnswerHttpAsync(string token, string keyAuthorization, CancellationToken cancellationToken) =>
        TellAsync("add-http01", new { token, content = keyAuthorization }, cancellationToken);

    /// <summary>Lets the server answer a tls-alpn-01 challenge for a name.</summary>
    public Task AnswerTlsAlpnAsync(string host, string keyAuthorization, CancellationToken cancellationToken) =>
        TellAsync("add-tlsalpn01", new { host, content = keyAuthorization }, cancellationToken);

    /// <summary>The name of a root: of the default chain, or of an alternate chain.</summary>
    public async Task<string> RootNameAsync(int index, CancellationToken cancellationToken)
    {
        var pem = await _http!.GetStringAsync(
            $"https://127.0.0.1:{_ports[1]}/roots/{index.ToString(CultureInfo.InvariantCulture)}", cancellationToken);
        using var root = X509Certificate2.CreateFromPem(pem);
        return root.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
    }

    /// <summary>Pebble's status of a certificate: <c>Valid</c> or <c>Revoked</c>.</summary>
    /// <param name="serialNumber">The serial number in hexadecimal.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<string> StatusAsync(string serialNumber, CancellationToken cancellationToken)
    {
        var status = await _http!.GetFromJsonAsync<JsonElement>(
            $"https://127.0.0.1:{_ports[1]}/cert-status-by-serial/{serialNumber.TrimStart('0')}", cancellationToken);
        return status.GetProperty("Status").GetString()!;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _authority?.Dispose();
        _challenges?.Dispose();
        _http?.Dispose();
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task StartOnceAsync(CancellationToken cancellationToken)
    {
        string Local(int port) => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_ports[port]}");
        await File.WriteAllTextAsync(
            _folder.In("config.json"),
            JsonSerializer.Serialize(new
            {
                pebble = new
                {
                    listenAddress = Local(0),
                    managementListenAddress = Local(1),
                    certificate = _folder.In("cert.pem"),
                    privateKey = _folder.In("key.pem"),
                    httpPort = Looks?.HttpPort ?? _ports[2],
                    tlsPort = Looks?.TlsPort ?? _ports[3],
                    ocspResponderURL = "",
                    externalAccountBindingRequired = ExternalAccounts.Count > 0,
                    externalAccountMACKeys = ExternalAccounts,
                },
            }),
            cancellationToken);
        _challenges = await ServerProcess.StartAsync(
            [
                "pebble-challtestsrv", "-http01", Local(2), "-https01", "", "-tlsalpn01", Local(3), "-management", Local(
                    4),
                "-dns01", Local(5), "-defaultIPv6", "",
            ],
            _folder.Path,
            new Dictionary<string, string>());
        _authority = await ServerProcess.StartAsync(
            ["pebble", "-config", _folder.In("config.json"), "-dnsserver", Looks?.Resolver.ToString() ?? Local(5), "-strict"],
            _folder.Path,
            new Dictionary<string, string>
            {
                ["PEBBLE_VA_NOSLEEP"] = "1",
                ["PEBBLE_WFE_NONCEREJECT"] = Text(RefusedNonces),
                ["PEBBLE_AUTHZREUSE"] = Text(ReusedAuthorizations),
                ["PEBBLE_ALTERNATE_ROOTS"] = Text(AlternateRoots),
                ["PEBBLE_CHAIN_LENGTH"] = Text(ChainLength),
            });
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        var answers = false;
        await Eventually.HoldsAsync(
            async () =>
            {
                if (_authority!.HasExited || _challenges!.HasExited)
                {
                    return true;
                }

                try
                {
                    (await _http!.GetAsync(Directory, cancellationToken)).Dispose();
                    using var client = new TcpClient();
                    await client.ConnectAsync("127.0.0.1", _ports[4], cancellationToken);
                    return answers = true;
                }
                catch (Exception exception) when (exception is HttpRequestException or SocketException)
                {
                    return false;
                }
            },
            "pebble answers",
            cancellationToken);
        // Another server on those ports would have answered too.
        return answers && !_authority!.HasExited && !_challenges!.HasExited;
    }

    private async Task TellAsync(string what, object json, CancellationToken cancellationToken)
    {
        using var response = await _http!.PostAsJsonAsync(
            $"http://127.0.0.1:{_ports[4]}/{what}", json, cancellationToken);
        response.EnsureSuccessStatusCode();
    }

    private void MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=pebble for tests", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        RootPem = certificate.ExportCertificatePem();
        File.WriteAllText(_folder.In("cert.pem"), RootPem);
        File.WriteAllText(_folder.In("key.pem"), key.ExportPkcs8PrivateKeyPem());
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificate(certificate.RawData));
        _http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy },
        });
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
