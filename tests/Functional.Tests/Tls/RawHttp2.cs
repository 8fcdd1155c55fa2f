using System.Buffers.Binary;
using System.Text;

namespace Tracking.Functional.Tests.Tls;

/// <summary>A frame of HTTP/2 (RFC 9113 §4.1).</summary>
internal sealed record RawFrame(byte Type, byte Flags, int Stream, byte[] Payload);

/// <summary>An HTTP/2 client that sends any frames, valid or invalid.</summary>
internal sealed class RawHttp2(Stream stream) : IAsyncDisposable
{
    public const byte Data = 0;
    public const byte Headers = 1;
    public const byte Reset = 3;
    public const byte Settings = 4;
    public const byte Ping = 6;
    public const byte GoAway = 7;
    public const byte Continuation = 9;
    public const byte EndStream = 1;
    public const byte EndHeaders = 4;

    // The static table's index of :status 200 (RFC 7541, appendix A), as a whole field.
    private const byte Status200 = 0x88;

    /// <summary>Opens a connection and sends its settings.</summary>
    public static async Task<RawHttp2> ConnectAsync(TlsHost host, string name, params byte[] settings) =>
        await BeginAsync(await host.ConnectAsync(name, 0, "h2"), settings);

    /// <summary>Begins HTTP/2 over a connection.</summary>
    public static async Task<RawHttp2> BeginAsync(Stream stream, params byte[] settings)
    {
        var client = new RawHttp2(stream);
        await client.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray());
        await client.WriteAsync(Settings, 0, 0, settings);
        return client;
    }

    /// <summary>The fields of a header, without indexing and compression (RFC 7541 §6.2.2).</summary>
    public static byte[] Fields(params (string Name, string Value)[] fields)
    {
        var block = new List<byte>();
        foreach (var (name, value) in fields)
        {
            block.Add(0);
            Add(name);
            Add(value);
        }

        return [.. block];

        void Add(string text)
        {
            var bytes = Encoding.Latin1.GetBytes(text);
            if (bytes.Length < 127)
            {
                block.Add((byte)bytes.Length);
            }
            else
            {
                block.Add(127);
                var rest = bytes.Length - 127;
                for (; rest >= 128; rest /= 128)
                {
                    block.Add((byte)((rest % 128) + 128));
                }

                block.Add((byte)rest);
            }

            block.AddRange(bytes);
        }
    }

    /// <summary>The fields of a plain GET.</summary>
    public static byte[] Get(string host, params (string Name, string Value)[] more) => Fields(
        [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", host), .. more]);

    /// <summary>A frame's bytes.</summary>
    public static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        (frame[0], frame[1], frame[2]) = (
            (byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }

    public Task WriteAsync(byte type, byte flags, int stream, byte[] payload) =>
        SendAsync(Frame(type, flags, stream, payload));

    public async Task SendAsync(byte[] bytes) =>
        await stream.WriteAsync(bytes, TestContext.Current.CancellationToken);

    /// <summary>The next frame; <see langword="null"/> when the connection has ended.</summary>
    public async Task<RawFrame?> ReadAsync()
    {
        try
        {
            var head = new byte[9];
            await stream.ReadExactlyAsync(head, TestContext.Current.CancellationToken);
            var payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
            await stream.ReadExactlyAsync(payload, TestContext.Current.CancellationToken);
            return new RawFrame(head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)), payload);
        }
        catch (Exception exception) when (exception is IOException or EndOfStreamException)
        {
            return null;
        }
    }

    /// <summary>Whether a stream is answered with 200; otherwise it was refused, or the connection has ended.</summary>
    public async Task<bool> IsServedAsync(int id)
    {
        while (await ReadAsync() is { } frame)
        {
            if (frame.Type == Headers && frame.Stream == id)
            {
                return frame.Payload.AsSpan().Contains(Status200);
            }

            if (frame.Type == GoAway || (frame.Type == Reset && frame.Stream == id))
            {
                return false;
            }
        }

        return false;
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();
}
