using Tracking.Links;

namespace Tracking.Tls.Certificates;

/// <summary>The certificates that this process serves, for whoever hears that one has changed.</summary>
public interface IServedCertificates
{
    /// <summary>
    /// Takes the certificate of a name from its source again: new connections get the new one as soon as this has
    /// ended, those that are open keep theirs. A name that nobody has asked for is merely no longer remembered as
    /// unknown. While the source is away the old one stays.
    /// </summary>
    Task ReplaceAsync(HostName name, CancellationToken cancellationToken);
}
