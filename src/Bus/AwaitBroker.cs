using Microsoft.Extensions.Logging;
using RabbitMQ.Client.Exceptions;

namespace Tracking.Bus;

/// <summary>
/// Waits until the broker accepts connections. Every connection waits here first, so an unavailable broker costs one
/// attempt a second and one log line per change, and no library gives up or begins its own long pauses. The reason does
/// not matter: the broker may be down, not know our user yet, or lack the virtual host.
/// </summary>
internal sealed partial class AwaitBroker(
    RabbitAddress address, MessagingOptions options, TimeProvider time, ILogger<AwaitBroker> logger)
{
    private volatile string? _away;

    /// <summary>Why the broker cannot be reached; <see langword="null"/> when the last attempt reached it.</summary>
    public string? Away => _away;

    /// <summary>Returns once a connection could be made.</summary>
    /// <exception cref="OperationCanceledException">The process is stopping.</exception>
    public async Task UntilItAnswersAsync(CancellationToken cancellationToken)
    {
        while (await TryAsync(cancellationToken) is { } reason)
        {
            if (_away is null)
            {
                LogAway(address.ToString(), reason, options.ReconnectPause);
            }

            _away = reason;
            await Task.Delay(options.ReconnectPause, time, cancellationToken);
        }

        if (_away is not null)
        {
            LogBack(address.ToString());
            _away = null;
        }
    }

    private async Task<string?> TryAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await address.CreateFactory(options.Heartbeat)
                .CreateConnectionAsync(cancellationToken);
            return null;
        }
        catch (Exception exception) when (exception is RabbitMQClientException or IOException or TimeoutException
            or OperationCanceledException)
        {
            // A handshake that times out is also reported as a cancellation.
            cancellationToken.ThrowIfCancellationRequested();
            return Innermost(exception).Message;
        }
    }

    // The outer exceptions only say that no endpoint was reachable.
    private static Exception Innermost(Exception exception)
    {
        while (exception.InnerException is { } inner)
        {
            exception = exception is AggregateException { InnerExceptions: [var first, ..] } ? first : inner;
        }

        return exception;
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The broker at {Address} cannot be used: {Reason}. It is tried again every {Pause}")]
    private partial void LogAway(string address, string reason, TimeSpan pause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The broker at {Address} is back")]
    private partial void LogBack(string address);
}
