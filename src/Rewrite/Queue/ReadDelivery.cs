using System.Diagnostics.CodeAnalysis;
using System.Net.Mime;
using System.Text;
using MassTransit;
using MassTransit.Metadata;
using MassTransit.Serialization;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Passes a delivery to the consumer unchanged. It needs no envelope, no base64, and no particular header or property,
/// because publishers do not know the bus.
/// </summary>
internal sealed class ReadDelivery : IMessageDeserializer, ISerializerFactory
{
    /// <summary>The content type that the bus uses for mail. Deliveries of every other type come here too.</summary>
    public ContentType ContentType { get; } = new("message/rfc822");

    /// <summary>Configures a queue to read every delivery in this way.</summary>
    public static void Use(IReceiveEndpointConfigurator queue)
    {
        var reader = new ReadDelivery();
        queue.ClearSerialization();
        queue.AddSerializer(reader);
        queue.AddDeserializer(reader, isDefault: true);

        // Otherwise the bus would bind an exchange, named after our class, to the queue.
        queue.ConfigureConsumeTopology = false;
    }

    public IMessageSerializer CreateSerializer() => new NothingIsSent(ContentType);

    public IMessageDeserializer CreateDeserializer() => this;

    public void Probe(ProbeContext context) => context.CreateScope("mail");

    public ConsumeContext Deserialize(ReceiveContext receiveContext)
    {
        var delivery = receiveContext.TryGetPayload<RabbitMqBasicConsumeContext>(out var rabbit)
            ? new QueuedMessage(rabbit.Properties, receiveContext.Body.GetBytes())
            {
                IsRedelivered = receiveContext.Redelivered,
            }
            : throw new NotSupportedException("Mail can only arrive over RabbitMQ.");
        return new BodyConsumeContext(
            receiveContext, new DeliveryContext(new NoMessageContext(receiveContext.InputAddress), delivery));
    }

    public SerializerContext Deserialize(MessageBody body, Headers headers, Uri? destinationAddress = null) =>
        throw new NotSupportedException("Mail can only be read from deliveries.");

    public MessageBody GetMessageBody(string text) => new BytesMessageBody(Encoding.UTF8.GetBytes(text));

    /// <summary>Tells the bus that the message is a <see cref="QueuedMessage"/>.</summary>
    private sealed class DeliveryContext(MessageContext context, QueuedMessage delivery)
        : BaseSerializerContext(SystemTextJsonMessageSerializer.Instance, context, [])
    {
        public override bool IsSupportedMessageType<T>() => typeof(T) == typeof(QueuedMessage);

        public override bool IsSupportedMessageType(Type messageType) => messageType == typeof(QueuedMessage);

        public override bool TryGetMessage<T>([NotNullWhen(true)] out T? message)
            where T : class
        {
            message = delivery as T;
            return message is not null;
        }

        public override bool TryGetMessage(Type messageType, [NotNullWhen(true)] out object? message)
        {
            message = messageType == typeof(QueuedMessage) ? delivery : null;
            return message is not null;
        }

        public override IMessageSerializer GetMessageSerializer() => SystemTextJsonMessageSerializer.Instance;

        public override IMessageSerializer GetMessageSerializer<T>(MessageEnvelope envelope, T message) =>
            SystemTextJsonMessageSerializer.Instance;

        public override IMessageSerializer GetMessageSerializer(object message, string[] messageTypes) =>
            SystemTextJsonMessageSerializer.Instance;

        public override Dictionary<string, object> ToDictionary<T>(T? message)
            where T : class => [];
    }

    /// <summary>Empty values for the bus's own fields: a publisher's headers of the same names are not meant for the
    /// bus.</summary>
    private sealed class NoMessageContext(Uri input) : MessageContext
    {
        public Guid? MessageId => null;

        public Guid? RequestId => null;

        public Guid? CorrelationId => null;

        public Guid? ConversationId => null;

        public Guid? InitiatorId => null;

        public DateTime? ExpirationTime => null;

        public Uri? SourceAddress => null;

        public Uri? DestinationAddress => input;

        public Uri? ResponseAddress => null;

        public Uri? FaultAddress => null;

        public DateTime? SentTime => null;

        public Headers Headers { get; } = new DictionarySendHeaders();

        public HostInfo Host => HostMetadataCache.Empty;
    }

    private sealed class NothingIsSent(ContentType contentType) : IMessageSerializer
    {
        public ContentType ContentType => contentType;

        public MessageBody GetMessageBody<T>(SendContext<T> context)
            where T : class => throw new NotSupportedException("Only SendRewritten sends mail.");
    }
}
