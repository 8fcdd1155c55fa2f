using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Tracking.Certificates.Acme;

/// <summary>Connections to an authority's own HTTPS, by the system's trust or by the roots that are
/// configured.</summary>
internal static class TrustAuthority
{
    // A certificate authority far away answers within a second; the request's deadline is for the rest.
    private static readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(10);

    // Names of authorities move between addresses; a day's connection would not notice.
    private static readonly TimeSpan _connectionLifetime = TimeSpan.FromMinutes(5);

    public static SocketsHttpHandler CreateHandler(AuthoritySettings authority)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            // A compressed answer would be larger than it is counted.
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = _connectTimeout,
            PooledConnectionLifetime = _connectionLifetime,
        };
        if (!string.IsNullOrEmpty(authority.RootCertificates))
        {
            var policy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            };
            policy.CustomTrustStore.ImportFromPemFile(authority.RootCertificates);
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        }

        return handler;
    }
}
