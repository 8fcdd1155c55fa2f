using System.Net;
using System.Net.Sockets;

namespace Tracking.Demo;

/// <summary>Fetches links and pixels at the edge, as mail programs and browsers do. The edge records the present time.
/// Names under <c>localhost</c> are resolved to this machine (RFC 6761 6.3) without asking a resolver.</summary>
public sealed class VisitEdge : ITakeVisits, IDisposable
{
    // How many requests a small machine's edge can answer at a time.
    private const int AtATime = 8;

    private readonly HttpClient _client = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ConnectCallback = ConnectAsync,
    })
    {
        Timeout = TimeSpan.FromSeconds(30),
    };

    /// <inheritdoc/>
    public Task TakeAsync(
        string cluster, IReadOnlyList<TrackedVisit> visits, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(
            visits,
            new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = cancellationToken },
            async (visit, ended) => await FetchAsync(visit, ended));

    /// <summary>Fetches one link or pixel.</summary>
    /// <exception cref="DemoFailedException">The answer has another status than 302 or 200.</exception>
    public async Task FetchAsync(TrackedVisit visit, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, visit.Url);
        request.Headers.TryAddWithoutValidation("User-Agent", visit.Visit.Agent);
        using var answer = await _client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (answer.StatusCode is not (HttpStatusCode.Redirect or HttpStatusCode.OK))
        {
            throw new DemoFailedException(
                $"The edge at {visit.Url.GetLeftPart(UriPartial.Authority)} answered {(int)answer.StatusCode}.");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
            await (host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
                ? socket.ConnectAsync(IPAddress.Loopback, port, cancellationToken)
                : socket.ConnectAsync(host, port, cancellationToken));
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
