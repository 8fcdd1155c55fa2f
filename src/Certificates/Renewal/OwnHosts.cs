using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Certificates.Renewal;

/// <summary>The operator's own hosts, which get certificates in the same way as customers' names.</summary>
internal sealed class OwnHosts(IOptions<CertificateOptions> options, IOptions<SystemOptions> system)
{
    /// <summary>The system host and the hosts in <c>Tracking__Certificates__Hosts</c>. Names under <c>localhost</c> are
    /// left out, because no authority issues certificates for them.</summary>
    public IReadOnlyList<string> Names { get; } =
    [
        .. options.Value.Hosts.Prepend(system.Value.SystemHost)
            .Select(text => HostName.TryParse(text, out var name) ? name.Value : "")
            .Where(name => name.Contains('.', StringComparison.Ordinal)
                && !name.EndsWith(".localhost", StringComparison.Ordinal))
            .Distinct(),
    ];
}
