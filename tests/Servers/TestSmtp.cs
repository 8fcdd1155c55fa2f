using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Tracking.Servers;

/// <summary>A mail that the server accepted.</summary>
/// <param name="Sender">The envelope sender.</param>
/// <param name="Recipients">The envelope recipients.</param>
/// <param name="MailOptions">The parameters behind the sender: <c>BODY=8BITMIME</c>.</param>
/// <param name="IsTls">Whether the mail arrived over TLS.</param>
/// <param name="User">The logged-in user.</param>
/// <param name="Message">The message's bytes.</param>
public sealed record TakenMail(
    string Sender,
    IReadOnlyList<string> Recipients,
    IReadOnlyList<string> MailOptions,
    bool IsTls,
    string? User,
    byte[] Message);

/// <summary>
/// A mail server (aiosmtpd) that keeps the accepted mails. It permanently refuses recipients called <c>gone</c>, and
/// refuses those called <c>later</c> until <see cref="TakeLater"/>.
/// </summary>
public sealed class TestSmtp : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _arguments = [];
    private ServerProcess? _process;

    /// <summary>Does not start the server yet.</summary>
    /// <param name="startTls">Whether the server offers STARTTLS.</param>
    /// <param name="isTls">Whether the server uses TLS from the start.</param>
    /// <param name="user">The user and password for the login.</param>
    /// <param name="isSevenBit">Whether the server does not offer 8BITMIME.</param>
    public TestSmtp(
        bool startTls = false, bool isTls = false, (string Name, string Password)? user = null, bool isSevenBit = false)
    {
        Directory.CreateDirectory(_folder.In("mails"));
        if (startTls || isTls)
        {
            MakeCertificate();
            _arguments.AddRange(["--certificate", _folder.In("server.pem")]);
        }

        if (isTls)
        {
            _arguments.Add("--tls");
        }

        if (user is { } who)
        {
            _arguments.AddRange(["--user", who.Name, who.Password]);
        }

        if (isSevenBit)
        {
            _arguments.Add("--seven-bit");
        }
    }

    /// <summary>The server's port, the same after each start.</summary>
    public int Port { get; } = FreePort.Take(1)[0];

    /// <summary>The certificate authority of the server's certificate, PEM.</summary>
    public string RootCertificate => _folder.In("root.pem");

    /// <summary>Every accepted mail, the oldest first.</summary>
    public IReadOnlyList<TakenMail> Mails =>
    [
        .. Directory.EnumerateFiles(_folder.In("mails"), "*.json").Order(StringComparer.Ordinal)
            .Select(file => JsonSerializer.Deserialize<TakenMail>(File.ReadAllText(file), JsonSerializerOptions.Web)!),
    ];

    /// <summary>Starts the server, also again after <see cref="Stop"/>.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var script = Path.Combine(BuiltPrograms.Repository, "tests", "Servers", "Smtp", "server.py");
        // Debian's own Python has Debian's package, whichever Python is first in PATH.
        _process = await ServerProcess.StartAsync(
            [
                "/usr/bin/python3", script, Port.ToString(CultureInfo.InvariantCulture), _folder.In("mails"),
                .. _arguments,
            ],
            _folder.Path,
            new Dictionary<string, string>());
        await Eventually.HoldsAsync(
            () => _process.HasExited
                ? throw new InvalidOperationException(_process.Output)
                : _process.Output.Contains("ready", StringComparison.Ordinal),
            "the mail server is there", cancellationToken);
    }

    /// <summary>Accepts recipients called <c>later</c> from now on.</summary>
    public void TakeLater() => File.WriteAllText(_folder.In("mails/later"), "");

    /// <summary>Ends the server; its mails stay.</summary>
    public void Stop()
    {
        _process?.Kill();
        _process?.Dispose();
        _process = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        _folder.Dispose();
    }

    private void MakeCertificate()
    {
        var now = TimeProvider.System.GetUtcNow();
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var rootRequest = new CertificateRequest("CN=Root of a test", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        using var root = rootRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        File.WriteAllText(RootCertificate, root.ExportCertificatePem());

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mail.example.net", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(
            root, now.AddDays(-1), now.AddDays(20), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(
            _folder.In("server.pem"),
            certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
    }
}
