namespace Tracking.Rewrite.Queue;

/// <summary>
/// When the queue <c>rewritten</c> was last found full. While it is, messages come back to us for no fault of theirs,
/// so how often they came says nothing.
/// </summary>
internal sealed class FullOutput(TimeProvider time)
{
    // RabbitMQ takes a delivery back after 30 minutes (consumer_timeout), with everything on its channel: twice that.
    private static readonly TimeSpan Window = TimeSpan.FromHours(1);

    private long _sawAt = long.MinValue;

    /// <summary>It refused a message.</summary>
    public void Saw() => Interlocked.Exchange(ref _sawAt, time.GetTimestamp());

    /// <summary>Whether deliveries of now may have come back because of it.</summary>
    public bool IsRecent => Interlocked.Read(ref _sawAt) is var sawAt and not long.MinValue
        && time.GetElapsedTime(sawAt) < Window;
}
