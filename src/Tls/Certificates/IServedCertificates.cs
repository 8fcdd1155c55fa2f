using Tracking.Links;

namespace Tracking.Tls.Certificates;

/// <summary>The certificates that this process serves. Services call this interface when a certificate has
/// changed.</summary>
public interface IServedCertificates
{
    /// <summary>
    /// Reads the certificate of a name from its source again. New connections get the new certificate after the call,
    /// and open connections keep the old one. A name that is not in memory is only removed from the unknown names.
    /// While the source is away, the old certificate stays in use.
    /// </summary>
    Task ReplaceAsync(HostName name, CancellationToken cancellationToken);
}
