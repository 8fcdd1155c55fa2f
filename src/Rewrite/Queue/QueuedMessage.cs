using RabbitMQ.Client;
using Tracking.Contracts;

namespace Tracking.Rewrite.Queue;

/// <summary>A delivery of the queue <c>rewrite</c>, or <c>rewrite.alone</c>, its bytes as they came.</summary>
/// <param name="Properties">Properties and headers.</param>
/// <param name="Body">The body.</param>
public sealed record QueuedMessage(IReadOnlyBasicProperties Properties, ReadOnlyMemory<byte> Body)
{
    /// <summary>The header in which we count how often a message has failed.</summary>
    internal const string FailuresHeader = "tracking-failures";

    private const string DeliveryCount = "x-delivery-count";

    /// <summary>Whether the broker says that it delivered this before. Only then the count among the headers is the
    /// broker's own.</summary>
    public bool IsRedelivered { get; init; }

    /// <summary>Whether it comes from <see cref="QueueNames.RewriteAlone"/>.</summary>
    public bool IsAlone { get; init; }

    /// <summary>How many times it has been delivered by now. One that is worked on alone was delivered once more before,
    /// which is why.</summary>
    internal int Deliveries => (IsRedelivered ? Count(DeliveryCount) : 0) + (IsAlone ? 2 : 1);

    /// <summary>How many times it has failed.</summary>
    internal int Failures => Count(FailuresHeader);

    // Far below what an int holds: nothing that is added to it overflows.
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
