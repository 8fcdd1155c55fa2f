using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Tracking.Bus;

/// <summary>
/// Puts a message that cannot be handled where its operator finds it: <c>name.dead</c>, with the reason in a header.
/// The broker itself moves there, without a reason, what was delivered too often.
/// </summary>
public sealed partial class DeadLetters(ConfirmedPublisher publisher, ILogger<DeadLetters> logger)
{
    /// <summary>The header that says why.</summary>
    public const string ReasonHeader = "tracking-dead-reason";

    private const string Suffix = ".dead";

    // Headers by which the broker routes or counts: they spoke of the delivery that ends here.
    private static readonly string[] _ofTheDelivery = ["CC", "BCC", "x-delivery-count"];

    /// <summary>Where the dead letters of a queue are.</summary>
    public static string Of(string queue) => queue + Suffix;

    /// <summary>Whose dead letters a queue holds.</summary>
    /// <returns><see langword="null"/> when its name is not one of <see cref="Of"/>.</returns>
    public static string? Owner(string queue) =>
        queue.EndsWith(Suffix, StringComparison.Ordinal) ? queue[..^Suffix.Length] : null;

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
