using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tracking.Functional.Tests.Tls;

/// <summary>A load balancer in front that sends the client's address by the PROXY protocol.</summary>
public sealed class ProxyProtocolTests : IAsyncLifetime
{
    private const string Name = "www.example.net";
    private static readonly byte[] _line = Encoding.ASCII.GetBytes("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n");
    private static readonly byte[] _binary =
        [.. "\r\n\r\n\0\r\nQUIT\n"u8, 0x21, 0x21, 0, 39, .. IPAddress.Parse("2001:db8::7").GetAddressBytes(),
            .. new byte[16], 1, 2, 1, 0xBB, 4, 0, 0];

    private static readonly byte[] _local = [.. "\r\n\r\n\0\r\nQUIT\n"u8, 0x20, 0, 0, 0];
    private static readonly byte[] _request =
        Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: {Name}\r\nConnection: close\r\n\r\n");

    private TlsHost _host = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await TlsHost.StartAsync(
            ("Tls:ProxyProtocolFrom:0", "127.0.0.1"), ("Tls:HandshakeTimeout", "00:00:05"));
        _host.Add(Name);
        _host.Hosts[Name] = Tracking.Tls.HostStanding.Active;
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    public static TheoryData<byte[], string> Headers() => new()
    {
        { _line, "from 192.0.2.7:56324" },
        { _binary, "from 2001:db8::7:258" },
        { _local, "from 127.0.0.1:" },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task A_PROXY_header_before_TLS_gives_the_clients_address(byte[] header, string from)
    {
        using var client = new TcpClient("127.0.0.1", _host.TlsPort) { NoDelay = true };
        // The header comes in two segments. The second one also begins the handshake.
        await client.GetStream().WriteAsync(header.AsMemory(0, 10));
        await client.GetStream().WriteAsync(header.AsMemory(10));

        await using var tls = await TlsHost.HandshakeAsync(client.GetStream(), Name);

        Assert.Contains(from, await TlsHost.AskAsync(tls, Name), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task A_PROXY_header_before_plain_HTTP_gives_the_clients_address(
        byte[] header, string from) => Assert.Contains(
        from, await ExchangeAsync(_host.PlainPort, [.. header, .. _request]), StringComparison.Ordinal);

    [Fact]
    public async Task A_load_balancer_without_a_PROXY_header_is_refused_on_both_ports()
    {
        Assert.Empty(await ExchangeAsync(_host.PlainPort, _request));
        await Assert.ThrowsAnyAsync<Exception>(() => _host.ConnectAsync(Name));
    }

    [Fact]
    public async Task A_malformed_PROXY_header_is_refused()
    {
        Assert.Empty(await ExchangeAsync(
            _host.PlainPort, [.. Encoding.ASCII.GetBytes("PROXY UNKNOWN " + new string('x', 92) + "\r\n"), .. _request]));
        Assert.Empty(await ExchangeAsync(
            _host.PlainPort, [.. _binary.AsSpan(0, 14), 0xFF, 0xFF, .. new byte[65_535], .. _request]));
        Assert.Empty(await ExchangeAsync(_host.PlainPort, [.. _line.AsSpan(0, 20)]));
    }

    [Fact]
    public async Task A_PROXY_header_of_another_client_is_neither_accepted_nor_needed()
    {
        var other = IPAddress.Parse("127.0.0.2");

        Assert.Contains(
            "from 127.0.0.2:",
            Encoding.Latin1.GetString(await TlsHost.ExchangeAsync(_host.PlainPort, _request, other)),
            StringComparison.Ordinal);
        Assert.StartsWith(
            "HTTP/1.1 400",
            Encoding.Latin1.GetString(await TlsHost.ExchangeAsync(_host.PlainPort, [.. _line, .. _request], other)),
            StringComparison.Ordinal);
        Assert.Empty(await TlsHost.ExchangeAsync(_host.TlsPort, _line, other));
    }

    private static async Task<string> ExchangeAsync(int port, byte[] sent) =>
        Encoding.Latin1.GetString(await TlsHost.ExchangeAsync(port, sent));
}
