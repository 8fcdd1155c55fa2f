using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Tracking.Bus;

/// <summary>
/// The bus over RabbitMQ, 3.10 to 4.x. Every queue that stores messages is a quorum queue. It refuses messages when it
/// is full, moves messages that it gives up to <c>name.dead</c>, and never deletes a message by itself.
/// </summary>
internal static class RabbitBus
{
    private const string QueueType = "x-queue-type";

    /// <summary>Configures MassTransit.</summary>
    public static void Use(IBusRegistrationConfigurator bus, RabbitAddress address) =>
        bus.UsingRabbitMq((context, transport) =>
        {
            var options = context.GetRequiredService<IOptions<MessagingOptions>>().Value;
            var stopping = context.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
            var broker = context.GetRequiredService<AwaitBroker>();
            var parts = address.Parts;
            transport.Host(parts.HostName, (ushort)parts.Port, parts.VirtualHost, host =>
            {
                host.Username(parts.UserName);
                host.Password(parts.Password);
                host.ContinuationTimeout(parts.ContinuationTimeout);
                host.OnRefreshConnectionFactory = async factory =>
                {
                    address.Apply(factory, options.Heartbeat);
                    await broker.UntilItAnswersAsync(stopping);
                };
            });

            foreach (var endpoint in context.GetServices<BusEndpoint>())
            {
                transport.ReceiveEndpoint(endpoint.Name, queue =>
                {
                    Declare(queue, endpoint, options);
                    var ending = new ReturnOrBury(
                        endpoint.DeadLettersOf,
                        endpoint.HasDeadLetters ? context.GetRequiredService<DeadLetters>() : null,
                        options.ReconnectPause,
                        context.GetRequiredService<ILogger<ReturnOrBury>>());
                    queue.ConfigureDeadLetter(pipe => pipe.UseFilter(ending));
                    queue.ConfigureError(pipe => pipe.UseFilter(ending));

                    // The faults that the bus would publish contain the message, and no program consumes them.
                    queue.PublishFaults = false;
                    endpoint.Configure(context, queue);
                });
            }
        });

    private static void Declare(
        IRabbitMqReceiveEndpointConfigurator queue, BusEndpoint endpoint, MessagingOptions options)
    {
        if (endpoint.IsTemporary)
        {
            // The type is explicit, because quorum queues may be the default of a virtual host. The queue is not
            // exclusive, because an unnoticed broken connection would lock out its successor. It is not transient,
            // because RabbitMQ 4 deprecates that. Only the exchange in front of the queue is auto-delete. The queue
            // itself expires, so it outlives a broken connection.
            queue.SetQueueArgument(QueueType, "classic");
            queue.AutoDelete = true;
            queue.QueueExpiration = TimeSpan.FromMinutes(1);
            return;
        }

        Limit(queue, options);
        if (endpoint.IsOwned)
        {
            // No dead letters: the owner requests lost messages again, and dead letters would outlive the owner.
            queue.QueueExpiration = options.OwnedQueueExpiry;
            return;
        }

        // Each call also sets this endpoint's dead letters. The endpoint's own call comes last, so its setting wins.
        foreach (var output in endpoint.Outputs)
        {
            var lost = DeadLetters.Of(output);
            queue.BindDeadLetterQueue(lost, lost, letters => Limit(letters, options));
            queue.BindDeadLetterQueue(output, output, written =>
            {
                Limit(written, options);
                LeadTo(written, lost);
            });
        }

        var dead = DeadLetters.Of(endpoint.DeadLettersOf);
        queue.BindDeadLetterQueue(dead, dead, letters => Limit(letters, options));
        LeadTo(queue, dead);
    }

    private static void LeadTo(IRabbitMqQueueConfigurator queue, string deadLetters)
    {
        queue.SetQueueArgument("x-dead-letter-exchange", deadLetters);
        queue.SetQueueArgument("x-dead-letter-strategy", "at-least-once");
    }

    private static void Limit(IRabbitMqQueueConfigurator queue, MessagingOptions options)
    {
        queue.SetQuorumQueue();
        queue.SetQueueArgument("x-overflow", "reject-publish");
        queue.SetQueueArgument("x-max-length-bytes", options.MaxQueueBytes);
        queue.SetQueueArgument("x-delivery-limit", options.DeliveryLimit);
    }
}
