using System.Net;
using System.Net.Sockets;

namespace Tracking.Functional.Tests.Tls;

/// <summary>HTTP/2 attacks. Other clients are served meanwhile, and memory stays bounded.</summary>
public sealed class HostileHttp2Tests : IAsyncLifetime
{
    private const string Name = "www.example.net";
    private TlsHost _host = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await TlsHost.StartAsync();
        _host.Add(Name);
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    public static TheoryData<string, string, string> Wrong => new()
    {
        { "a line break in a value", "x-a", "1\r\nx-smuggled: 1" },
        { "a line feed in a value", "x-a", "1\nx" },
        { "a NUL in a value", "x-a", "1\0" },
        { "a name in upper case", "X-A", "1" },
        { "a connection's own field", "connection", "keep-alive" },
        { "two lengths", "content-length", "1, 2" },
        { "an unknown pseudo field", ":other", "1" },
        { "a field that is an empty name", "", "1" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_request_that_HTTP_1_could_read_otherwise_reaches_nobody(string what, string name, string value)
    {
        await using var client = await RawHttp2.ConnectAsync(_host, Name);

        await client.WriteAsync(
            RawHttp2.Headers, RawHttp2.EndHeaders | RawHttp2.EndStream, 1, RawHttp2.Get(Name, (name, value)));

        Assert.False(await client.IsServedAsync(1), what);
    }

    [Fact]
    public async Task The_same_request_with_a_valid_field_is_served()
    {
        await using var client = await RawHttp2.ConnectAsync(_host, Name);

        await client.WriteAsync(
            RawHttp2.Headers, RawHttp2.EndHeaders | RawHttp2.EndStream, 1, RawHttp2.Get(Name, ("x-a", "1")));

        Assert.True(await client.IsServedAsync(1));
    }

    [Fact]
    public async Task Requests_that_are_reset_at_once_do_not_delay_other_clients()
    {
        await WhileOthersAreServedAsync(async () =>
        {
            await using var client = await RawHttp2.ConnectAsync(_host, Name);
            var request = RawHttp2.Get(Name);
            for (var id = 1; id < 20_000; id += 2)
            {
                await client.SendAsync(
                [
                    .. RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndHeaders | RawHttp2.EndStream, id, request),
                    .. RawHttp2.Frame(RawHttp2.Reset, 0, id, [0, 0, 0, 8]),
                ]);
            }
        });
    }

    [Fact]
    public async Task A_header_without_an_end_is_cut_off()
    {
        var sent = 0L;
        await WhileOthersAreServedAsync(async () =>
        {
            await using var client = await RawHttp2.ConnectAsync(_host, Name);
            await client.WriteAsync(RawHttp2.Headers, RawHttp2.EndStream, 1, RawHttp2.Get(Name));
            var more = RawHttp2.Frame(
                RawHttp2.Continuation, 0, 1, RawHttp2.Fields(("x-a", new string('a', 16_000))));
            for (; sent < 64 << 20; sent += more.Length)
            {
                await client.SendAsync(more);
            }
        });

        // The bytes in the network buffers count as sent too.
        Assert.InRange(sent, 0, 32 << 20);
    }

    [Fact]
    public async Task Empty_parts_of_a_header_without_an_end_hold_up_nobody()
    {
        await WhileOthersAreServedAsync(async () =>
        {
            await using var client = await RawHttp2.ConnectAsync(_host, Name);
            await client.WriteAsync(RawHttp2.Headers, RawHttp2.EndStream, 1, RawHttp2.Get(Name));
            var more = RawHttp2.Frame(RawHttp2.Continuation, 0, 1, []);
            byte[] many = [.. Enumerable.Repeat(more, 1_000).SelectMany(frame => frame)];
            for (var round = 0; round < 200; round++)
            {
                await client.SendAsync(many);
            }
        });
    }

    [Theory]
    [InlineData(RawHttp2.Settings)]
    [InlineData(RawHttp2.Ping)]
    public async Task Unread_answers_to_SETTINGS_and_PING_delay_no_client_and_use_no_memory(byte type)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await WhileOthersAreServedAsync(async () =>
        {
            await using var client = await RawHttp2.ConnectAsync(_host, Name);
            // The payload: a window size for SETTINGS, eight bytes for PING.
            var question = RawHttp2.Frame(type, 0, 0, type == RawHttp2.Ping ? new byte[8] : [0, 4, 0, 0, 255, 255]);
            byte[] many = [.. Enumerable.Repeat(question, 1_000).SelectMany(frame => frame)];
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            try
            {
                // The answers are never read. Sooner or later the server stops reading too, or ends the connection.
                for (var round = 0; round < 2_000; round++)
                {
                    await client.SendAsync(many).WaitAsync(patience.Token);
                }
            }
            catch (OperationCanceledException)
            {
                // The server waits for the client, so the client does not wait for the server.
            }
        });

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 64 << 20);
    }

    [Fact]
    public async Task Clients_with_a_zero_window_do_not_delay_other_clients()
    {
        var stalled = new List<RawHttp2>();
        await WhileOthersAreServedAsync(async () =>
        {
            for (var number = 0; number < 20; number++)
            {
                // No window at all (SETTINGS_INITIAL_WINDOW_SIZE 0).
                var client = await RawHttp2.ConnectAsync(_host, Name, 0, 4, 0, 0, 0, 0);
                stalled.Add(client);
                for (var id = 1; id < 200; id += 2)
                {
                    await client.WriteAsync(
                        RawHttp2.Headers, RawHttp2.EndHeaders | RawHttp2.EndStream, id, RawHttp2.Get(Name));
                }
            }
        });
        foreach (var client in stalled)
        {
            await client.DisposeAsync();
        }
    }

    // Runs the attack and requests pages as a visitor meanwhile. Every answer is right.
    private async Task WhileOthersAreServedAsync(Func<Task> attack)
    {
        var attacking = Task.Run(async () =>
        {
            try
            {
                await attack();
            }
            catch (IOException)
            {
                // The connection was cut off, as expected.
            }
        });
        using var http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null },
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPAddress.Loopback, _host.TlsPort, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        {
            DefaultRequestVersion = HttpVersion.Version20,
            Timeout = TimeSpan.FromSeconds(60),
        };
        var asked = 0;
        do
        {
            Assert.StartsWith(
                $"https {Name}",
                await http.GetStringAsync(new Uri($"https://{Name}/"), TestContext.Current.CancellationToken),
                StringComparison.Ordinal);
        }
        while (++asked < 50 || !attacking.IsCompleted);

        await attacking;
    }
}
