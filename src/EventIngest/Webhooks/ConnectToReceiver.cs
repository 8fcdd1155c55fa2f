using System.Net;
using System.Net.Sockets;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>A receiver has no address that may be connected to.</summary>
internal sealed class ForbiddenAddressException() : IOException("Its name leads to no address of the public internet.");

/// <summary>
/// Connects to a receiver. Its owner chooses the name and what is behind it, and may change that between a look and the
/// connection: the address is looked up here, checked, and this very address is connected to.
/// </summary>
internal sealed class ConnectToReceiver(
    ReceiverAddress addresses, Func<string, CancellationToken, Task<IPAddress[]>> lookUp)
{
    // Headers of an answer, kilobytes; servers send one or two.
    private const int MostHeaders = 32;

    // A connection serves one look at DNS for no longer than common TTLs.
    private static readonly TimeSpan _longestConnection = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan _longestIdle = TimeSpan.FromSeconds(15);

    /// <summary>Asks the machine's resolver.</summary>
    public static Task<IPAddress[]> LookUpAsync(string host, CancellationToken cancellationToken) =>
        System.Net.Dns.GetHostAddressesAsync(host, cancellationToken);

    /// <summary>The handler that connects so: no redirects, no proxy, no cookies, nothing of our own trace.</summary>
    /// <param name="options">Time-outs.</param>
    public SocketsHttpHandler CreateHandler(WebhookOptions options) => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        MaxResponseHeadersLength = MostHeaders,
        // What is not read of an answer is not wanted: the connection is closed instead.
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
                // The name's next address may answer.
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
