using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tracking.Functional.Tests.Doors;

/// <summary>An SMTP server behind the filter. It records each line, and gives the answers of the test.</summary>
internal sealed class ScriptedNextHop : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;

    public ScriptedNextHop()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Every command, unchanged.</summary>
    public ConcurrentQueue<string> Commands { get; } = new();

    /// <summary>Every message as on the wire, with doubled dots, without the final dot.</summary>
    public ConcurrentQueue<string> Messages { get; } = new();

    /// <summary>The answer to EHLO.</summary>
    public string Ehlo { get; set; } =
        "250-next.example\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250-DSN\r\n250-XFORWARD NAME ADDR\r\n"
        + "250-AUTH PLAIN LOGIN\r\n250 SMTPUTF8\r\n";

    /// <summary>The greeting.</summary>
    public string Greeting { get; set; } = "220 next.example ESMTP\r\n";

    /// <summary>The answer to a command; <see langword="null"/> for the usual one, empty to close the
    /// connection.</summary>
    public Func<string, string?> Answer { get; set; } = _ => null;

    /// <summary>The answer to a message.</summary>
    public Func<string> AnswerMessage { get; set; } = () => "250 2.0.0 Ok: queued as 4F1\r\n";

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stopping.Token));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await TalkAsync(client.GetStream());
            }
            catch (Exception ended) when (ended is IOException or OperationCanceledException)
            {
                // The filter closed the connection.
            }
        }
    }

    private async Task TalkAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.Latin1);
        await SayAsync(Greeting);
        while (await reader.ReadLineAsync(_stopping.Token) is { } line)
        {
            Commands.Enqueue(line);
            var answer = Answer(line) ?? (line.Split(' ')[0] switch
            {
                "EHLO" => Ehlo,
                "DATA" => "354 Go on\r\n",
                "QUIT" => "221 2.0.0 Bye\r\n",
                _ => "250 2.1.0 Ok\r\n",
            });
            if (answer.Length == 0)
            {
                return;
            }

            if (line.StartsWith("BDAT", StringComparison.Ordinal))
            {
                var octets = new char[int.Parse(line.Split(' ')[1], null)];
                await reader.ReadBlockAsync(octets, _stopping.Token);
                Messages.Enqueue(new string(octets));
                answer = AnswerMessage();
            }

            await SayAsync(answer);
            if (line == "DATA" && answer.StartsWith("354", StringComparison.Ordinal))
            {
                await ReadMessageAsync(reader);
                answer = AnswerMessage();
                if (answer.Length == 0)
                {
                    return;
                }

                await SayAsync(answer);
            }
        }

        ValueTask SayAsync(string text) => stream.WriteAsync(Encoding.Latin1.GetBytes(text), _stopping.Token);
    }

    private async Task ReadMessageAsync(StreamReader reader)
    {
        var message = new StringBuilder();
        while (true)
        {
            var line = await reader.ReadLineAsync(_stopping.Token) ?? throw new IOException("The message has no end.");
            if (line == ".")
            {
                Messages.Enqueue(message.ToString());
                return;
            }

            message.Append(line).Append("\r\n");
        }
    }
}
