using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Tracking.Bus;

/// <summary>
/// A channel in confirm mode that tracks the answer to each message without a header in the message: confirms contain
/// the message's number on the channel, and a return contains the whole message.
/// </summary>
#pragma warning disable CA1001 // A semaphore without a wait handle holds no resource to dispose.
internal sealed class PublisherChannel
#pragma warning restore CA1001
{
    private readonly IChannel _channel;
    private readonly SemaphoreSlim _publishing = new(1, 1);
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Outstanding> _outstanding = [];
    private ulong _oldest = 1;
    private ulong _last;

    public PublisherChannel(IChannel channel)
    {
        _channel = channel;
        channel.BasicReturnAsync += OnReturn;
        channel.BasicAcksAsync += OnAck;
        channel.BasicNacksAsync += OnNack;
        channel.ChannelShutdownAsync += OnShutdown;
    }

    public bool IsOpen => _channel.IsOpen;

    /// <summary>Publishes a message. The task ends with the broker's answer, or when the channel is closed.</summary>
    public async Task<PublishOutcome> PublishAsync(
        string exchange, string routingKey, BasicProperties properties, ReadOnlyMemory<byte> body)
    {
        var message = new Outstanding(exchange, routingKey, properties, body);
        await _publishing.WaitAsync();
        try
        {
            // Numbers are given in the order of publishing (RabbitMQ, publisher confirms).
            lock (_gate)
            {
                _outstanding.Add(++_last, message);
            }

            if (_channel.CloseReason is { } closed)
            {
                throw new AlreadyClosedException(closed);
            }

            await _channel.BasicPublishAsync(exchange, routingKey, mandatory: true, properties, body);
        }
        catch
        {
            // Nothing was sent, so the next message gets this number.
            lock (_gate)
            {
                _outstanding.Remove(_last--);
            }

            throw;
        }
        finally
        {
            _publishing.Release();
        }

        return await message.Outcome;
    }

    /// <summary>Frees the channel after the broker has closed it.</summary>
    public void Abandon() => _ = Task.Run(async () => await _channel.DisposeAsync());

    // The return of a message always precedes its confirm (RabbitMQ, publisher confirms). Of several equal messages the
    // oldest counts as the returned one.
    private Task OnReturn(object sender, BasicReturnEventArgs returned)
    {
        lock (_gate)
        {
            for (var number = _oldest; number <= _last; number++)
            {
                if (_outstanding.TryGetValue(number, out var message) && message.TryReturn(returned))
                {
                    break;
                }
            }
        }

        return Task.CompletedTask;
    }

    private Task OnAck(object sender, BasicAckEventArgs confirm)
    {
        End(confirm.DeliveryTag, confirm.Multiple, PublishOutcome.Confirmed);
        return Task.CompletedTask;
    }

    private Task OnNack(object sender, BasicNackEventArgs refusal)
    {
        End(refusal.DeliveryTag, refusal.Multiple, PublishOutcome.Refused);
        return Task.CompletedTask;
    }

    private void End(ulong number, bool andOlder, PublishOutcome outcome)
    {
        lock (_gate)
        {
            for (var each = andOlder ? _oldest : number; each <= number; each++)
            {
                if (_outstanding.Remove(each, out var message))
                {
                    message.End(outcome);
                }
            }

            while (_oldest <= _last && !_outstanding.ContainsKey(_oldest))
            {
                _oldest++;
            }
        }
    }

    private Task OnShutdown(object sender, ShutdownEventArgs reason)
    {
        lock (_gate)
        {
            foreach (var message in _outstanding.Values)
            {
                message.Fail(new AlreadyClosedException(reason));
            }

            _outstanding.Clear();
        }

        return Task.CompletedTask;
    }

    private sealed class Outstanding(
        string exchange, string routingKey, BasicProperties properties, ReadOnlyMemory<byte> body)
    {
        private readonly TaskCompletionSource<PublishOutcome> _outcome =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        private bool _isReturned;

        public Task<PublishOutcome> Outcome => _outcome.Task;

        /// <summary>Marks the message as returned if the return belongs to it.</summary>
        public bool TryReturn(BasicReturnEventArgs returned) => !_isReturned
            && returned.RoutingKey == routingKey
            && returned.Exchange == exchange
            && returned.BasicProperties.MessageId == properties.MessageId
            && returned.BasicProperties.CorrelationId == properties.CorrelationId
            && returned.Body.Span.SequenceEqual(body.Span)
            && (_isReturned = true);

        public void End(PublishOutcome outcome) =>
            _outcome.TrySetResult(_isReturned ? PublishOutcome.Unroutable : outcome);

        public void Fail(Exception exception) => _outcome.TrySetException(exception);
    }
}
