using System.Collections.Frozen;
using Microsoft.Extensions.Options;
using Tracking.Links;

namespace Tracking.Gateway.Routing;

/// <summary>The names under which API and console are answered.</summary>
internal sealed class ApiHosts(IOptions<GatewayOptions> options)
{
    // What health checks of the machine itself and a first try by hand use.
    private static readonly string[] _loopback = ["localhost", "127.0.0.1"];

    private readonly FrozenSet<string> _names = Names(options.Value).ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>As they stand in requests: A-labels, lower case.</summary>
    public static IReadOnlyList<string> Names(GatewayOptions options) => options.ApiHosts.Count == 0
        ? _loopback
        : [.. options.ApiHosts.Select(name => HostName.TryParse(name, out var host)
            ? host.Value
            : throw new InvalidOperationException($"\"{name}\" has passed the check of the options."))
            .Distinct(StringComparer.OrdinalIgnoreCase)];

    /// <summary>Whether a request's host is one of them.</summary>
    public bool Contains(HostString host) => _names.Contains(host.Host);
}
