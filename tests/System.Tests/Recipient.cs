using System.Net;
using System.Net.Sockets;

namespace Tracking.System.Tests;

/// <summary>
/// A recipient's mail program: fetches tracking URLs wherever their host points, without following redirects. Hosts
/// under <c>localhost</c> lead to the machine itself, as in a browser.
/// </summary>
internal sealed class Recipient : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    });

    /// <summary>Fetches a URL; the user agent carries the request's marker.</summary>
    public Task<HttpResponseMessage> FetchAsync(
        string url, string marker, HttpMethod? method = null, CancellationToken cancellationToken = default)
    {
        var request = new HttpRequestMessage(method ?? HttpMethod.Get, url);
        request.Headers.TryAddWithoutValidation("User-Agent", marker);
        return _http.SendAsync(request, cancellationToken);
    }

    public void Dispose() => _http.Dispose();
}
