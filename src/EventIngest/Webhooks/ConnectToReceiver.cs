using System.Net;
using System.Net.Sockets;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>A receiver has no address to which connections are allowed.</summary>
internal sealed class ForbiddenAddressException() : IOException("The receiver's name has no public address.");

/// <summary>
/// Connects to a receiver. The receiver's owner chooses the host name and its addresses, and may change the addresses
/// between a check and the connection. Therefore the address is looked up here, checked, and used for this connection.
/// </summary>
internal sealed class ConnectToReceiver(
    ReceiverAddress addresses, Func<string, CancellationToken, Task<IPAddress[]>> lookUp)
{
    // The size limit for the headers of an answer, in kilobytes. Servers send one or two kilobytes.
    private const int MostHeaders = 32;

    // A connection is used for one DNS answer, and no longer than common TTLs.
    private static readonly TimeSpan _longestConnection = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan _longestIdle = TimeSpan.FromSeconds(15);

    /// <summary>Looks up a host name with the machine's resolver.</summary>
    public static Task<IPAddress[]> LookUpAsync(string host, CancellationToken cancellationToken) =>
        System.Net.Dns.GetHostAddressesAsync(host, cancellationToken);

    /// <summary>The handler for these connections: no redirects, no proxy, no cookies, no trace headers.</summary>
    /// <param name="options">The time-outs.</param>
    public SocketsHttpHandler CreateHandler(WebhookOptions options) => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        MaxResponseHeadersLength = MostHeaders,
        // The unread rest of an answer is not read: the connection is closed instead.
        MaxResponseDrainSize = 0,
        PooledConnectionLifetime = _longestConnection,
        PooledConnectionIdleTimeout = _longestIdle,
        ConnectTimeout = options.ConnectTimeout,
        ConnectCallback = ConnectAsync,
    };

    private async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        IPAddress[] found = IPAddress.TryParse(host.Trim('[', ']'), out var literal)
            ? [literal]
            : await lookUp(host, cancellationToken);
        IPAddress[] allowed = [.. found.Where(addresses.Allows)];
        if (allowed.Length == 0)
        {
            throw found.Length == 0
                ? new SocketException((int)SocketError.HostNotFound)
                : new ForbiddenAddressException();
        }

        for (var i = 0; ; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(allowed[i], port), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException) when (i < allowed.Length - 1)
            {
                // Another address of the name may answer.
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }
}
