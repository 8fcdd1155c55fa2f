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
    // Kilobytes of header fields; sites send two or three.
    private const int MostHeader = 32;

    // Two kinds of addresses, and each resolver twice.
    private const int MostQueries = 8;

    /// <summary>The handler of such requests.</summary>
    /// <param name="addresses">Finds a site's addresses; the first that may be asked is taken.</param>
    /// <param name="guard">Says which may.</param>
    public static SocketsHttpHandler Handler(FindAddresses addresses, AddressGuard guard) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        MaxResponseHeadersLength = MostHeader,
        // One request a site and day: nothing is kept open.
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
