using System.Net;
using System.Net.Sockets;
using Tracking.Dns;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>All addresses of a name.</summary>
/// <param name="name">The name.</param>
/// <param name="cancellationToken">Ends it with an exception.</param>
internal delegate Task<IReadOnlyList<IPAddress>> FindAddresses(HostName name, CancellationToken cancellationToken);

/// <summary>Requests to sites that a tenant names: without redirects, cookies, proxies and kept connections, and only
/// at addresses that name servers may have too.</summary>
internal static class ConnectToPublic
{
    // The longest response header in kilobytes. Sites send two or three.
    private const int MostHeader = 32;

    // Questions for both address families, twice at each resolver.
    private const int MostQueries = 8;

    /// <summary>The handler of such requests.</summary>
    /// <param name="addresses">Finds the site's addresses. The first allowed address is used.</param>
    /// <param name="guard">Says which addresses are allowed.</param>
    public static SocketsHttpHandler Handler(FindAddresses addresses, AddressGuard guard) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        MaxResponseHeadersLength = MostHeader,
        // Each site gets one request a day, so no connection is kept open.
        PooledConnectionLifetime = TimeSpan.Zero,
        ActivityHeadersPropagator = null,
        ConnectCallback = (context, cancellationToken) =>
            ConnectAsync(context.DnsEndPoint, addresses, guard, cancellationToken),
    };

    /// <summary>Finds addresses by our own resolver.</summary>
    public static FindAddresses By(AskResolver resolver) => async (name, cancellationToken) =>
        (await resolver.AddressesAsync(DnsName.From(name), new QueryBudget(MostQueries), cancellationToken)).Addresses;

    private static async ValueTask<Stream> ConnectAsync(
        DnsEndPoint site, FindAddresses find, AddressGuard guard, CancellationToken cancellationToken)
    {
        if (!HostName.TryParse(site.Host, out var name))
        {
            throw new HttpRequestException("This is no host name.");
        }

        var addresses = await find(name, cancellationToken);
        if (addresses.FirstOrDefault(guard.Allows) is not { } address)
        {
            throw new HttpRequestException("It has no address that may be asked.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, site.Port), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
