using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Tracking.Rewrite.Doors;
using Tracking.SmtpFilter.Wire;

namespace Tracking.SmtpFilter.NextHop;

/// <summary>The next hop does not take the connection.</summary>
/// <param name="reply">The next hop's own answer, or one of ours if it gave none.</param>
internal sealed class NextHopRefusedException(SmtpReply reply) : Exception("The next hop refuses the connection.")
{
    /// <summary>The answer for the MTA.</summary>
    public SmtpReply Reply { get; } = reply;
}

/// <summary>The connection of one session to the next hop, to which the MTA's commands are passed on.</summary>
internal sealed class NextHopConnection : IAsyncDisposable
{
    private readonly SmtpStream _stream;
    private readonly SmtpFilterOptions _options;
    private readonly Dictionary<string, string> _keywords = new(StringComparer.OrdinalIgnoreCase);

    private NextHopConnection(SmtpStream stream, SmtpFilterOptions options) => (_stream, _options) = (stream, options);

    /// <summary>The largest message that the next hop accepts, in bytes; 0 when it names no limit (RFC 1870).</summary>
    public long MaxMessageBytes => _keywords.TryGetValue("SIZE", out var size)
        && long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : 0;

    /// <summary>The parameters of a keyword in the next hop's answer to EHLO.</summary>
    public bool Offers(string keyword, out string parameters) =>
        _keywords.TryGetValue(keyword, out parameters!);

    /// <summary>Connects and greets.</summary>
    /// <exception cref="NextHopRefusedException">The next hop cannot be reached, or refuses.</exception>
    public static async Task<NextHopConnection> ConnectAsync(
        SmtpFilterOptions options, CancellationToken cancellationToken)
    {
        if (!DoorAddress.TryParseHost(options.NextHop, out var host, out var port))
        {
            throw new InvalidOperationException("The next hop was not checked at start.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        NextHopConnection? connection = null;
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(options.ConnectTimeout);
            await socket.ConnectAsync(host, port, timeout.Token);
            connection = new NextHopConnection(new SmtpStream(new NetworkStream(socket, ownsSocket: true)), options);
            var greeting = await connection._stream.ReadReplyAsync(options.AnswerTimeout, cancellationToken);
            if (!greeting.IsPositive)
            {
                throw new NextHopRefusedException(greeting);
            }

            await connection.GreetAsync(cancellationToken);
            return connection;
        }
        catch (Exception failed)
        {
            socket.Dispose();
            if (connection is not null)
            {
                await connection.DisposeAsync();
            }

            if (failed is NextHopRefusedException || cancellationToken.IsCancellationRequested)
            {
                throw;
            }

            throw new NextHopRefusedException(SmtpReply.Of("421 4.4.1 The next hop does not answer; try again later"));
        }
    }

    /// <summary>Sends EHLO. A repeated EHLO ends a transaction, and its answer may offer other extensions.</summary>
    /// <exception cref="NextHopRefusedException">The next hop refuses.</exception>
    public async Task<SmtpReply> GreetAsync(CancellationToken cancellationToken)
    {
        var reply = await SayAsync(Encoding.ASCII.GetBytes($"EHLO {_options.OwnName}"), cancellationToken);
        _keywords.Clear();
        if (reply.Code is >= 500 and < 600)
        {
            var helo = await SayAsync(Encoding.ASCII.GetBytes($"HELO {_options.OwnName}"), cancellationToken);
            return helo.IsPositive ? helo : throw new NextHopRefusedException(reply);
        }

        if (!reply.IsPositive)
        {
            throw new NextHopRefusedException(reply);
        }

        foreach (var line in reply.Lines.Skip(1))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            _keywords[space < 0 ? line : line[..space]] = space < 0 ? "" : line[(space + 1)..];
        }

        return reply;
    }

    /// <summary>Sends a command and reads its answer.</summary>
    public async Task<SmtpReply> SayAsync(ReadOnlyMemory<byte> command, CancellationToken cancellationToken)
    {
        _stream.Write(command.Span);
        _stream.Write("\r\n"u8);
        await _stream.FlushAsync(_options.AnswerTimeout, cancellationToken);
        return await _stream.ReadReplyAsync(_options.AnswerTimeout, cancellationToken);
    }

    /// <summary>Sends a message.</summary>
    /// <returns>The answer to it. A next hop that refuses <c>DATA</c> gives that answer.</returns>
    public async Task<SmtpReply> SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (Offers("CHUNKING", out _))
        {
            // BDAT sends the length before the bytes, so no content can be mistaken for the end.
            _stream.Write(Encoding.ASCII.GetBytes(
                string.Create(CultureInfo.InvariantCulture, $"BDAT {message.Length} LAST\r\n")));
            await _stream.SendAsync(message, _options.AnswerTimeout, cancellationToken);
            return await _stream.ReadReplyAsync(_options.AnswerTimeout, cancellationToken);
        }

        var go = await SayAsync("DATA"u8.ToArray(), cancellationToken);
        if (go.Code != 354)
        {
            return go.IsPositive ? SmtpReply.Of("451 4.5.0 The next hop does not speak SMTP") : go;
        }

        WriteData.To(_stream, message.Span);
        await _stream.FlushAsync(_options.AnswerTimeout, cancellationToken);
        return await _stream.ReadReplyAsync(_options.AnswerTimeout, cancellationToken);
    }

    /// <summary>Sends QUIT without waiting for the answer.</summary>
    public async Task QuitAsync(CancellationToken cancellationToken)
    {
        try
        {
            _stream.Write("QUIT\r\n"u8);
            await _stream.FlushAsync(TimeSpan.FromSeconds(1), cancellationToken);
        }
        catch (Exception gone) when (gone is IOException or TimeoutException or OperationCanceledException)
        {
            // The connection is already closed, so QUIT is not needed.
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _stream.DisposeAsync();
}
