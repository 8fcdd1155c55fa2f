using System.Net.Sockets;

namespace Tracking.Cli;

/// <summary>
/// A connection on which an answer is read although the request was not sent completely. A server that refuses a large
/// message answers while the message is still being sent, and may close the connection. .NET would report the failed
/// write and never read the answer that has arrived. So bytes that cannot or need not be written are dropped, and the
/// answer is read. No other request may use the same connection.
/// </summary>
internal sealed class EarlyAnswerStream : NetworkStream
{
    // Shorter requests fit into the system's buffers before an answer can arrive.
    private const int LargeWrite = 16 * 1024;

    private readonly bool _isPlain;
    private bool _isOver;

    private EarlyAnswerStream(Socket socket, bool isPlain)
        : base(socket, ownsSocket: true) => _isPlain = isPlain;

    /// <summary>Connects.</summary>
    public static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new EarlyAnswerStream(
                socket, context.InitialRequestMessage.RequestUri!.Scheme == Uri.UriSchemeHttp);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isOver)
        {
            return;
        }

        try
        {
            if (!_isPlain || buffer.Length < LargeWrite)
            {
                // Under TLS other records arrive too, so only the end of the connection is watched.
                await base.WriteAsync(buffer, cancellationToken);
            }
            else
            {
                await WriteUntilAnsweredAsync(buffer, cancellationToken);
            }
        }
        catch (IOException)
        {
            _isOver = true;
        }
    }

    private async Task WriteUntilAnsweredAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        using var written = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var write = base.WriteAsync(buffer, cancellationToken).AsTask();
        // Completes when bytes can be read, but reads none.
        var answer = Socket.ReceiveAsync(Memory<byte>.Empty, written.Token).AsTask();
        if (await Task.WhenAny(write, answer) == write)
        {
            await written.CancelAsync();
            await Task.WhenAny(answer);
            await write;
            return;
        }

        _isOver = true;
        // The task ends with the connection. Its result is not used.
        _ = write.ContinueWith(failed => failed.Exception, TaskScheduler.Default);
    }
}
