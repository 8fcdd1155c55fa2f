using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tracking.Functional.Tests.Doors;

/// <summary>An MTA's side of the milter protocol.</summary>
internal sealed class MilterClient : IDisposable
{
    private readonly Socket _socket;
    private readonly NetworkStream _stream;

    private MilterClient(Socket socket) => (_socket, _stream) = (socket, new NetworkStream(socket));

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>The actions and steps that the milter asked for.</summary>
    public (uint Version, uint Actions, uint Steps) Asked { get; private set; }

    /// <summary>Connects and negotiates.</summary>
    /// <param name="address">The milter.</param>
    /// <param name="steps">The protocol steps that the MTA offers to skip.</param>
    public static async Task<MilterClient> ConnectAsync(EndPoint address, uint steps = 0x1FFFFF)
    {
        var socket = new Socket(
            address.AddressFamily,
            SocketType.Stream,
            address is UnixDomainSocketEndPoint ? ProtocolType.Unspecified : ProtocolType.Tcp);
        await socket.ConnectAsync(address, Cancelled);
        var client = new MilterClient(socket);
        await client.SendAsync('O', [.. Word(6), .. Word(0x1FF), .. Word(steps)]);
        var (command, data) = await client.ReadAsync();
        Assert.Equal('O', command);
        client.Asked = (
            BinaryPrimitives.ReadUInt32BigEndian(data),
            BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(4)),
            BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(8)));
        return client;
    }

    /// <summary>Sends a packet.</summary>
    public async Task SendAsync(char command, params byte[] data)
    {
        byte[] packet = [.. Word((uint)data.Length + 1), (byte)command, .. data];
        await _stream.WriteAsync(packet, Cancelled);
    }

    /// <summary>Sends a packet of text.</summary>
    public Task SendAsync(char command, string text) => SendAsync(command, Encoding.Latin1.GetBytes(text));

    /// <summary>Reads a packet.</summary>
    /// <exception cref="EndOfStreamException">The milter has closed the connection.</exception>
    public async Task<(char Command, byte[] Data)> ReadAsync()
    {
        var head = new byte[5];
        await _stream.ReadExactlyAsync(head, Cancelled);
        var data = new byte[BinaryPrimitives.ReadUInt32BigEndian(head) - 1];
        await _stream.ReadExactlyAsync(data, Cancelled);
        return ((char)head[4], data);
    }

    /// <summary>Sends envelope and header, and reads the answer to the header's end.</summary>
    public async Task<char> BeginAsync(string[] recipients, params string[] fields)
    {
        await SendAsync('D', "Mi\0" + "4F1\0");
        await SendAsync('M', "<news@shop.example>\0");
        foreach (var recipient in recipients)
        {
            await SendAsync('R', $"<{recipient}>\0");
        }

        foreach (var field in fields)
        {
            await SendAsync('L', string.Join('\0', field.Split(':', 2)) + "\0");
        }

        await SendAsync('N', "");
        return (await ReadAsync()).Command;
    }

    /// <summary>Sends the body in pieces, and reads the changes up to the answer.</summary>
    public async Task<List<(char Command, byte[] Data)>> EndAsync(string body)
    {
        for (var at = 0; at < body.Length; at += 65_535)
        {
            await SendAsync('B', body[at..Math.Min(body.Length, at + 65_535)]);
        }

        await SendAsync('E', "");
        var packets = new List<(char Command, byte[] Data)>();
        do
        {
            packets.Add(await ReadAsync());
        }
        while (packets[^1].Command is 'b' or 'm');
        return packets;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }

    private static byte[] Word(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}
