using Tracking.Links;

namespace Tracking.Tls.Certificates;

/// <summary>
/// A source of certificates. Sources are asked in the order in which they were added, and the first with a certificate
/// wins. A source needs no cache: the caller keeps certificates and unknown names in memory, and connections that want
/// the same name share one question.
/// </summary>
public interface ICertificateSource
{
    /// <summary>Finds the certificate of a host name.</summary>
    /// <returns><see langword="null"/> if the name has no certificate. A store that is away is an exception, and names
    /// that were served before stay served.</returns>
    ValueTask<CertificateFound?> FindAsync(HostName name, CancellationToken cancellationToken);
}
