using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Tracking.Bus;

/// <summary>
/// Moves a message that cannot be handled to the queue <c>name.dead</c>, with the reason in a header, where the
/// operator finds it. The broker itself moves messages that were delivered too often, without a reason.
/// </summary>
public sealed partial class DeadLetters(ConfirmedPublisher publisher, ILogger<DeadLetters> logger)
{
    /// <summary>The header with the reason.</summary>
    public const string ReasonHeader = "tracking-dead-reason";

    private const string Suffix = ".dead";

    // Headers by which the broker routes or counts. They describe the finished delivery.
    private static readonly string[] _ofTheDelivery = ["CC", "BCC", "x-delivery-count"];

    /// <summary>The name of a queue's dead letters.</summary>
    public static string Of(string queue) => queue + Suffix;

    /// <summary>The queue whose dead letters a queue holds.</summary>
    /// <returns><see langword="null"/> for a name that <see cref="Of"/> does not return.</returns>
    public static string? Owner(string queue) =>
        queue.EndsWith(Suffix, StringComparison.Ordinal) ? queue[..^Suffix.Length] : null;

    /// <summary>Moves a message. Returns when the broker has it.</summary>
    /// <param name="queue">The message's queue.</param>
    /// <param name="properties">The original properties.</param>
    /// <param name="body">The original body.</param>
    /// <param name="reason">The reason for people: short, without the message's content.</param>
    /// <exception cref="NotConfirmedException">The broker has not accepted the message. It stays in its
    /// queue.</exception>
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

        // The broker checked the sender when the message arrived. Under our own name it would refuse another user's
        // name.
        copy.ClearUserId();
        copy.ClearExpiration();
        copy.Headers[ReasonHeader] = reason;
        var outcome = await publisher.PublishAsync("", Of(queue), copy, body);
        if (outcome != PublishOutcome.Confirmed)
        {
            throw new NotConfirmedException($"Queue '{Of(queue)}' does not accept dead letters: {outcome}.");
        }

        LogMoved(queue, reason);
    }

    [LoggerMessage(
        Level = LogLevel.Error, Message = "A message of queue {Queue} is moved to its dead letters: {Reason}")]
    private partial void LogMoved(string queue, string reason);
}
