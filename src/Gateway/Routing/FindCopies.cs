using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.ServiceDiscovery;

namespace Tracking.Gateway.Routing;

/// <summary>Looks up the addresses of a host name.</summary>
internal delegate Task<IPAddress[]> ResolveHost(string host, CancellationToken cancellationToken);

/// <summary>
/// Replaces a service's name by its copies, one for each address of the name, and looks up the addresses repeatedly. A
/// connection of HTTP/2 carries all requests, so with the name alone only one of several copies would be used, and
/// there would be no other copy to try. A name that does not resolve stays a name: it may resolve when a request
/// arrives.
/// </summary>
internal sealed partial class FindCopies(
    ResolveHost find, IOptions<GatewayOptions> options, TimeProvider time, ILogger<FindCopies> logger)
    : IDestinationResolver
{
    // Names are looked up one after the other, and all services wait for the last one.
    private static readonly TimeSpan _longestQuestion = TimeSpan.FromSeconds(2);

    private readonly HashSet<string> _unknown = [];

    /// <inheritdoc/>
    public async ValueTask<ResolvedDestinationCollection> ResolveDestinationsAsync(
        IReadOnlyDictionary<string, DestinationConfig> destinations, CancellationToken cancellationToken)
    {
        var copies = new Dictionary<string, DestinationConfig>();
        var hasNames = false;
        foreach (var (id, destination) in destinations)
        {
            var service = new Uri(destination.Address);
            if (!IsName(service))
            {
                copies[id] = destination;
                continue;
            }

            hasNames = true;
            var addresses = await FindAsync(service.Host, cancellationToken);
            foreach (var address in addresses)
            {
                var copy = new UriBuilder(service) { Host = Text(address) }.Uri.AbsoluteUri;
                copies[$"{id} {address}"] = destination with { Address = copy };
            }

            if (addresses.Length == 0)
            {
                copies[id] = destination;
            }
        }

        return new ResolvedDestinationCollection(copies, hasNames ? LookAgain() : null);
    }

    // A name of this machine is one copy, on whichever address it listens. With TLS the certificate is for the name.
    private static bool IsName(Uri service) =>
        service.HostNameType == UriHostNameType.Dns && !service.IsLoopback && service.Scheme == Uri.UriSchemeHttp;

    private static string Text(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();

    private async Task<IPAddress[]> FindAsync(string host, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(_longestQuestion, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            var addresses = await find(host, either.Token).WaitAsync(either.Token);
            lock (_unknown)
            {
                _unknown.Remove(host);
            }

            return addresses;
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException
            && !cancellationToken.IsCancellationRequested)
        {
            lock (_unknown)
            {
                if (_unknown.Add(host))
                {
                    LogUnknown(host, exception.Message);
                }
            }

            return [];
        }
    }

    private CancellationChangeToken LookAgain() =>
        new(new CancellationTokenSource(options.Value.ResolveInterval, time).Token);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The service {Host} has no address: {Reason}")]
    private partial void LogUnknown(string host, string reason);
}
