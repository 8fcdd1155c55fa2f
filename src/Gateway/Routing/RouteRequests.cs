using System.Globalization;
using System.Net;
using Tracking.ServiceDefaults.Settings;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;

namespace Tracking.Gateway.Routing;

/// <summary>Decides which service answers a request.</summary>
internal static class RouteRequests
{
    private const string ChallengePath = "/.well-known/acme-challenge";

    /// <summary>The routes. A service that is not configured answers 503.</summary>
    public static IReadOnlyList<RouteConfig> Routes(GatewayOptions options)
    {
        var api = ApiHosts.Names(options);
        var routes = new List<RouteConfig>
        {
            Route("challenges", ServiceNames.Certificates, ChallengePath + "/{**token}", order: 1, hosts: null),
            Route("rewrite", ServiceNames.Rewrite, "/api/v1/clusters/{cluster}/rewrite", order: 2, api),
            Route("management", ServiceNames.Management, "{**path}", order: 3, api),
        };
        if (options.Edge == EdgePlace.Proxied)
        {
            routes.Add(Route("edge", ServiceNames.Edge, "{**path}", order: 4, hosts: null));
        }

        return routes;
    }

    /// <summary>The services with their addresses from <c>services__NAME__http__N</c>.</summary>
    public static IReadOnlyList<ClusterConfig> Clusters(GatewayOptions options, IConfiguration configuration) =>
        [.. new[] { ServiceNames.Certificates, ServiceNames.Rewrite, ServiceNames.Management, ServiceNames.Edge }
            .Select(name => new ClusterConfig
            {
                ClusterId = name,
                Destinations = ServiceNames.Addresses(configuration, name)
                    .Select((address, index) => (address, index))
                    .ToDictionary(
                        entry => entry.index.ToString(CultureInfo.InvariantCulture),
                        entry => new DestinationConfig { Address = entry.address.AbsoluteUri }),
                // A copy that refuses connections is left out for a while. When no copy is left, all are tried, because
                // one of them may work again.
                HealthCheck = new HealthCheckConfig
                {
                    AvailableDestinationsPolicy = HealthCheckConstants.AvailableDestinations.HealthyOrPanic,
                    Passive = new PassiveHealthCheckConfig
                    {
                        Enabled = true,
                        Policy = HealthCheckConstants.PassivePolicy.TransportFailureRate,
                        ReactivationPeriod = TimeSpan.FromSeconds(10),
                    },
                },
                // HTTP/2 only. An HTTP/1.1 client repeats a request by itself when a connection ends before the answer,
                // which would count a click twice. It also reads no answer before it has sent the whole body.
                HttpRequest = new ForwarderRequestConfig
                {
                    Version = HttpVersion.Version20,
                    VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                    ActivityTimeout = options.AnswerTimeout,
                },
            })];

    /// <summary>Whether the request is a certificate authority's challenge: on every host, and never for the
    /// edge.</summary>
    public static bool IsChallenge(HttpContext context) =>
        context.Request.Path.StartsWithSegments(ChallengePath, StringComparison.Ordinal);

    private static RouteConfig Route(
        string id, string service, string path, int order, IReadOnlyList<string>? hosts) => new()
        {
            RouteId = id,
            ClusterId = service,
            Order = order,
            Match = new RouteMatch { Path = path, Hosts = hosts },
            // The service behind the gateway limits the size of a body, with its own error.
            MaxRequestBodySize = -1,
        };
}
