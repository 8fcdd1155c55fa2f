using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>Clients that begin to send a message and then stop. The memory that they hold is limited, and is
/// released.</summary>
public sealed class StalledUploadTests(RewritePostgres postgres) : IAsyncLifetime
{
    private const int Limit = 8 << 20;
    private const int KeyLimit = 6 << 20;

    private RewriteHost _host = null!;
    private ClusterId _cluster;
    private string _key = "";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _host = await RewriteHost.StartAsync(
            await postgres.CreateDatabaseAsync(),
            ("Tracking:Rewrite:MaxMessageBytes", $"{4 << 20}"),
            ("Tracking:Rewrite:MaxRequestBytesAtOnce", $"{Limit}"),
            ("Tracking:Rewrite:MaxKeyBytesAtOnce", $"{KeyLimit}"),
            ("Tracking:Rewrite:BodyTimeout", "00:30:00"),
            ("Tracking:Rewrite:RetryAfter", "00:00:07"));
        _cluster = await _host.CreateClusterAsync();
        _key = await _host.CreateKeyAsync(_cluster);
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task Announced_but_unsent_bytes_do_not_use_up_memory_limits()
    {
        var stalled = new List<Upload>();
        try
        {
            for (var i = 0; i < 100; i++)
            {
                stalled.Add(await Upload.BeginAsync(_host.Url, _cluster, _key, 4 << 20, sent: i % 2));
            }

            await _host.AcceptedAsync(_cluster, Large(3 << 20));
        }
        finally
        {
            stalled.ForEach(upload => upload.Dispose());
        }
    }

    [Fact]
    public async Task A_key_that_stalls_is_refused_while_others_go_on_and_gets_its_bytes_back_when_it_hangs_up()
    {
        var stalled = new List<Upload>();
        try
        {
            var answer = await StallUntilRefusedAsync(_key, stalled);
            Assert.StartsWith("HTTP/1.1 429 ", answer, StringComparison.Ordinal);
            Assert.Contains("Retry-After: 7\r\n", answer, StringComparison.Ordinal);
            Assert.Contains("urn:tracking:problem:too-many-requests", answer, StringComparison.Ordinal);
            Assert.Contains($"{KeyLimit} bytes", answer, StringComparison.Ordinal);

            // A message of 1 MiB fits into the rest of the key's limit.
            await _host.AcceptedAsync(_cluster, Large(1 << 20));
        }
        finally
        {
            stalled.ForEach(upload => upload.Dispose());
        }

        using var own = _host.Client(_key);
        await Eventually.HoldsAsync(
            async () =>
            {
                using var request = RewriteHost.Request(
                    $"/api/v1/clusters/{_cluster}/rewrite", Mail.Bytes(Large((4 << 20) - 4096)));
                using var response = await own.SendAsync(request, Cancelled);
                return response.StatusCode == HttpStatusCode.OK;
            },
            "the bytes are given back",
            Cancelled);
    }

    [Fact]
    public async Task When_all_memory_is_in_use_a_message_gets_503_and_the_memory_is_released_later()
    {
        var other = await _host.CreateKeyAsync(_cluster);
        var stalled = new List<Upload>();
        try
        {
            await StallUntilRefusedAsync(_key, stalled);
            var answer = await StallUntilRefusedAsync(other, stalled);
            Assert.StartsWith("HTTP/1.1 503 ", answer, StringComparison.Ordinal);
            Assert.Contains("Retry-After: 7\r\n", answer, StringComparison.Ordinal);
            Assert.Contains("application/problem+json", answer, StringComparison.Ordinal);
            Assert.Contains("urn:tracking:problem:unavailable", answer, StringComparison.Ordinal);
            Assert.Contains("send it again", answer, StringComparison.Ordinal);
        }
        finally
        {
            stalled.ForEach(upload => upload.Dispose());
        }

        await Eventually.HoldsAsync(
            async () =>
            {
                using var response = await _host.RewriteAsync(_cluster, Large((4 << 20) - 4096));
                return response.StatusCode == HttpStatusCode.OK;
            },
            "the bytes are given back",
            Cancelled);
    }

    [Fact]
    public async Task A_message_that_takes_too_long_to_arrive_is_refused_and_its_bytes_come_back()
    {
        await using var host = await RewriteHost.StartAsync(
            await postgres.CreateDatabaseAsync(),
            ("Tracking:Rewrite:MaxMessageBytes", $"{1 << 20}"),
            ("Tracking:Rewrite:MaxRequestBytesAtOnce", $"{1 << 20}"),
            ("Tracking:Rewrite:MaxKeyBytesAtOnce", $"{1 << 20}"), ("Tracking:Rewrite:BodyTimeout", "00:00:01"));
        var cluster = await host.CreateClusterAsync();
        var key = await host.CreateKeyAsync(cluster);
        using var upload = await Upload.BeginAsync(host.Url, cluster, key, 1 << 20, (1 << 20) - 1);

        var answer = await upload.AnswerAsync();
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Contains("urn:tracking:problem:request-timeout", answer, StringComparison.Ordinal);
        Assert.Contains("within 1 s", answer, StringComparison.Ordinal);

        // The connection is still open but holds no memory.
        await host.AcceptedAsync(cluster, Large((1 << 20) - 4096));
    }

    [Theory]
    [InlineData("MaxRequestBytesAtOnce")]
    [InlineData("MaxKeyBytesAtOnce")]
    public async Task Less_memory_than_a_message_may_take_is_refused_at_start(string name)
    {
        var database = await postgres.CreateDatabaseAsync();
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => RewriteHost.StartAsync(
            database, ($"Tracking:Rewrite:{name}", $"{1 << 20}"), ("Tracking:Rewrite:MaxMessageBytes", "2000000")));
        Assert.Contains(
            $"Tracking__Rewrite__{name}: got \"1048576\", takes at least MaxMessageBytes, which is 2000000",
            refused.Message,
            StringComparison.Ordinal);
    }

    // Begins uploads of 1 MiB without the last byte until one is refused. Returns the first answer.
    private async Task<string> StallUntilRefusedAsync(string key, List<Upload> stalled)
    {
        var answers = new List<Task<string>>();
        while (answers.Count <= Limit >> 20)
        {
            stalled.Add(await Upload.BeginAsync(_host.Url, _cluster, key, 1 << 20, (1 << 20) - 1));
            answers.Add(stalled[^1].AnswerAsync());
        }

        return await await Task.WhenAny(answers);
    }

    private static string Large(int bytes)
    {
        var mail = Mail.Html("large", "https://shop.example/sale");
        return mail + string.Concat(Enumerable.Repeat(new string('x', 76) + "\r\n", (bytes - mail.Length) / 78));
    }

    private sealed class Upload : IDisposable
    {
        private readonly TcpClient _client = new();

        /// <summary>Sends the header and a part of the body.</summary>
        public static async Task<Upload> BeginAsync(Uri server, ClusterId cluster, string key, int announced, int sent)
        {
            var upload = new Upload();
            await upload._client.ConnectAsync(server.Host, server.Port, Cancelled);
            var stream = upload._client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(string.Create(
                CultureInfo.InvariantCulture,
                $"POST /api/v1/clusters/{cluster}/rewrite HTTP/1.1\r\nHost: {server.Authority}\r\n"
                + $"Authorization: Bearer {key}\r\nContent-Type: message/rfc822\r\n"
                + $"Content-Length: {announced}\r\n\r\n")), Cancelled);
            await stream.WriteAsync(new byte[sent], Cancelled);
            return upload;
        }

        /// <summary>Reads the answer up to the end of its JSON. The connection stays open, because the request is
        /// incomplete.</summary>
        public async Task<string> AnswerAsync()
        {
            var answer = new StringBuilder();
            var buffer = new byte[4096];
            while (!answer.ToString().Contains('}', StringComparison.Ordinal)
                && await _client.GetStream().ReadAsync(buffer, Cancelled) is > 0 and var length)
            {
                answer.Append(Encoding.UTF8.GetString(buffer, 0, length));
            }

            return answer.ToString();
        }

        public void Dispose() => _client.Dispose();
    }
}
