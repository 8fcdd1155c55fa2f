using System.Runtime.ExceptionServices;
using System.Runtime.Serialization;
using System.Text.Json;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace Tracking.Bus;

/// <summary>
/// What becomes of a delivery of the bus that no consumer has handled: unreadable ones go to the dead letters at once,
/// and whatever failed goes back to its queue after a pause. Never to an error queue, where it would lie acknowledged.
/// </summary>
/// <param name="queue">The queue of the deliveries.</param>
/// <param name="letters"><see langword="null"/> for a queue of one process, which has no dead letters: what it cannot
/// read is said and dropped.</param>
/// <param name="pause">Before what failed goes back.</param>
/// <param name="logger">Hears of what is dropped.</param>
internal sealed partial class ReturnOrBury(
    string queue, DeadLetters? letters, TimeSpan pause, ILogger<ReturnOrBury> logger)
    : IFilter<ReceiveContext>, IFilter<ExceptionReceiveContext>
{
    /// <inheritdoc/>
    public void Probe(ProbeContext context) => context.CreateFilterScope("return-or-bury");

    /// <summary>Nobody here consumes its type.</summary>
    public Task Send(ReceiveContext context, IPipe<ReceiveContext> next) =>
        BuryAsync(context, "no consumer takes a message of this type");

    /// <summary>Reading or consuming it failed.</summary>
    public async Task Send(ExceptionReceiveContext context, IPipe<ExceptionReceiveContext> next)
    {
        if (context.Exception is SerializationException or JsonException)
        {
            await BuryAsync(context, "the message cannot be read");
            return;
        }

        // Otherwise a message that fails at once would come back at once, as fast as the machine can.
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
