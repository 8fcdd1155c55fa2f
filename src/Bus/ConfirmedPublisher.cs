using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Tracking.Bus;

/// <summary>The broker's answer to a message.</summary>
public enum PublishOutcome
{
    /// <summary>Every queue that the message was routed to has it.</summary>
    Confirmed,

    /// <summary>No queue, or no exchange, accepts the message; no queue has it.</summary>
    Unroutable,

    /// <summary>A queue refuses the message, for example because it is full.</summary>
    Refused,

    /// <summary>The message is larger than the broker's <c>max_message_size</c>.</summary>
    TooLarge,
}

/// <summary>The broker neither confirmed nor refused: the broker may or may not have the message.</summary>
public sealed class NotConfirmedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Publishes bytes with any properties to any exchange of RabbitMQ, always mandatory, and returns the broker's answer.
/// Every call ends. A call that the broker does not answer within <see cref="MessagingOptions.ConfirmTimeout"/> fails,
/// and its connection is abandoned with all other calls on it, so that the next call begins on a new one.
/// </summary>
/// <remarks>
/// The publisher has its own connection beside the bus. Small messages share a channel, with many unconfirmed at a
/// time, because the broker handles and confirms them together. The client's own tracking would add a header to
/// messages of other publishers, and after a broker's restart it may never end. A publish is never cancelled: the
/// client would count wrongly afterwards.
/// </remarks>
public sealed partial class ConfirmedPublisher : IAsyncDisposable
{
    /// <summary>The largest message that shares a channel, in bytes. RabbitMQ closes the channel over a message that is
    /// larger than its <c>max_message_size</c>, 16 MiB by default. If that limit is lower than this number, the first
    /// message that is too large shows it.</summary>
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

    /// <summary>Publishes a message and waits for the broker's answer.</summary>
    /// <param name="exchange">The exchange; empty for the default one, which leads to the queue of the routing
    /// key.</param>
    /// <param name="routingKey">The routing key.</param>
    /// <param name="properties">The properties and headers of the message.</param>
    /// <param name="body">The body. It must not change until the call has ended.</param>
    /// <exception cref="NotConfirmedException">The broker is unavailable or does not answer.</exception>
    /// <exception cref="WireFormattingException">The type of a header's value does not exist in AMQP. Nothing was
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
                // The broker has closed the channel over this one message. The connection still works.
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
                    : $"The broker is unavailable: {exception.Message}",
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

    /// <returns><see langword="null"/> when the broker has closed the channel over one of its messages. Sending each
    /// message on a channel of its own shows which one it was.</returns>
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

    // A closed channel has the reason: 404 is a missing exchange. 406 on a publish means its size, because nothing else
    // of a publish has a precondition.
    private static PublishOutcome? OutcomeOf(Exception exception) =>
        (exception as OperationInterruptedException)?.ShutdownReason?.ReplyCode switch
        {
            Constants.NotFound => PublishOutcome.Unroutable,
            Constants.PreconditionFailed => PublishOutcome.TooLarge,
            _ => null,
        };

    [LoggerMessage(
        Level = LogLevel.Error, Message = "The broker at {Address} has not confirmed a message for {Timeout}; "
        + "the connection is abandoned for a new one")]
    private partial void LogNoAnswer(string address, TimeSpan timeout);
}
