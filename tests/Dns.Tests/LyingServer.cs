using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Tracking.Dns.Tests;

/// <summary>A name server that says what a test has it say, over UDP and TCP on one loopback port.</summary>
internal sealed class LyingServer : IAsyncDisposable
{
    // A socket's buffer holds 212,992 octets by default, and a short datagram takes 832 of them.
    private const int OctetsAtOnce = 100_000;
    private const int OctetsOfDatagram = 832;

    private readonly Socket _udp;
    private readonly Socket? _tcp;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _tasks = [];

    /// <param name="udp">The datagrams that answer one; none is silence.</param>
    /// <param name="tcp">What to do with a connection after its query; nobody listens when not given.</param>
    /// <param name="endPoint">Where; any free port unless given.</param>
    public LyingServer(
        Func<byte[], IEnumerable<byte[]>> udp, Func<byte[], NetworkStream, CancellationToken, Task>? tcp = null,
        IPEndPoint? endPoint = null)
    {
        endPoint ??= new IPEndPoint(IPAddress.Loopback, 0);
        for (var attempt = 0; ; attempt++)
        {
            _udp = new Socket(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            _udp.Bind(endPoint);
            EndPoint = (IPEndPoint)_udp.LocalEndPoint!;
            if (tcp is null)
            {
                break;
            }

            _tcp = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                _tcp.Bind(EndPoint);
                _tcp.Listen();
                break;
            }
            catch (SocketException) when (attempt < 10 && endPoint.Port == 0)
            {
                // That number is taken for TCP: another one.
                _tcp.Dispose();
                _udp.Dispose();
            }
        }

        _tasks.Add(Task.Run(() => AnswerAsync(udp)));
        if (tcp is not null)
        {
            _tasks.Add(Task.Run(() => AcceptAsync(tcp)));
        }
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>Each query over UDP, with the port it came from.</summary>
    public ConcurrentQueue<(byte[] Query, int Port)> Queries { get; } = new();

    /// <summary>Queries over TCP.</summary>
    public int TcpQueries { get; private set; }

    /// <summary>Sends one message with its length before it.</summary>
    public static Func<byte[], NetworkStream, CancellationToken, Task> OverTcp(Func<byte[], byte[]> answer) =>
        async (query, stream, cancellationToken) =>
            await stream.WriteAsync(Framed(answer(query)), cancellationToken);

    public static byte[] Framed(byte[] message) => [(byte)(message.Length >> 8), (byte)message.Length, .. message];

    /// <summary>Any number of datagrams to whoever asked last, none faster than they are taken: the kernel drops what
    /// the socket's buffer does not hold.</summary>
    public IEnumerable<byte[]> WithoutLoss(IEnumerable<byte[]> messages)
    {
        var port = Queries.Last().Port;
        var octets = 0;
        foreach (var message in messages)
        {
            yield return message;
            octets += OctetsOfDatagram + (2 * message.Length);
            if (octets < OctetsAtOnce)
            {
                continue;
            }

            octets = 0;
            while (HasWaiting(port))
            {
                Thread.Yield();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _udp.Dispose();
        _tcp?.Dispose();
        await Task.WhenAll(_tasks);
        _stop.Dispose();
    }

    // proc_pid_net(5): the second column has address and port, the fifth the octets to send and to receive. A socket
    // that is closed has no line.
    private static bool HasWaiting(int port) => File.ReadLines("/proc/net/udp")
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Any(columns => columns[1].EndsWith($":{port:X4}", StringComparison.Ordinal)
            && !columns[4].EndsWith(":00000000", StringComparison.Ordinal));

    private async Task AnswerAsync(Func<byte[], IEnumerable<byte[]>> answer)
    {
        var buffer = new byte[4096];
        var anybody = new IPEndPoint(
            EndPoint.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var received = await _udp.ReceiveFromAsync(buffer, anybody, _stop.Token);
                var query = buffer[..received.ReceivedBytes];
                Queries.Enqueue((query, ((IPEndPoint)received.RemoteEndPoint).Port));
                foreach (var message in answer(query))
                {
                    await _udp.SendToAsync(message, received.RemoteEndPoint, _stop.Token);
                }
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // Who asked is gone already.
            }
        }
    }

    private async Task AcceptAsync(Func<byte[], NetworkStream, CancellationToken, Task> serve)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var socket = await _tcp!.AcceptAsync(_stop.Token);
                await using var stream = new NetworkStream(socket);
                var prefix = new byte[2];
                await stream.ReadExactlyAsync(prefix, _stop.Token);
                var query = new byte[(prefix[0] << 8) | prefix[1]];
                await stream.ReadExactlyAsync(query, _stop.Token);
                TcpQueries++;
                await serve(query, stream, _stop.Token);
            }
            catch (Exception exception) when (
                exception is OperationCanceledException or ObjectDisposedException or IOException or SocketException)
            {
                // Stopped, or who asked is gone already.
            }
        }
    }
}
