using Tracking.Links;

namespace Tracking.Tls.Certificates;

/// <summary>
/// Where certificates come from. Sources are asked in the order in which they were added, the first that has one wins.
/// A source keeps no cache: what it gives is kept in memory, unknown names are remembered, and several connections that
/// want the same name share one question.
/// </summary>
public interface ICertificateSource
{
    /// <summary>Finds the certificate of a host name.</summary>
    /// <returns><see langword="null"/> when there is none for this name. What cannot be told now (the store is away) is
    /// an exception: names that were served before then stay served.</returns>
    ValueTask<CertificateFound?> FindAsync(HostName name, CancellationToken cancellationToken);
}
