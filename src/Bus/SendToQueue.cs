using MassTransit;
using MassTransit.Context;
using MassTransit.Serialization;
using RabbitMQ.Client;

namespace Tracking.Bus;

/// <summary>No queue takes the message: its consumer has never run. The sender still has it.</summary>
public sealed class NoSuchQueueException(string queue) : Exception($"There is no queue '{queue}'.");

/// <summary>
/// Sends a bus message to a queue. Every call ends, with RabbitMQ after <see cref="MessagingOptions.ConfirmTimeout"/>
/// at the latest; the bus library's own send stays with a broker that is away, and may stay for ever with one that
/// came back.
/// </summary>
public sealed class SendToQueue(IBus bus, ConfirmedPublisher? publisher = null)
{
    private static readonly SystemTextJsonMessageSerializer _serializer = new();

    /// <summary>Sends, and waits until the queue has the message.</summary>
    /// <param name="queue">The queue's name.</param>
    /// <param name="message">The message.</param>
    /// <typeparam name="T">Its contract.</typeparam>
    /// <exception cref="NoSuchQueueException">Over RabbitMQ: nothing takes it.</exception>
    /// <exception cref="NotConfirmedException">The broker is away, does not answer or refuses.</exception>
    public async Task SendAsync<T>(string queue, T message)
        where T : class
    {
        if (publisher is null)
        {
            var endpoint = await bus.GetSendEndpoint(Messaging.Queue(queue));
            await endpoint.Send(message, CancellationToken.None);
            return;
        }

        // In the envelope that the bus itself writes, so that its consumers read it as any other.
        var context = new MessageSendContext<T>(message)
        {
            MessageId = NewId.NextGuid(), DestinationAddress = new Uri($"queue:{queue}"), SourceAddress = bus.Address,
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
                throw new NotConfirmedException($"The broker did not take a message for queue '{queue}': {refused}.");
        }
    }
}
