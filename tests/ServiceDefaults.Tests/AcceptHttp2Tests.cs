using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tracking.ServiceDefaults.Tests;

public sealed class AcceptHttp2Tests
{
    private const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(23)]
    [InlineData(100)]
    public async Task A_connection_that_begins_with_the_preface_is_http_2_however_it_is_cut(int size)
    {
        // An empty SETTINGS frame is the rest of what a client begins with (RFC 9113 3.4); the server's comes back.
        var answer = await SendAsync(Preface + "\0\0\0\u0004\0\0\0\0\0", size, bytes: 9);
        Assert.Equal(4, answer[3]);
    }

    [Theory]
    [InlineData("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", 1, "HTTP/1.1 200 ")]
    [InlineData("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", 100, "HTTP/1.1 200 ")]
    [InlineData("PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\n", 1, "HTTP/1.1 404 ")]
    [InlineData("PRI * HTTP/1.1\r\nHost: x\r\n\r\n", 1, "HTTP/1.1 40")]
    public async Task Any_other_connection_is_http_1_as_it_was(string request, int size, string begins) =>
        Assert.StartsWith(
            begins, Encoding.ASCII.GetString(await SendAsync(request, size, begins.Length)), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("P")]
    [InlineData(Preface)]
    public async Task A_client_that_is_silent_does_not_hold_up_the_stop(string begun)
    {
        await using var host = await TestHost.StartAsync(new Dictionary<string, string>
        {
            ["Tracking:Connections:HeadersTimeout"] = "00:05:00",
        });
        using var client = await ConnectAsync(host);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(begun), TestContext.Current.CancellationToken);
        await host.StopAsync().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
    }

    private static async Task<byte[]> SendAsync(string request, int size, int bytes)
    {
        await using var host = await TestHost.StartAsync();
        using var client = await ConnectAsync(host);
        foreach (var piece in Encoding.Latin1.GetBytes(request).Chunk(size))
        {
            await client.GetStream().WriteAsync(piece, TestContext.Current.CancellationToken);
        }

        var answer = new byte[bytes];
        await client.GetStream().ReadExactlyAsync(answer, TestContext.Current.CancellationToken);
        return answer;
    }

    private static async Task<TcpClient> ConnectAsync(TestHost host)
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(
            IPAddress.Loopback, host.Client.BaseAddress!.Port, TestContext.Current.CancellationToken);
        return client;
    }
}
