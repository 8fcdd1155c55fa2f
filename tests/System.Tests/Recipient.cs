using System.Net;
using System.Net.Sockets;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>
/// A recipient's mail program: fetches tracking URLs from any host, without following redirects. Hosts under
/// <c>localhost</c> lead to the machine itself, as in a browser.
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

    /// <summary>Waits until every edge serves a link. For a new cluster an edge asks the database, which may take
    /// longer than the edge's limit on a busy machine.</summary>
    public async Task UntilServedAsync(string url, IEnumerable<ServiceProcess> edges)
    {
        var link = new Uri(url);
        foreach (var edge in edges)
        {
            await Eventually.HoldsAsync(
                async () =>
                {
                    // HEAD is not recorded.
                    using var request = new HttpRequestMessage(
                        HttpMethod.Head, new Uri(edge.Address, link.PathAndQuery))
                    {
                        Headers = { Host = link.Authority },
                    };
                    using var answer = await _http.SendAsync(request, TestContext.Current.CancellationToken);
                    return answer.StatusCode == HttpStatusCode.Found;
                },
                $"{url} is served by {edge.Name}",
                TestContext.Current.CancellationToken);
        }
    }

    public void Dispose() => _http.Dispose();
}
