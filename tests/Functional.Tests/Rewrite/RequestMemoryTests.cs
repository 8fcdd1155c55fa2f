using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>The memory use of requests. It is measured for the whole process, so no other test runs at the same
/// time.</summary>
[Collection(nameof(RequestMemoryTests))]
[CollectionDefinition(nameof(RequestMemoryTests), DisableParallelization = true)]
public sealed class RequestMemoryTests(SharedRewriteHost shared) : IClassFixture<SharedRewriteHost>
{
    private const int Limit = 64 * 1024 * 1024;

    private readonly RewriteHost _host = shared.Host;
    private readonly string _path = $"/api/v1/clusters/{shared.Cluster}/rewrite";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_sends_a_hundred_megabytes_reads_why_they_are_refused(bool chunked)
    {
        using var content = new Zeros(100 * 1024 * 1024, chunked);
        using var request = new HttpRequestMessage(HttpMethod.Post, _path) { Content = content };
        request.Headers.TransferEncodingChunked = chunked;
        var before = GC.GetTotalAllocatedBytes();
        using var response = await _host.Admin.SendAsync(request, Cancelled);
        await Problem.IsAsync(
            response, HttpStatusCode.RequestEntityTooLarge, "too-large", "message", $"{Limit}");
        // The measurement includes the test's own client.
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, chunked ? 6L * Limit : 16 * 1024 * 1024);
        Assert.Equal(0, await _host.StoredAsync());
    }

    [Fact]
    public async Task Clients_that_announce_large_messages_and_send_nothing_cost_next_to_nothing()
    {
        const int Clients = 100;
        var head = Encoding.ASCII.GetBytes(
            $"POST {_path} HTTP/1.1\r\nHost: {_host.Url.Authority}\r\nContent-Type: message/rfc822\r\n"
            + $"Authorization: {_host.Admin.DefaultRequestHeaders.Authorization}\r\n"
            + $"Content-Length: {Limit}\r\nExpect: 100-continue\r\n\r\n");
        var clients = new List<TcpClient>();
        var before = GC.GetTotalAllocatedBytes();
        try
        {
            for (var i = 0; i < Clients; i++)
            {
                var client = new TcpClient();
                clients.Add(client);
                await client.ConnectAsync(_host.Url.Host, _host.Url.Port, Cancelled);
                await client.GetStream().WriteAsync(head, Cancelled);
                // The server asks for the body.
                await client.GetStream().ReadExactlyAsync(new byte["HTTP/1.1 100 Continue".Length], Cancelled);
            }

            Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, Clients * 256 * 1024);
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    [Fact]
    public async Task A_message_of_several_megabytes_works_in_a_few_times_its_size()
    {
        var filler = new string('x', 900) + "\r\n";
        var message = Mail.Html("large", [.. Enumerable.Range(0, 100).Select(n => $"https://example.com/{n}")])
            .Replace("</body>", string.Concat(Enumerable.Repeat(filler, 10_000)) + "</body>", StringComparison.Ordinal);
        using var request = RewriteHost.Request(_path + "?dryRun=true", Mail.Bytes(message));
        using var small = RewriteHost.Request(
            _path, Mail.Bytes(Mail.Html("warm")), ("tracking-clicks", "no"), ("tracking-opens", "no"));
        using var warm = await _host.Admin.SendAsync(small, Cancelled);
        var before = GC.GetTotalAllocatedBytes();
        using var response = await _host.Admin.SendAsync(request, Cancelled);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 10L * message.Length);
    }

    /// <summary>A large message that takes no memory.</summary>
    private sealed class Zeros : HttpContent
    {
        private readonly long _length;
        private readonly bool _chunked;

        public Zeros(long length, bool chunked)
        {
            (_length, _chunked) = (length, chunked);
            Headers.ContentType = new MediaTypeHeaderValue("message/rfc822");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            var block = new byte[65536];
            block.AsSpan().Fill((byte)'x');
            "From: a@shop.example\r\n\r\n"u8.CopyTo(block);
            for (long sent = 0; sent < _length; sent += block.Length)
            {
                await stream.WriteAsync(block);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _length;
            return !_chunked;
        }
    }
}
