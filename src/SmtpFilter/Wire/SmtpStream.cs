using System.Buffers;

namespace Tracking.SmtpFilter.Wire;

/// <summary>How a line was read.</summary>
internal enum LineOutcome
{
    /// <summary>A line that ends in CR LF.</summary>
    Line,

    /// <summary>The line is longer than allowed. It was read to its end and dropped.</summary>
    TooLong,

    /// <summary>The line ends in LF without CR, or has another control character.</summary>
    Malformed,

    /// <summary>The peer has closed the connection.</summary>
    End,
}

/// <summary>One side of a connection: lines and raw bytes in, buffered bytes out.</summary>
internal sealed class SmtpStream(Stream stream) : IAsyncDisposable
{
    // A TLS record is at most 16 kB, and a loopback segment 64 kB.
    private const int BufferSize = 64 * 1024;

    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private readonly ArrayBufferWriter<byte> _out = new(BufferSize);
    private CancellationTokenSource _timeout = new();
    private int _start;
    private int _end;
    private bool _disposed;

    /// <summary>The stream below.</summary>
    public Stream Inner => stream;

    /// <summary>Bytes that have arrived and were not read.</summary>
    public ReadOnlyMemory<byte> Buffered => _buffer.AsMemory(_start, _end - _start);

    /// <summary>Marks arrived bytes as read.</summary>
    public void Consume(int count) => _start += count;

    /// <summary>Waits for more bytes after the buffered ones.</summary>
    /// <returns><see langword="false"/> when the peer has closed the connection.</returns>
    /// <exception cref="TimeoutException">No bytes came in time.</exception>
    public async ValueTask<bool> FillAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        var read = await TimedAsync(
            token => stream.ReadAsync(_buffer.AsMemory(_end), token), timeout, cancellationToken);
        _end += read;
        return read > 0;
    }

    /// <summary>Reads a line.</summary>
    /// <param name="most">The longest line, without its line end.</param>
    /// <param name="timeout">The longest wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The line without its line end, valid until the next read.</returns>
    public async ValueTask<(LineOutcome Outcome, ReadOnlyMemory<byte> Line)> ReadLineAsync(
        int most, TimeSpan timeout, CancellationToken cancellationToken)
    {
        most = Math.Min(most, BufferSize - 2);
        var isTooLong = false;
        for (var searched = 0; ;)
        {
            var found = Buffered.Span[searched..].IndexOf((byte)'\n');
            if (found >= 0)
            {
                var line = Buffered[..(searched + found)];
                Consume(line.Length + 1);
                if (isTooLong || line.Length > most + 1)
                {
                    return (LineOutcome.TooLong, default);
                }

                return line.Span is [.. var text, (byte)'\r'] && !HasControls(text)
                    ? (LineOutcome.Line, line[..^1])
                    : (LineOutcome.Malformed, default);
            }

            searched = Buffered.Length;
            if (searched > most + 1)
            {
                isTooLong = true;
                Consume(searched);
                searched = 0;
            }

            if (!await FillAsync(timeout, cancellationToken))
            {
                return (LineOutcome.End, default);
            }
        }
    }

    /// <summary>Reads an answer.</summary>
    /// <exception cref="IOException">The peer has closed the connection, or does not speak SMTP.</exception>
    public async ValueTask<SmtpReply> ReadReplyAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        // RFC 5321 4.5.3.1.5 gives a line of an answer 512 bytes. An answer of this size has hundreds of lines.
        const int MostBytes = 64 * 1024;
        var all = new ArrayBufferWriter<byte>(128);
        while (all.WrittenCount < MostBytes)
        {
            var found = Buffered.Span.IndexOf((byte)'\n');
            if (found < 0)
            {
                if (Buffered.Length >= MostBytes || !await FillAsync(timeout, cancellationToken))
                {
                    throw new IOException("The next hop closed the connection without an answer.");
                }

                continue;
            }

            var isLast = Append(all, Buffered.Span[..found]);
            Consume(found + 1);
            if (isLast)
            {
                var span = all.WrittenSpan;
                return new SmtpReply(
                    ((span[0] - '0') * 100) + ((span[1] - '0') * 10) + (span[2] - '0'), all.WrittenMemory);
            }
        }

        throw new IOException("The next hop's answer has no end.");
    }

    /// <summary>Adds bytes to the output.</summary>
    public void Write(ReadOnlySpan<byte> bytes) => _out.Write(bytes);

    /// <summary>Sends the output.</summary>
    public async ValueTask FlushAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (_out.WrittenCount > 0)
        {
            await TimedAsync(
                async token =>
                {
                    await stream.WriteAsync(_out.WrittenMemory, token);
                    return 0;
                },
                timeout,
                cancellationToken);
            _out.ResetWrittenCount();
        }
    }

    /// <summary>Sends bytes after the output, without copying them.</summary>
    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, TimeSpan timeout, CancellationToken cancellationToken)
    {
        await FlushAsync(timeout, cancellationToken);
        await TimedAsync(
            async token =>
            {
                await stream.WriteAsync(bytes, token);
                return 0;
            },
            timeout,
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_disposed)
        {
            _disposed = true;
            await stream.DisposeAsync();
            _timeout.Dispose();
            ArrayPool<byte>.Shared.Return(_buffer);
        }
    }

    private static bool HasControls(ReadOnlySpan<byte> text) => text.IndexOfAnyInRange((byte)0, (byte)31) >= 0
        || text.Contains((byte)127);

    private static bool Append(ArrayBufferWriter<byte> all, ReadOnlySpan<byte> line)
    {
        line = line is [.. var text, (byte)'\r'] ? text : line;
        if (line.Length < 3 || line[..3].ContainsAnyExceptInRange((byte)'0', (byte)'9')
            || line[0] is < (byte)'2' or > (byte)'5')
        {
            throw new IOException("The next hop's answer is no SMTP answer.");
        }

        // A malformed answer of the next hop must not become two answers for the MTA.
        foreach (var octet in line)
        {
            all.Write([octet is (byte)'\r' or 0 ? (byte)'?' : octet]);
        }

        all.Write("\r\n"u8);
        return line.Length == 3 || line[3] != (byte)'-';
    }

    private async ValueTask<int> TimedAsync(
        Func<CancellationToken, ValueTask<int>> run, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (!_timeout.TryReset())
        {
            _timeout.Dispose();
            _timeout = new CancellationTokenSource();
        }

        _timeout.CancelAfter(timeout);
        await using var registration = cancellationToken.UnsafeRegister(
            static source => ((CancellationTokenSource)source!).Cancel(), _timeout);
        try
        {
            return await run(_timeout.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException("The peer took too long.");
        }
        catch (OperationCanceledException)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }
}
