using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Tracking.Benchmarks;

/// <summary>The baseline for the SMTP filter and the milter: a filter that copies bytes to the next hop, and a milter
/// that reads each message and accepts it. Neither parses a message.</summary>
internal sealed class ForwardOnly : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly Func<NetworkStream, Task> _serve;
    private readonly Task _accepting;

    private ForwardOnly(int port, Func<NetworkStream, Task> serve)
    {
        _serve = serve;
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public static ForwardOnly Smtp(int port, int nextHop) => new(port, mta => CopyAsync(mta, nextHop));

    public static ForwardOnly Milter(int port) => new(port, AcceptMessagesAsync);

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync());
            }
        }
        catch (SocketException)
        {
            // The benchmark is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                client.NoDelay = true;
                await _serve(client.GetStream());
            }
            catch (IOException)
            {
                // The MTA closed the connection.
            }
        }
    }

    private static async Task CopyAsync(NetworkStream mta, int nextHop)
    {
        using var next = new TcpClient { NoDelay = true };
        await next.ConnectAsync(IPAddress.Loopback, nextHop);
        var stream = next.GetStream();
        await Task.WhenAny(stream.CopyToAsync(mta), mta.CopyToAsync(stream));
    }

    // The same protocol steps are skipped as by the product's milter, and the end of the header too.
    private static async Task AcceptMessagesAsync(NetworkStream mta)
    {
        const uint Silent = 0x01 | 0x02 | 0x80 | 0x100 | 0x200 | 0x4000 | 0x8000 | 0x40000 | 0x80000;
        var head = new byte[5];
        var data = new byte[1 << 20];
        while (true)
        {
            await mta.ReadExactlyAsync(head);
            var length = (int)BinaryPrimitives.ReadUInt32BigEndian(head) - 1;
            await mta.ReadExactlyAsync(data.AsMemory(0, length));
            switch ((char)head[4])
            {
                case 'O':
                    var answer = new byte[17];
                    BinaryPrimitives.WriteUInt32BigEndian(answer, 13);
                    answer[4] = (byte)'O';
                    BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(5), 6);
                    BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(13), Silent);
                    await mta.WriteAsync(answer);
                    break;
                case 'E':
                    await mta.WriteAsync(new byte[] { 0, 0, 0, 1, (byte)'a' });
                    break;
                case 'Q':
                    return;
                default:
                    break;
            }
        }
    }
}
