using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Certificates.Renewal;

/// <summary>The operator's own hosts, which get certificates by the same road as customers' names.</summary>
internal sealed class OwnHosts(IOptions<CertificateOptions> options, IOptions<SystemOptions> system)
{
    /// <summary>The system host and what <c>Tracking__Certificates__Hosts</c> names; nothing under
    /// <c>localhost</c>, for which no authority issues.</summary>
    public IReadOnlyList<string> Names { get; } =
    [
        .. options.Value.Hosts.Prepend(system.Value.SystemHost)
            .Select(text => HostName.TryParse(text, out var name) ? name.Value : "")
            .Where(name => name.Contains('.', StringComparison.Ordinal)
                && !name.EndsWith(".localhost", StringComparison.Ordinal))
            .Distinct(),
    ];
}
