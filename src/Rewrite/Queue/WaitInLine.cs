using RabbitMQ.Client;
using Tracking.Bus;
using Tracking.Contracts;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Puts an unfinished message at the end of a queue, as a new message. If the message were given back to the broker,
/// the broker would count another delivery, until the count sends the message to the dead letters.
/// </summary>
internal sealed class WaitInLine(ConfirmedPublisher publisher)
{
    /// <summary>Puts a message that has to wait long at the end of <c>rewrite</c>.</summary>
    /// <returns>Whether the queue has the message. The delivery may then be acknowledged.</returns>
    /// <exception cref="NotConfirmedException">The broker is unavailable.</exception>
    public Task<bool> RunAsync(QueuedMessage delivery) => PutAsync(QueueNames.Rewrite, delivery, delivery.Failures);

    /// <summary>Does the same as <see cref="RunAsync"/>, for a message that has failed once more.</summary>
    public Task<bool> AgainAsync(QueuedMessage delivery) =>
        PutAsync(QueueNames.Rewrite, delivery, delivery.Failures + 1);

    /// <summary>Puts a message at the end of <c>rewrite.alone</c>: a process may have ended over it.</summary>
    public Task<bool> ApartAsync(QueuedMessage delivery) =>
        PutAsync(QueueNames.RewriteAlone, delivery, delivery.Failures);

    internal static BasicProperties Properties(IReadOnlyBasicProperties input, int failures = 0)
    {
        var headers = new Dictionary<string, object?>(input.Headers ?? new Dictionary<string, object?>());
        foreach (var name in headers.Keys.Where(SendRewritten.IsOfTheDelivery).ToList())
        {
            headers.Remove(name);
        }

        if (failures > 0)
        {
            headers[QueuedMessage.FailuresHeader] = failures;
        }

        // The broker refuses a message with another user's name.
        var properties = new BasicProperties(input) { Headers = headers };
        properties.ClearUserId();
        return properties;
    }

    private async Task<bool> PutAsync(string queue, QueuedMessage delivery, int failures) =>
        await publisher.PublishAsync("", queue, Properties(delivery.Properties, failures), delivery.Body)
            == PublishOutcome.Confirmed;
}
