using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tracking.Servers;

/// <summary>The part of the Redis protocol (RESP 2) that a test needs: one command, one answer.</summary>
internal sealed class RespClient : IDisposable
{
    private readonly TcpClient _client = new();
    private Stream _stream = Stream.Null;

    public async Task ConnectAsync(int port, CancellationToken cancellationToken)
    {
        await _client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
        _stream = new BufferedStream(_client.GetStream());
    }

    public async Task<object?> SendAsync(CancellationToken cancellationToken, params string[] words)
    {
        var request = new StringBuilder().Append(CultureInfo.InvariantCulture, $"*{words.Length}\r\n");
        foreach (var word in words)
        {
            request.Append(CultureInfo.InvariantCulture, $"${word.Length}\r\n{word}\r\n");
        }

        await _stream.WriteAsync(Encoding.Latin1.GetBytes(request.ToString()), cancellationToken);
        await _stream.FlushAsync(cancellationToken);
        return await ReadAsync(cancellationToken);
    }

    public void Dispose()
    {
        _stream.Dispose();
        _client.Dispose();
    }

    private async Task<object?> ReadAsync(CancellationToken cancellationToken)
    {
        var line = await ReadLineAsync(cancellationToken);
        var rest = line[1..];
        switch (line[0])
        {
            case '+':
                return rest;
            case '-':
                throw new RedisFailedException(rest);
            case ':':
                return Number(rest);
            case '$' when Number(rest) is >= 0 and var length:
                var bytes = new byte[length + 2];
                await _stream.ReadExactlyAsync(bytes, cancellationToken);
                return Encoding.Latin1.GetString(bytes, 0, (int)length);
            case '*' when Number(rest) is >= 0 and var count:
                var list = new List<object?>();
                while (list.Count < count)
                {
                    list.Add(await ReadAsync(cancellationToken));
                }

                return list;
            case '$' or '*':
                return null;
            default:
                throw new IOException($"Not an answer of Redis: {line}");
        }
    }

    private async Task<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (line.Length < 2 || line[^1] != '\n' || line[^2] != '\r')
        {
            await _stream.ReadExactlyAsync(one, cancellationToken);
            line.Append((char)one[0]);
        }

        return line.ToString(0, line.Length - 2);
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
