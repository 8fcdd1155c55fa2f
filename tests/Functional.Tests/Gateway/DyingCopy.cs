using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tracking.Functional.Tests.Gateway;

/// <summary>When a copy of a service dies.</summary>
public enum Dies
{
    /// <summary>When a client connects.</summary>
    OnConnect,

    /// <summary>After the client's preface (RFC 9113 3.4).</summary>
    AfterPreface,

    /// <summary>When it has received a request.</summary>
    OnRequest,

    /// <summary>When it has received a request, after a GOAWAY that includes the request.</summary>
    OnRequestTaken,

    /// <summary>When it has received a request, after a GOAWAY that excludes the request.</summary>
    OnRequestNotTaken,

    /// <summary>Never, but it refuses each request (REFUSED_STREAM).</summary>
    Refuses,

    /// <summary>Never, but it supports only HTTP/1.1.</summary>
    KnowsHttp11Only,
}

/// <summary>A copy of a service that speaks correct HTTP/2 until it dies.</summary>
internal sealed class DyingCopy : IAsyncDisposable
{
    private const byte Headers = 1;
    private const byte Reset = 3;
    private const byte Settings = 4;
    private const byte GoAway = 7;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dies _dies;
    private readonly bool _hard;
    private int _requests;

    public DyingCopy(Dies dies, bool hard)
    {
        (_dies, _hard) = (dies, hard);
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Address => $"http://{_listener.LocalEndpoint}";

    /// <summary>The number of received requests.</summary>
    public int Requests => Volatile.Read(ref _requests);

    public ValueTask DisposeAsync()
    {
        _stop.Cancel();
        _listener.Stop();
        _stop.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            await ServeAsync(client.GetStream());
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The other side has closed the connection.
        }

        client.LingerState = new LingerOption(_hard, 0);
        client.Dispose();
    }

    private async Task ServeAsync(NetworkStream stream)
    {
        if (_dies == Dies.OnConnect)
        {
            return;
        }

        await stream.ReadExactlyAsync(new byte[24], _stop.Token);
        if (_dies == Dies.KnowsHttp11Only)
        {
            await stream.WriteAsync(
                Encoding.ASCII.GetBytes("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), _stop.Token);
        }

        if (_dies is Dies.AfterPreface or Dies.KnowsHttp11Only)
        {
            return;
        }

        await WriteAsync(stream, Settings, 0, 0);
        while (true)
        {
            var (type, flags, id) = await ReadAsync(stream);
            if (type == Settings && (flags & 1) == 0)
            {
                await WriteAsync(stream, Settings, 1, 0);
            }

            if (type != Headers)
            {
                continue;
            }

            Interlocked.Increment(ref _requests);
            if (_dies == Dies.Refuses)
            {
                await WriteAsync(stream, Reset, 0, id, 7);
                continue;
            }

            if (_dies is Dies.OnRequestTaken or Dies.OnRequestNotTaken)
            {
                await WriteAsync(stream, GoAway, 0, 0, _dies == Dies.OnRequestTaken ? id : 0, 0);
            }

            return;
        }
    }

    private async Task<(byte Type, byte Flags, int Stream)> ReadAsync(NetworkStream stream)
    {
        var header = new byte[9];
        await stream.ReadExactlyAsync(header, _stop.Token);
        var length = (header[0] << 16) | BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(1));
        await stream.ReadExactlyAsync(new byte[length], _stop.Token);
        return (header[3], header[4], BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)) & int.MaxValue);
    }

    private async Task WriteAsync(NetworkStream stream, byte type, byte flags, int id, params int[] words)
    {
        var frame = new byte[9 + (4 * words.Length)];
        frame[2] = (byte)(4 * words.Length);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), id);
        for (var index = 0; index < words.Length; index++)
        {
            BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(9 + (4 * index)), words[index]);
        }

        await stream.WriteAsync(frame, _stop.Token);
    }
}
