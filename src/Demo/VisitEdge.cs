using System.Net;
using System.Net.Sockets;

namespace Tracking.Demo;

/// <summary>Fetches links and pixels at the edge, as mail programs and browsers do: the edge stamps the moment. Names
/// under <c>localhost</c> lead to this machine (RFC 6761 6.3), whatever its resolver knows of that.</summary>
public sealed class VisitEdge : ITakeVisits, IDisposable
{
    // As many as a small machine's edge answers at a time beside everything else.
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

    /// <summary>Fetches one.</summary>
    /// <exception cref="DemoFailedException">It was not answered as links and pixels are.</exception>
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
