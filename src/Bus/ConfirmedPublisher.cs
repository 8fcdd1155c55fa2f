using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Tracking.Bus;

/// <summary>How the broker took a message.</summary>
public enum PublishOutcome
{
    /// <summary>It has it: every queue that it was routed to.</summary>
    Confirmed,

    /// <summary>No queue, or no exchange, takes it; nobody has it.</summary>
    Unroutable,

    /// <summary>A queue refuses it, as when it is full.</summary>
    Refused,

    /// <summary>It is larger than the broker's <c>max_message_size</c>.</summary>
    TooLarge,
}

/// <summary>The broker neither confirmed nor refused: it may have the message or not.</summary>
public sealed class NotConfirmedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Publishes bytes with any properties to any exchange of RabbitMQ, always mandatory, and says how the broker took
/// them. Every call ends: one that the broker does not answer in <see cref="MessagingOptions.ConfirmTimeout"/> fails,
/// and the connection that it hung on is abandoned with all that is on it, so that the next call begins on a new one.
/// </summary>
/// <remarks>
/// A connection of its own beside the bus. Small messages share a channel, many outstanding at a time: the broker
/// handles and confirms them together. The client's own tracking would put a header into messages that are others', and
/// after a broker's restart it may never end. A publish is never cancelled: the client would miscount from then on.
/// </remarks>
public sealed partial class ConfirmedPublisher : IAsyncDisposable
{
    /// <summary>The largest message that shares a channel, in bytes. RabbitMQ closes the channel over one that is larger
    /// than its <c>max_message_size</c>, 16 MiB by default; where it is lower than this, it is learned from the first
    /// message that is too large.</summary>
    internal const int MaxSharedBytes = 1 << 20;

    private readonly RabbitAddress _address;
    private readonly MessagingOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<ConfirmedPublisher> _logger;
    private readonly SemaphoreSlim _connecting = new(1, 1);
    private volatile PublisherConnection? _connection;
    private volatile int _shareUpTo = MaxSharedBytes;

    internal ConfirmedPublisher(
        RabbitAddress address, MessagingOptions options, TimeProvider time, ILogger<ConfirmedPublisher> logger) =>
        (_address, _options, _time, _logger) = (address, options, time, logger);

    /// <summary>Publishes a message and waits until the broker has said what becomes of it.</summary>
    /// <param name="exchange">The exchange; empty for the default one, which leads to the queue of the routing
    /// key.</param>
    /// <param name="routingKey">The routing key.</param>
    /// <param name="properties">Properties and headers, as they are to arrive.</param>
    /// <param name="body">The body; must not change until the call has ended.</param>
    /// <exception cref="NotConfirmedException">The broker is away or does not answer.</exception>
    /// <exception cref="WireFormattingException">A header's value is of a type that AMQP does not have; nothing was
    /// sent.</exception>
    public async Task<PublishOutcome> PublishAsync(
        string exchange, string routingKey, BasicProperties properties, ReadOnlyMemory<byte> body)
    {
        using var limit = new CancellationTokenSource(_options.ConfirmTimeout, _time);
        PublisherConnection? connection = null;
        PublisherChannel? channel = null;
        try
        {
            connection = await ConnectAsync(limit.Token);
            if (body.Length <= _shareUpTo
                && await ShareAsync(connection, exchange, routingKey, properties, body, limit.Token) is { } shared)
            {
                return shared;
            }

            channel = await connection.TakeAsync().WaitAsync(limit.Token);
            var outcome = await channel.PublishAsync(exchange, routingKey, properties, body)
                .WaitAsync(limit.Token);
            connection.PutBack(channel);
            return outcome;
        }
        catch (Exception exception) when (exception is RabbitMQClientException or IOException or ObjectDisposedException
            or TimeoutException or OperationCanceledException && exception is not WireFormattingException)
        {
            if (OutcomeOf(exception) is { } outcome)
            {
                // The broker has closed the channel over this one message; the connection is well.
                channel?.Abandon();
                if (outcome == PublishOutcome.TooLarge)
                {
                    _shareUpTo = Math.Min(_shareUpTo, body.Length - 1);
                }

                return outcome;
            }

            if (limit.IsCancellationRequested)
            {
                LogNoAnswer(_address.ToString(), _options.ConfirmTimeout);
            }

            Abandon(connection);
            throw new NotConfirmedException(
                limit.IsCancellationRequested
                    ? $"The broker has not answered for {_options.ConfirmTimeout.TotalSeconds:0.#} s."
                    : $"The broker is away: {exception.Message}",
                exception);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _connecting.WaitAsync();
        Abandon(_connection);
        _connecting.Dispose();
    }

    /// <returns><see langword="null"/> when the broker has closed the channel over one of the messages on it: which one
    /// it was shows when each of them is sent on a channel of its own.</returns>
    private static async Task<PublishOutcome?> ShareAsync(
        PublisherConnection connection,
        string exchange,
        string routingKey,
        BasicProperties properties,
        ReadOnlyMemory<byte> body,
        CancellationToken cancellationToken)
    {
        try
        {
            var channel = await connection.ShareAsync().WaitAsync(cancellationToken);
            return await channel.PublishAsync(exchange, routingKey, properties, body).WaitAsync(cancellationToken);
        }
        catch (OperationInterruptedException closed) when (OutcomeOf(closed) is not null)
        {
            return null;
        }
    }

    private async Task<PublisherConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        if (_connection is { IsOpen: true } open)
        {
            return open;
        }

        await _connecting.WaitAsync(cancellationToken);
        try
        {
            if (_connection is { IsOpen: true } other)
            {
                return other;
            }

            Abandon(_connection);
            var factory = _address.CreateFactory(_options.Heartbeat);
            factory.ClientProvidedName += " publisher";
            return _connection = new PublisherConnection(await factory.CreateConnectionAsync(cancellationToken));
        }
        finally
        {
            _connecting.Release();
        }
    }

    private void Abandon(PublisherConnection? connection)
    {
        if (connection is not null)
        {
            Interlocked.CompareExchange(ref _connection, null, connection);
            connection.Abandon();
        }
    }

    // A channel that is closed says why: 404 is a missing exchange; 406 on a publish is its size, since nothing else
    // about it has a precondition.
    private static PublishOutcome? OutcomeOf(Exception exception) =>
        (exception as OperationInterruptedException)?.ShutdownReason?.ReplyCode switch
        {
            Constants.NotFound => PublishOutcome.Unroutable,
            Constants.PreconditionFailed => PublishOutcome.TooLarge,
            _ => null,
        };

    [LoggerMessage(Level = LogLevel.Error, Message = "The broker at {Address} has not confirmed a message for {Timeout}; "
        + "the connection is abandoned for a new one")]
    private partial void LogNoAnswer(string address, TimeSpan timeout);
}
