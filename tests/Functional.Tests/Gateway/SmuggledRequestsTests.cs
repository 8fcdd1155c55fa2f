using System.Net;
using System.Net.Sockets;
using System.Text;
using Tracking.Functional.Tests.Tls;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Functional.Tests.Gateway;

/// <summary>Request smuggling: requests whose end two servers could see at different places. Content of one request
/// never becomes another request behind the gateway.</summary>
public sealed class SmuggledRequestsTests
{
    private const string Host = "Host: track.example.org\r\n";
    private const string Smuggled = "GET /smuggled HTTP/1.1\r\n" + Host + "\r\n";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>The description, the bytes, and whether the request itself may be served.</summary>
    public static TheoryData<string, string, bool> Requests => new()
    {
        { "length and chunks", Post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG"), true },
        { "chunks and length", Post("Transfer-Encoding: chunked\r\nContent-Length: 4", "33\r\n" + Smuggled + "\r\n0\r\n\r\n"), true },
        { "length, chunks and a request behind", Post("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + Smuggled), true },
        { "two lengths", Post("Content-Length: 0\r\nContent-Length: 80", Smuggled), false },
        { "two lengths in one field", Post("Content-Length: 0, 80", Smuggled), false },
        { "a negative length", Post("Content-Length: -1", Smuggled), false },
        { "a length in other digits", Post("Content-Length: 0x10", Smuggled), false },
        { "chunks twice", Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n" + Smuggled), false },
        { "chunks that are not the last encoding", Post("Transfer-Encoding: chunked, identity", "0\r\n\r\n" + Smuggled), false },
        { "an encoding that sounds like chunks", Post("Transfer-Encoding: xchunked", "0\r\n\r\n" + Smuggled), false },
        { "a blank before the colon", Post("Transfer-Encoding : chunked", "0\r\n\r\n" + Smuggled), false },
        { "a vertical tab before chunks", Post("Transfer-Encoding: \vchunked", "0\r\n\r\n" + Smuggled), false },
        { "a line feed alone in a chunk's extension", Chunked("2;\nxx\r\n" + "55\r\n\r\n0\r\n\r\n" + Smuggled), false },
        { "a line feed alone behind a chunk's size", Chunked("0\n\r\n" + Smuggled), false },
        { "a carriage return alone in a chunk's extension", Chunked("2;\rxx\r\nab\r\n0\r\n\r\n" + Smuggled), false },
        { "a size with a sign", Chunked("+0\r\n\r\n" + Smuggled), false },
        { "a size with a prefix", Chunked("0x0\r\n\r\n" + Smuggled), false },
        { "a size that is too large", Chunked("10000000000000000\r\n\r\n" + Smuggled), false },
        { "a chunk without its end", Chunked("1\r\nab0\r\n\r\n" + Smuggled), false },
        { "a folded field", $"GET /a HTTP/1.1\r\n{Host}X-A: 1\r\n {Smuggled}\r\n", false },
        { "a line feed alone behind a field", $"GET /a HTTP/1.1\r\n{Host}X-A: 1\n\n{Smuggled}", false },
        { "a NUL in a field", $"GET /a HTTP/1.1\r\n{Host}X-A: \0\r\n\r\n{Smuggled}", false },
        { "a blank before the first field", $"GET /a HTTP/1.1\r\n {Host}\r\n{Smuggled}", false },
        { "a blank in the target", $"GET /a /b HTTP/1.1\r\n{Host}\r\n{Smuggled}", false },
        { "another version", $"GET /a HTTP/1.9\r\n{Host}\r\n{Smuggled}", false },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task No_content_of_a_request_becomes_a_request_behind_the_gateway(
        string what, string bytes, bool mayBeServed)
    {
        await using var host = await GatewayHost.StartAsync(
            [new("Tracking:Gateway:Edge", "proxied")], ServiceNames.Edge, ServiceNames.Management);

        // When the last request is served, all requests before it have been served.
        var answer = await ExchangeAsync(host, bytes + $"GET /end HTTP/1.1\r\n{Host}Connection: close\r\n\r\n");

        Assert.DoesNotContain("/smuggled", host.Paths);
        if (!mayBeServed)
        {
            // The answer may be lost, because the connection is reset while bytes are unread. A broken body ends the
            // request to the service.
            Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal)
                || answer.StartsWith("HTTP/1.1 5", StringComparison.Ordinal), $"{what}: {answer}");
            Assert.DoesNotContain("/end", host.Paths);
        }
    }

    [Fact]
    public async Task A_clients_Connection_header_cannot_remove_headers_of_the_gateway()
    {
        await using var host = await GatewayHost.StartAsync(
            [new("Tracking:Gateway:Edge", "proxied")], ServiceNames.Edge, ServiceNames.Management);

        var answer = await ExchangeAsync(
            host, $"GET /a HTTP/1.1\r\n{Host}Connection: close, X-Forwarded-For, X-Forwarded-Proto, Host\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.Equal("127.0.0.1", host.Last(ServiceNames.Edge)["X-Forwarded-For"]);
        Assert.Equal("track.example.org", host.Last(ServiceNames.Edge)["Host"]);
    }

    [Theory]
    [InlineData("x-a: 1\r\nx-smuggled", "1")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("host", "api.example.org")]
    public async Task Values_that_HTTP_1_would_read_differently_are_not_forwarded(
        string name, string value)
    {
        await using var host = await GatewayHost.StartAsync(
            [new("Tracking:Gateway:Edge", "proxied")], ServiceNames.Edge, ServiceNames.Management);
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, host.Client.BaseAddress!.Port, Cancelled);
        await using var client = await RawHttp2.BeginAsync(tcp.GetStream());

        await client.WriteAsync(
            RawHttp2.Headers, RawHttp2.EndHeaders | RawHttp2.EndStream, 1,
            RawHttp2.Fields(
                (":method", "GET"), (":scheme", "http"), (":path", "/a"), (":authority", "track.example.org"),
                (name, value)));
        await client.IsServedAsync(1);

        Assert.Equal(0, host.Asked(ServiceNames.Management));
        if (host.Asked(ServiceNames.Edge) == 1)
        {
            var seen = host.Last(ServiceNames.Edge);
            Assert.Equal("track.example.org", seen["Host"]);
            Assert.DoesNotContain(seen.Keys, key => key.Contains("smuggled", StringComparison.OrdinalIgnoreCase)
                || key.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase));
        }
    }

    private static string Post(string fields, string body) =>
        $"POST /a HTTP/1.1\r\n{Host}{fields}\r\n\r\n{body}";

    private static string Chunked(string body) => Post("Transfer-Encoding: chunked", body);

    private static async Task<string> ExchangeAsync(GatewayHost host, string bytes)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, host.Client.BaseAddress!.Port, Cancelled);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(bytes), Cancelled);
        var answer = new StringBuilder();
        var buffer = new byte[4_096];
        try
        {
            while (await stream.ReadAsync(buffer, Cancelled) is var read and > 0)
            {
                answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
        }
        catch (IOException)
        {
            // A reset counts as the end too.
        }

        return answer.ToString();
    }
}
