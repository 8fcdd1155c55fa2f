using RabbitMQ.Client;
using Tracking.Contracts;
using Tracking.ServiceDefaults;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Puts a message that has to wait for long back to the end of its queue, as a message of its own. Given back to the
/// broker it would be counted as delivered once more, until it counts as one that nobody survives.
/// </summary>
internal sealed class WaitInLine(ConfirmedPublisher publisher)
{
    /// <summary>Puts it there.</summary>
    /// <returns>Whether the queue has it; the delivery may then be acknowledged.</returns>
    /// <exception cref="NotConfirmedException">The broker is away.</exception>
    public async Task<bool> RunAsync(QueuedMessage delivery) =>
        await publisher.PublishAsync("", QueueNames.Rewrite, Properties(delivery.Properties), delivery.Body)
            == PublishOutcome.Confirmed;

    internal static BasicProperties Properties(IReadOnlyBasicProperties input)
    {
        var headers = new Dictionary<string, object?>(input.Headers ?? new Dictionary<string, object?>());
        foreach (var name in headers.Keys.Where(SendRewritten.IsOfTheDelivery).ToList())
        {
            headers.Remove(name);
        }

        // The broker would refuse another user's name under ours.
        var properties = new BasicProperties(input) { Headers = headers };
        properties.ClearUserId();
        return properties;
    }
}
