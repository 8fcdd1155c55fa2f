using MassTransit;
using MassTransit.Context;
using MassTransit.Serialization;
using RabbitMQ.Client;

namespace Tracking.Bus;

/// <summary>No queue accepts the message, because its consumer has never run. The sender still has the
/// message.</summary>
public sealed class NoSuchQueueException(string queue) : Exception($"There is no queue '{queue}'.");

/// <summary>
/// Sends a bus message to a queue. Every call ends, over RabbitMQ at the latest after
/// <see cref="MessagingOptions.ConfirmTimeout"/>. The bus library's own send waits for an unavailable broker, and may
/// wait for ever even after the broker has returned.
/// </summary>
public sealed class SendToQueue(IBus bus, ConfirmedPublisher? publisher = null)
{
    private static readonly SystemTextJsonMessageSerializer _serializer = new();

    /// <summary>Sends a message, and waits until the queue has it.</summary>
    /// <param name="queue">The queue's name.</param>
    /// <param name="message">The message.</param>
    /// <typeparam name="T">The message's contract.</typeparam>
    /// <exception cref="NoSuchQueueException">Over RabbitMQ: no queue accepts the message.</exception>
    /// <exception cref="NotConfirmedException">The broker is unavailable, does not answer or refuses.</exception>
    public async Task SendAsync<T>(string queue, T message)
        where T : class
    {
        if (publisher is null)
        {
            var endpoint = await bus.GetSendEndpoint(Messaging.Queue(queue));
            await endpoint.Send(message, CancellationToken.None);
            return;
        }

        // Uses the bus's own envelope, so that consumers read the message like any other.
        var context = new MessageSendContext<T>(message)
        {
            MessageId = NewId.NextGuid(),
            DestinationAddress = new Uri($"queue:{queue}"),
            SourceAddress = bus.Address,
        };
        var properties = new BasicProperties
        {
            ContentType = _serializer.ContentType.ToString(),
            MessageId = context.MessageId.ToString(),
            DeliveryMode = DeliveryModes.Persistent,
        };
        var body = _serializer.GetMessageBody(context).GetBytes();
        switch (await publisher.PublishAsync("", queue, properties, body))
        {
            case PublishOutcome.Confirmed:
                return;
            case PublishOutcome.Unroutable:
                throw new NoSuchQueueException(queue);
            case var refused:
                throw new NotConfirmedException($"The broker did not accept a message for queue '{queue}': {refused}.");
        }
    }
}
