using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Asks DNS whether a name leads to its target.</summary>
/// <param name="host">The name.</param>
/// <param name="target">Where its CNAME record must lead.</param>
/// <param name="cancellationToken">Gives up.</param>
internal delegate Task<DomainDiagnosis> Diagnose(
    HostName host, HostName target, CancellationToken cancellationToken);

/// <summary>Asks DNS what stands at a name that nobody has added.</summary>
/// <param name="host">The name.</param>
/// <param name="cancellationToken">Gives up.</param>
internal delegate Task<DomainDiagnosis> Look(HostName host, CancellationToken cancellationToken);
