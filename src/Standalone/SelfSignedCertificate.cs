using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Links;
using Tracking.Tls.Certificates;

namespace Tracking.Standalone;

/// <summary>
/// The edge's certificate until a real one exists: ECDSA P-256 for the system host and loopback, kept in the data
/// folder so that it can be trusted once, and made anew before it expires or when it lacks a name.
/// </summary>
/// <remarks>Asked last of all sources: a certificate that others trust wins.</remarks>
internal sealed class SelfSignedCertificate(DataFolder folder, string systemHost, TimeProvider time)
    : ICertificateSource, IDisposable
{
    private const string Loopback = "localhost";

    // 398 days is the longest that browsers accept of public authorities; a local one has no reason for more.
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(397);
    private static readonly TimeSpan RenewBefore = TimeSpan.FromDays(30);

    // Clocks of clients may be behind.
    private static readonly TimeSpan Backdated = TimeSpan.FromHours(1);

    private readonly Lock _renewing = new();
    private volatile X509Certificate2? _current;

    /// <summary>The certificate to serve now.</summary>
    public X509Certificate2 Current()
    {
        if (_current is { } current && IsFresh(current))
        {
            return current;
        }

        lock (_renewing)
        {
            return _current is { } renewed && IsFresh(renewed) ? renewed : _current = Load() ?? Create();
        }
    }

    /// <inheritdoc/>
    public ValueTask<CertificateFound?> FindAsync(HostName name, CancellationToken cancellationToken)
    {
        if (name.Value != Loopback && !(HostName.TryParse(systemHost, out var own) && name == own))
        {
            return ValueTask.FromResult<CertificateFound?>(null);
        }

        var certificate = Current();
        using var key = certificate.GetECDsaPrivateKey()!;
        return ValueTask.FromResult<CertificateFound?>(new CertificateFound
        {
            Name = name.Value,
            Chain = [certificate.RawData],
            PrivateKey = key.ExportPkcs8PrivateKey(),
            IsLocal = true,
        });
    }

    /// <inheritdoc/>
    public void Dispose() => _current?.Dispose();

    private bool IsFresh(X509Certificate2 certificate) =>
        certificate.NotAfter.ToUniversalTime() - time.GetUtcNow().UtcDateTime > RenewBefore;

    private X509Certificate2? Load()
    {
        if (!File.Exists(folder.EdgeCertificate))
        {
            return null;
        }

        try
        {
            var kept = X509Certificate2.CreateFromPemFile(folder.EdgeCertificate);
            return IsFresh(kept) && kept.MatchesHostname(systemHost) ? kept : null;
        }
        catch (CryptographicException)
        {
            // A damaged file is no loss: the next one is as good.
            return null;
        }
    }

    private X509Certificate2 Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={systemHost}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(systemHost);
        names.AddDnsName(Loopback);
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        var serverAuthentication = new OidCollection { new Oid("1.3.6.1.5.5.7.3.1") };
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(serverAuthentication, critical: false));

        var now = time.GetUtcNow();
        var certificate = request.CreateSelfSigned(now - Backdated, now - Backdated + Lifetime);
        DataFolder.WriteSecret(
            folder.EdgeCertificate, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
        return certificate;
    }
}
