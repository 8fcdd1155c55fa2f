using RabbitMQ.Client;
using Tracking.Bus;
using Tracking.Contracts;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Puts a message that is not done with to the end of a queue, as a message of its own. Given back to the broker it
/// would be counted as delivered once more, until it counts as one that nobody survives.
/// </summary>
internal sealed class WaitInLine(ConfirmedPublisher publisher)
{
    /// <summary>Puts it to the end of <c>rewrite</c>: it has to wait for long.</summary>
    /// <returns>Whether the queue has it; the delivery may then be acknowledged.</returns>
    /// <exception cref="NotConfirmedException">The broker is away.</exception>
    public Task<bool> RunAsync(QueuedMessage delivery) => PutAsync(QueueNames.Rewrite, delivery, delivery.Failures);

    /// <summary>As <see cref="RunAsync"/>, because it has failed once more.</summary>
    public Task<bool> AgainAsync(QueuedMessage delivery) => PutAsync(QueueNames.Rewrite, delivery, delivery.Failures + 1);

    /// <summary>Puts it to the end of <c>rewrite.alone</c>: a process may have ended over it.</summary>
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

        // The broker would refuse another user's name under ours.
        var properties = new BasicProperties(input) { Headers = headers };
        properties.ClearUserId();
        return properties;
    }

    private async Task<bool> PutAsync(string queue, QueuedMessage delivery, int failures) =>
        await publisher.PublishAsync("", queue, Properties(delivery.Properties, failures), delivery.Body)
            == PublishOutcome.Confirmed;
}
