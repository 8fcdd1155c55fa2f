using System.Runtime.ExceptionServices;
using System.Runtime.Serialization;
using System.Text.Json;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace Tracking.Bus;

/// <summary>
/// Handles deliveries of the bus that no consumer has handled. Unreadable messages go to the dead letters at once.
/// Failed messages return to their queue after a pause. An error queue is not used, because there a message would count
/// as acknowledged.
/// </summary>
/// <param name="queue">The queue of the deliveries.</param>
/// <param name="letters"><see langword="null"/> for a queue of one process, which has no dead letters: an unreadable
/// message is logged and dropped.</param>
/// <param name="pause">The pause before a failed message returns.</param>
/// <param name="logger">Logs dropped messages.</param>
internal sealed partial class ReturnOrBury(
    string queue, DeadLetters? letters, TimeSpan pause, ILogger<ReturnOrBury> logger)
    : IFilter<ReceiveContext>, IFilter<ExceptionReceiveContext>
{
    /// <inheritdoc/>
    public void Probe(ProbeContext context) => context.CreateFilterScope("return-or-bury");

    /// <summary>Handles a message whose type has no consumer.</summary>
    public Task Send(ReceiveContext context, IPipe<ReceiveContext> next) =>
        BuryAsync(context, "no consumer takes a message of this type");

    /// <summary>Handles a message that could not be read or consumed.</summary>
    public async Task Send(ExceptionReceiveContext context, IPipe<ExceptionReceiveContext> next)
    {
        if (context.Exception is SerializationException or JsonException)
        {
            await BuryAsync(context, "the message cannot be read");
            return;
        }

        // Without a pause, a message that fails at once would return again and again at full speed.
        await Task.Delay(pause, context.CancellationToken);
        await context.NotifyFaulted(context.Exception);
        ExceptionDispatchInfo.Throw(context.Exception);
    }

    private async Task BuryAsync(ReceiveContext context, string reason)
    {
        if (letters is null)
        {
            LogDropped(queue, reason);
        }
        else if (context.TryGetPayload<RabbitMqBasicConsumeContext>(out var delivery))
        {
            await letters.MoveAsync(queue, delivery.Properties, context.Body.GetBytes(), reason);
        }
        else
        {
            throw new InvalidOperationException("This is not a delivery of RabbitMQ.");
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A message of queue {Queue} is dropped: {Reason}")]
    private partial void LogDropped(string queue, string reason);
}
