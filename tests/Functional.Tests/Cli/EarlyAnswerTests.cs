using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tracking.Functional.Tests.Cli;

/// <summary>A server that answers while trackctl still sends. Its answer counts, whether the connection ends cleanly or
/// not.</summary>
public sealed class EarlyAnswerTests : IDisposable
{
    // The body is larger than the system's buffers.
    private static readonly byte[] _message = [.. "From: a@shop.example\r\n\r\n"u8, .. new byte[32 << 20]];

    private static readonly string[] _envelope = ["-f", "bob@example.com", "--", "anna@example.com"];

    private readonly TcpListener _server = new(IPAddress.Loopback, 0);
    private readonly FakeSendmail _sendmail = new();

    public EarlyAnswerTests() => _server.Start();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static TheoryData<int, string, string?, int, bool> Answers
    {
        get
        {
            var answers = new TheoryData<int, string, string?, int, bool>();
            foreach (var isClosed in (bool[])[true, false])
            {
                answers.Add(413, "too-large", null, 0, isClosed);
                answers.Add(503, "unavailable", null, 75, isClosed);
                answers.Add(503, "unavailable", "--when-unavailable", 0, isClosed);
                answers.Add(408, "request-timeout", null, 75, isClosed);
                answers.Add(408, "request-timeout", "--when-unavailable", 0, isClosed);
                answers.Add(429, "too-many-requests", "--when-refused", 75, isClosed);
                answers.Add(401, "unauthorized", null, 75, isClosed);
                answers.Add(401, "unauthorized", "--when-refused", 0, isClosed);
            }

            return answers;
        }
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task An_answer_during_the_upload_counts_as_one_behind_it(
        int status, string type, string? passes, int code, bool isClosed)
    {
        using var filter = Trackctl.Start(
            new Uri($"http://{_server.LocalEndpoint}"), "trk_test", _message,
            ["filter", "--cluster", "5f3kz", "--sendmail", _sendmail.Path,
                .. passes is null ? [] : (string[])[passes, "pass"], .. _envelope]);
        using var connection = await AnswerAsync(status, type);
        if (isClosed)
        {
            connection.Close();
        }

        var (exit, output, error) = await filter.EndAsync();
        Assert.Equal(code, exit);
        Assert.Contains($"{type}: why", code == 0 ? output : error, StringComparison.Ordinal);
        Assert.Equal(code == 0 ? 1 : 0, _sendmail.Runs);
        if (code == 0)
        {
            Assert.Equal(_message, _sendmail.Message);
        }
    }

    [Fact]
    public async Task A_connection_that_closes_without_an_answer_is_a_server_that_is_away()
    {
        using var filter = Trackctl.Start(
            new Uri($"http://{_server.LocalEndpoint}"), "trk_test", _message,
            ["filter", "--cluster", "5f3kz", "--sendmail", _sendmail.Path, .. _envelope]);
        using (var connection = await _server.AcceptSocketAsync(Cancelled))
        {
            await connection.ReceiveAsync(new byte[4096], Cancelled);
        }

        var (exit, _, error) = await filter.EndAsync();
        Assert.Equal(75, exit);
        Assert.StartsWith("4.3.0 http://", error, StringComparison.Ordinal);
        Assert.Equal(0, _sendmail.Runs);
    }

    // Reads the beginning of a request, and answers.
    private async Task<Socket> AnswerAsync(int status, string type)
    {
        var connection = await _server.AcceptSocketAsync(Cancelled);
        var buffer = new byte[4096];
        var head = "";
        while (!head.Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            head += Encoding.Latin1.GetString(buffer, 0, await connection.ReceiveAsync(buffer, Cancelled));
        }

        Assert.StartsWith("POST /api/v1/clusters/5f3kz/rewrite ", head, StringComparison.Ordinal);
        var problem = $$"""{"type":"urn:tracking:problem:{{type}}","title":"{{type}}: why"}""";
        await connection.SendAsync(
            Encoding.ASCII.GetBytes(
                $"HTTP/1.1 {status} No\r\nContent-Type: application/problem+json\r\n"
                + $"Content-Length: {problem.Length}\r\nConnection: close\r\n\r\n{problem}"),
            Cancelled);
        return connection;
    }

    public void Dispose()
    {
        _server.Dispose();
        _sendmail.Dispose();
    }
}
