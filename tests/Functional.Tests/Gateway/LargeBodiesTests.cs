using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Gateway;

/// <summary>The service behind the gateway limits the size of a body, and the client gets the service's
/// answer.</summary>
public sealed class LargeBodiesTests(RewritePostgres postgres) : IAsyncLifetime
{
    // Above the server's own default, 30,000,000.
    private const int Limit = 32_000_000;

    private const int KeptBack = 64 * 1024;

    private RewriteHost _rewrite = null!;
    private GatewayHost _gateway = null!;
    private string _path = "";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static TheoryData<string, int, bool> Sizes
    {
        get
        {
            var sizes = new TheoryData<string, int, bool>();
            foreach (var version in (string[])["1.1", "2.0"])
            {
                foreach (var size in (int[])[Limit - 1, Limit, Limit + 1, 2 * Limit])
                {
                    sizes.Add(version, size, true);
                    sizes.Add(version, size, false);
                }
            }

            return sizes;
        }
    }

    public async ValueTask InitializeAsync()
    {
        _rewrite = await RewriteHost.StartAsync(
            await postgres.CreateDatabaseAsync(),
            ("Tracking:Rewrite:MaxMessageBytes", Limit.ToString(CultureInfo.InvariantCulture)));
        var cluster = await _rewrite.CreateClusterAsync();
        _path = $"/api/v1/clusters/{cluster}/rewrite";
        _gateway = await GatewayHost.StartAsync([
            new("Tracking:Gateway:Edge", "proxied"), new("services:rewrite:http:0", _rewrite.Url.AbsoluteUri),
            new("services:management:http:0", _rewrite.Url.AbsoluteUri)]);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _rewrite.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task A_message_is_taken_up_to_the_rewriters_limit_and_refused_in_its_words_above(
        string version, int size, bool isLengthKnown)
    {
        using var request = Request(_path, version, Message(size), isLengthKnown);
        using var answer = await _gateway.Client.SendAsync(request, Cancelled);
        if (size <= Limit)
        {
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(size, (await answer.Content.ReadAsByteArrayAsync(Cancelled)).Length);
            return;
        }

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Contains(
            $"larger than {Limit} bytes", await answer.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_refusal_arrives_while_the_client_has_not_sent_all(bool isLengthKnown)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _gateway.Client.BaseAddress!.Port, Cancelled);
        await using var stream = client.GetStream();
        var size = 4 * Limit;
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST {_path} HTTP/1.1\r\nHost: api.example.org\r\nContent-Type: message/rfc822\r\n"
            + $"Authorization: {_rewrite.Admin.DefaultRequestHeaders.Authorization}\r\n"
            + (isLengthKnown ? $"Content-Length: {size}\r\n\r\n" : "Transfer-Encoding: chunked\r\n\r\n")
            + (isLengthKnown ? "" : $"{size:x}\r\n")), Cancelled);

        // With a known length the server refuses before the body. Otherwise the test sends more than the limit, plus
        // the bytes that the gateway may hold back.
        await stream.WriteAsync(Message(isLengthKnown ? 1000 : Limit + KeptBack), Cancelled);
        var answer = await ReadUntilAsync(stream, "\"limit\":");
        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
        Assert.Contains("urn:tracking:problem:too-large", answer, StringComparison.Ordinal);
        Assert.Contains($"larger than {Limit} bytes", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_asks_before_it_sends_is_told_not_to()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _gateway.Client.BaseAddress!.Port, Cancelled);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST {_path} HTTP/1.1\r\nHost: api.example.org\r\nContent-Type: message/rfc822\r\n"
            + $"Authorization: {_rewrite.Admin.DefaultRequestHeaders.Authorization}\r\n"
            + $"Content-Length: {Limit + 1}\r\nExpect: 100-continue\r\n\r\n"), Cancelled);
        var answer = await ReadUntilAsync(stream, "\"limit\":");
        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_asks_before_it_sends_what_fits_is_told_to_go_on()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _gateway.Client.BaseAddress!.Port, Cancelled);
        await using var stream = client.GetStream();
        var message = Message(1000);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST {_path} HTTP/1.1\r\nHost: api.example.org\r\nContent-Type: message/rfc822\r\n"
            + $"Authorization: {_rewrite.Admin.DefaultRequestHeaders.Authorization}\r\n"
            + $"Content-Length: {message.Length}\r\nExpect: 100-continue\r\n\r\n"), Cancelled);
        Assert.StartsWith("HTTP/1.1 100 ", await ReadUntilAsync(stream, "\r\n\r\n"), StringComparison.Ordinal);
        await stream.WriteAsync(message, Cancelled);
        Assert.StartsWith("HTTP/1.1 200 ", await ReadUntilAsync(stream, "\r\n\r\n"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task A_body_that_the_api_does_not_take_is_a_problem_too(string version)
    {
        using var request = Request("/api/v1/clusters", version, Message(Limit), isLengthKnown: true, "application/json");
        using var answer = await _gateway.Client.SendAsync(request, Cancelled);
        var problem = await answer.Content.ReadAsStringAsync(Cancelled);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "application/problem+json"),
            (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        Assert.Contains("urn:tracking:problem:too-large", problem, StringComparison.Ordinal);
    }

    private HttpRequestMessage Request(
        string path, string version, byte[] body, bool isLengthKnown, string type = "message/rfc822") => new(
            HttpMethod.Post, path)
        {
            Version = Version.Parse(version),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = isLengthKnown
                ? new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue(type) } }
                : new UnknownLength(body) { Headers = { ContentType = new MediaTypeHeaderValue(type) } },
            Headers =
            {
                Host = "api.example.org",
                Authorization = _rewrite.Admin.DefaultRequestHeaders.Authorization,
            },
        };

    private static byte[] Message(int size)
    {
        var message = new byte[size];
        Array.Fill(message, (byte)'x');
        for (var line = 76; line < size; line += 78)
        {
            message[line - 1] = (byte)'\r';
            message[line] = (byte)'\n';
        }

        "Subject: large\r\nX-Pad: "u8.CopyTo(message);
        "\r\n\r\n"u8.CopyTo(message.AsSpan(75));
        return message;
    }

    private static async Task<string> ReadUntilAsync(NetworkStream stream, string text)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        patience.CancelAfter(Eventually.Deadline);
        var received = new StringBuilder();
        var buffer = new byte[4096];
        while (!received.ToString().Contains(text, StringComparison.Ordinal)
            && await stream.ReadAsync(buffer, patience.Token) is > 0 and var length)
        {
            received.Append(Encoding.ASCII.GetString(buffer, 0, length));
        }

        return received.ToString();
    }

    private sealed class UnknownLength(byte[] body) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            stream.WriteAsync(body).AsTask();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
