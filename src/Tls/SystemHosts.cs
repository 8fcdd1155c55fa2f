using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Tls;

/// <summary>The operator's own host for tracked links.</summary>
internal sealed class SystemHosts(IOptions<SystemOptions> system) : IServedHosts
{
    private readonly HostName _host = HostName.TryParse(system.Value.SystemHost, out var host) ? host : default;
    private readonly HostStanding _standing =
        system.Value.SystemScheme == Uri.UriSchemeHttps ? HostStanding.ActiveWithHttps : HostStanding.Active;

    /// <inheritdoc/>
    public HostStanding Find(HostName name) => name == _host ? _standing : HostStanding.Unsaid;
}
