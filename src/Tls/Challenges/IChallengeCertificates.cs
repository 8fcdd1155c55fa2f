using System.Security.Cryptography.X509Certificates;
using Tracking.Links;

namespace Tracking.Tls.Challenges;

/// <summary>The certificates that answer tls-alpn-01 (RFC 8737), while such a challenge is open.</summary>
public interface IChallengeCertificates
{
    /// <summary>Finds the challenge certificate for a name, with its private key. The caller disposes it.</summary>
    /// <returns><see langword="null"/> while no challenge is open for this name.</returns>
    ValueTask<X509Certificate2?> FindAsync(HostName name, CancellationToken cancellationToken);
}
