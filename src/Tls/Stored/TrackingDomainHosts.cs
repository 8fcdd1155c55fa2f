using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Links;

namespace Tracking.Tls.Stored;

/// <summary>The directory of tracking domains, from the same look-up as the edge's.</summary>
internal sealed class TrackingDomainHosts(TrackingHosts hosts, TimeProvider time) : IServedHosts
{
    /// <inheritdoc/>
    public HostStanding Find(HostName name) =>
        hosts.TryGet(name.Value, out var host) ? StandingOf(host) : HostStanding.Unsaid;

    /// <inheritdoc/>
    public async ValueTask<HostStanding> LearnAsync(HostName name)
    {
        var found = await hosts.FindAsync(name.Value, isAnybodys: true);
        return found.Outcome == HostLookup.Unavailable ? HostStanding.Unsaid : StandingOf(found.Host);
    }

    private HostStanding StandingOf(TrackingHost? host) => host switch
    {
        null => HostStanding.Unknown,
        { Status: not DomainStatus.Active } => HostStanding.Registered,
        _ => host.HasCertificate(time.GetUtcNow()) ? HostStanding.ActiveWithHttps : HostStanding.Active,
    };
}
