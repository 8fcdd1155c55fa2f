using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tracking.Benchmarks;

/// <summary>Sends numbered copies of a message to an MTA, and records when the MTA delivers each.</summary>
internal sealed class BenchMail : IAsyncDisposable
{
    private const string Field = "X-Bench: ";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<int, long> _sent = new();
    private readonly ConcurrentDictionary<int, long> _arrived = new();
    private readonly byte[] _message;
    private readonly Task _accepting;
    private int _next;

    public BenchMail(byte[] message)
    {
        // Dots at the beginning of a line are doubled (RFC 5321 4.5.2).
        _message = Encoding.Latin1.GetBytes(("\r\n" + Encoding.Latin1.GetString(message).ReplaceLineEndings("\r\n"))
            .Replace("\r\n.", "\r\n..", StringComparison.Ordinal)[2..].TrimEnd() + "\r\n.\r\n");
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>The port to which the MTA delivers.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Sends messages over several connections and waits for all of them.</summary>
    /// <param name="port">The MTA's port.</param>
    /// <param name="count">The number of messages.</param>
    /// <param name="connections">The number of parallel connections.</param>
    /// <param name="pause">The time between two messages of a connection; zero for none.</param>
    /// <returns>The messages per second, and the 99th percentile of the time to arrival in milliseconds.</returns>
    public async Task<(double Rate, double P99)> RunAsync(int port, int count, int connections, TimeSpan pause)
    {
        var first = _next;
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, connections).Select(
            _ => Task.Run(() => SendAsync(port, first + count, pause))));
        _next = first + count;
        var numbers = Enumerable.Range(first, count).ToList();
        while (!numbers.TrueForAll(_arrived.ContainsKey))
        {
            await Task.Delay(5);
        }

        var times = numbers.Select(number => Stopwatch.GetElapsedTime(_sent[number], _arrived[number]))
            .Order().ToList();
        return (
            count / Stopwatch.GetElapsedTime(began, numbers.Max(number => _arrived[number])).TotalSeconds,
            times[times.Count * 99 / 100].TotalMilliseconds);
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting;
    }

    private async Task SendAsync(int port, int end, TimeSpan pause)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, port);
        var stream = client.GetStream();
        using var reader = new StreamReader(stream, Encoding.Latin1);
        await ReadAsync(reader);
        await SayAsync("EHLO bench.example\r\n");
        for (int number; (number = Interlocked.Increment(ref _next) - 1) < end;)
        {
            _sent[number] = Stopwatch.GetTimestamp();
            await SayAsync("MAIL FROM:<letter@example.org>\r\n");
            await SayAsync(string.Create(CultureInfo.InvariantCulture, $"RCPT TO:<reader{number}@example.net>\r\n"));
            await SayAsync("DATA\r\n");
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                string.Create(CultureInfo.InvariantCulture, $"{Field}{number}\r\n")));
            await stream.WriteAsync(_message);
            await ReadAsync(reader);
            if (pause > TimeSpan.Zero && pause - Stopwatch.GetElapsedTime(_sent[number]) is { Ticks: > 0 } left)
            {
                await Task.Delay(left);
            }
        }

        async Task SayAsync(string text)
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(text));
            await ReadAsync(reader);
        }
    }

    private static async Task ReadAsync(StreamReader reader)
    {
        string line;
        do
        {
            line = await reader.ReadLineAsync() ?? throw new IOException("The MTA hung up.");
            if (line[0] is not ('2' or '3'))
            {
                throw new InvalidOperationException($"The MTA says {line}");
            }
        }
        while (line.Length > 3 && line[3] == '-');
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = TakeAsync(await _listener.AcceptTcpClientAsync());
            }
        }
        catch (SocketException)
        {
            // The benchmark is over.
        }
    }

    private async Task TakeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                client.NoDelay = true;
                await TakeAsync(client.GetStream());
            }
            catch (IOException)
            {
                // Postfix closed the connection.
            }
        }
    }

    private async Task TakeAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.Latin1, false, 64 * 1024);
        await stream.WriteAsync("220 sink ESMTP\r\n"u8.ToArray());
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line == "DATA")
            {
                await stream.WriteAsync("354 Go on\r\n"u8.ToArray());
                var number = -1;
                while (await reader.ReadLineAsync() is { } text && text != ".")
                {
                    number = number < 0 && text.StartsWith(Field, StringComparison.Ordinal)
                        ? int.Parse(text.AsSpan(Field.Length), NumberStyles.None, CultureInfo.InvariantCulture)
                        : number;
                }

                _arrived[number] = Stopwatch.GetTimestamp();
            }

            await stream.WriteAsync("250 OK\r\n"u8.ToArray());
        }
    }
}
