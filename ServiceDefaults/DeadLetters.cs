using System.Runtime.Serialization;
using System.Text.Json;
using MassTransit;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Tracking.ServiceDefaults;

/// <summary>
/// Puts a message that cannot be handled where its operator finds it: <c>name.dead</c>, with the reason in a header.
/// The broker itself moves there, without a reason, what was delivered too often.
/// </summary>
public sealed partial class DeadLetters(ConfirmedPublisher publisher, ILogger<DeadLetters> logger)
{
    /// <summary>The header that says why.</summary>
    public const string ReasonHeader = "tracking-dead-reason";

    // Headers by which the broker routes or counts: they spoke of the delivery that ends here.
    private static readonly string[] _ofTheDelivery = ["CC", "BCC", "x-delivery-count"];

    /// <summary>Where the dead letters of a queue are.</summary>
    public static string Of(string queue) => $"{queue}.dead";

    /// <summary>Moves a message; returns when the broker has it there.</summary>
    /// <param name="queue">The queue that it came on.</param>
    /// <param name="properties">As it came.</param>
    /// <param name="body">As it came.</param>
    /// <param name="reason">For a person: short, nothing of the message's content.</param>
    /// <exception cref="NotConfirmedException">The broker has not taken it: it stays where it is.</exception>
    public async Task MoveAsync(
        string queue, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, string reason)
    {
        var copy = new BasicProperties(properties)
        {
            Headers = new Dictionary<string, object?>(properties.Headers ?? new Dictionary<string, object?>()),
            DeliveryMode = DeliveryModes.Persistent,
        };
        foreach (var header in _ofTheDelivery)
        {
            copy.Headers.Remove(header);
        }

        // Whoever sent it was checked when it came; under our own name the broker would refuse it.
        copy.ClearUserId();
        copy.ClearExpiration();
        copy.Headers[ReasonHeader] = reason;
        var outcome = await publisher.PublishAsync("", Of(queue), copy, body);
        if (outcome != PublishOutcome.Confirmed)
        {
            throw new NotConfirmedException($"Queue '{Of(queue)}' does not take dead letters: {outcome}.");
        }

        LogMoved(queue, reason);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A message of queue {Queue} is moved to its dead letters: {Reason}")]
    private partial void LogMoved(string queue, string reason);
}

/// <summary>
/// What becomes of a delivery of the bus that no consumer has handled: unreadable ones go to the dead letters at once,
/// and whatever failed goes back to its queue after a pause. Never to an error queue, where it would lie acknowledged.
/// </summary>
internal sealed class ReturnOrBury(string queue, DeadLetters letters, TimeSpan pause)
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
        System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(context.Exception);
    }

    private Task BuryAsync(ReceiveContext context, string reason) =>
        context.TryGetPayload<RabbitMqBasicConsumeContext>(out var delivery)
            ? letters.MoveAsync(queue, delivery.Properties, context.Body.GetBytes(), reason)
            : throw new InvalidOperationException("This is not a delivery of RabbitMQ.");
}
