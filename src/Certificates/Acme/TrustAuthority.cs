using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Tracking.Certificates.Acme;

/// <summary>Makes HTTPS connections to an authority. The authority's certificate is checked against the system's roots,
/// or against the configured roots.</summary>
internal static class TrustAuthority
{
    // A connection to a distant authority takes less than a second. The request's deadline covers the rest.
    private static readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(10);

    // The addresses of an authority change. A connection that lasts a day would not notice the change.
    private static readonly TimeSpan _connectionLifetime = TimeSpan.FromMinutes(5);

    public static SocketsHttpHandler CreateHandler(AuthoritySettings authority)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            // The size limit counts the received bytes. A compressed answer would be larger after unpacking.
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
