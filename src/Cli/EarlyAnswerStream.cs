using System.Net.Sockets;

namespace Tracking.Cli;

/// <summary>
/// A connection on which an answer is read although the request was not sent to its end. A server that refuses a large
/// message says so while it is still being sent, and may close; .NET would report the write that failed, and never read
/// the answer, which has arrived. So what cannot be written, or need not be any more, is dropped, and reading shows
/// what became of the request. No request may follow on the same connection.
/// </summary>
internal sealed class EarlyAnswerStream : NetworkStream
{
    // What is shorter has found room in the system's buffers before an answer can be there.
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
                // Under TLS more than answers arrives: only the end of the connection is seen here.
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
        // Ends when there is something to read, and reads nothing.
        var answer = Socket.ReceiveAsync(Memory<byte>.Empty, written.Token).AsTask();
        if (await Task.WhenAny(write, answer) == write)
        {
            await written.CancelAsync();
            await Task.WhenAny(answer);
            await write;
            return;
        }

        _isOver = true;
        // It ends with the connection, and nobody asks how.
        _ = write.ContinueWith(failed => failed.Exception, TaskScheduler.Default);
    }
}
