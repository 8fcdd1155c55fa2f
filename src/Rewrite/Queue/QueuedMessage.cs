using RabbitMQ.Client;
using Tracking.Contracts;

namespace Tracking.Rewrite.Queue;

/// <summary>A delivery of the queue <c>rewrite</c> or <c>rewrite.alone</c>, with its original bytes.</summary>
/// <param name="Properties">The properties with the headers.</param>
/// <param name="Body">The body.</param>
public sealed record QueuedMessage(IReadOnlyBasicProperties Properties, ReadOnlyMemory<byte> Body)
{
    /// <summary>Our header with the number of failed attempts.</summary>
    internal const string FailuresHeader = "tracking-failures";

    private const string DeliveryCount = "x-delivery-count";

    /// <summary>Whether the broker delivers the message again. Only then the count in the headers is the broker's
    /// own.</summary>
    public bool IsRedelivered { get; init; }

    /// <summary>Whether the message comes from <see cref="QueueNames.RewriteAlone"/>.</summary>
    public bool IsAlone { get; init; }

    /// <summary>The number of deliveries so far. A message of <c>rewrite.alone</c> was delivered once more before,
    /// which is the reason why it is in that queue.</summary>
    internal int Deliveries => (IsRedelivered ? Count(DeliveryCount) : 0) + (IsAlone ? 2 : 1);

    /// <summary>The number of failed attempts.</summary>
    internal int Failures => Count(FailuresHeader);

    // The limit is far below the largest int, so additions do not overflow.
    private int Count(string header) =>
        Properties.Headers?.TryGetValue(header, out var count) == true
        ? count switch
        {
            long number => (int)Math.Clamp(number, 0, int.MaxValue / 2),
            int number => Math.Clamp(number, 0, int.MaxValue / 2),
            _ => 0,
        }
        : 0;
}
