using Microsoft.Extensions.Logging;
using RabbitMQ.Client.Exceptions;

namespace Tracking.Bus;

/// <summary>
/// Waits until the broker takes connections: in front of every connection that is made, so that a broker that is away
/// costs one attempt a second and one line a change, and nothing gives up or falls into the long pauses of others'
/// retries. It also never matters whether it is away, does not know us yet or lacks the virtual host.
/// </summary>
internal sealed partial class AwaitBroker(
    RabbitAddress address, MessagingOptions options, TimeProvider time, ILogger<AwaitBroker> logger)
{
    private volatile string? _away;

    /// <summary>Why the broker cannot be reached; <see langword="null"/> when it was reached last.</summary>
    public string? Away => _away;

    /// <summary>Returns once a connection could be made.</summary>
    /// <exception cref="OperationCanceledException">The process stops.</exception>
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

    // The outer ones say only that no endpoint was reachable.
    private static Exception Innermost(Exception exception)
    {
        while (exception.InnerException is { } inner)
        {
            exception = exception is AggregateException { InnerExceptions: [var first, ..] } ? first : inner;
        }

        return exception;
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The broker at {Address} cannot be used: {Reason}. It is tried every {Pause} until it can")]
    private partial void LogAway(string address, string reason, TimeSpan pause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The broker at {Address} is back")]
    private partial void LogBack(string address);
}
