using System.Net.Sockets;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Standalone;

[Collection(nameof(RestartedCollection))]
public sealed class SlowClientsTests(RestartedStandalone standalone)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_that_does_not_finish_its_headers_is_cut()
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", standalone.Process.Edge.Port, Cancelled);
        await using var stream = client.GetStream();
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: track.localhost\r\nX-Slow: "u8.ToArray(), Cancelled);

        using var answer = new StreamReader(stream);
        var text = await answer.ReadToEndAsync(Cancelled).WaitAsync(Eventually.Deadline, Cancelled);

        Assert.StartsWith("HTTP/1.1 408", text, StringComparison.Ordinal);
    }
}
