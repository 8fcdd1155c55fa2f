using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Links;
using Tracking.Tls.Certificates;

namespace Tracking.Standalone;

/// <summary>
/// The edge's certificate until a real one exists: ECDSA P-256 for the system host and loopback. It is kept in the data
/// folder, so that a client can trust it once. It is replaced before it expires, or when it lacks a name.
/// </summary>
/// <remarks>This source is asked last: a publicly trusted certificate wins.</remarks>
internal sealed class SelfSignedCertificate(DataFolder folder, string systemHost, TimeProvider time)
    : ICertificateSource, IDisposable
{
    private const string Loopback = "localhost";

    // Browsers accept at most 398 days from public authorities. A local certificate needs no longer time.
    private static readonly TimeSpan _lifetime = TimeSpan.FromDays(397);
    private static readonly TimeSpan _renewBefore = TimeSpan.FromDays(30);

    // The clocks of clients may be behind.
    private static readonly TimeSpan _backdated = TimeSpan.FromHours(1);

    private readonly Lock _renewing = new();
    private volatile X509Certificate2? _current;

    /// <summary>The current certificate.</summary>
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
        certificate.NotAfter.ToUniversalTime() - time.GetUtcNow().UtcDateTime > _renewBefore;

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
            // A damaged file can be replaced by a new certificate.
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
        var certificate = request.CreateSelfSigned(now - _backdated, now - _backdated + _lifetime);
        DataFolder.WriteSecret(
            folder.EdgeCertificate, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
        return certificate;
    }
}
