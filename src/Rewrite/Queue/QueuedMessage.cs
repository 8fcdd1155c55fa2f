using RabbitMQ.Client;

namespace Tracking.Rewrite.Queue;

/// <summary>A delivery of the queue <c>rewrite</c>, its bytes as they came.</summary>
/// <param name="Properties">Properties and headers.</param>
/// <param name="Body">The body.</param>
public sealed record QueuedMessage(IReadOnlyBasicProperties Properties, ReadOnlyMemory<byte> Body)
{
    private const string DeliveryCount = "x-delivery-count";

    /// <summary>Whether the broker says that it delivered this before. Only then the count among the headers is the
    /// broker's own.</summary>
    public bool IsRedelivered { get; init; }

    /// <summary>How many times it has been given back to its queue, by this program or by its end.</summary>
    internal int EarlierDeliveries =>
        IsRedelivered && Properties.Headers?.TryGetValue(DeliveryCount, out var count) == true
        ? count switch
        {
            long number => (int)Math.Clamp(number, 0, int.MaxValue),
            int number => Math.Max(number, 0),
            _ => 0,
        }
        : 0;
}
