namespace Tracking.Rewrite.Queue;

/// <summary>
/// Remembers when the queue <c>rewritten</c> was last full. While it is full, messages return without a fault of their
/// own, so the number of their deliveries has no meaning.
/// </summary>
internal sealed class FullOutput(TimeProvider time)
{
    // Twice the 30 minutes after which RabbitMQ takes a delivery back (consumer_timeout), with every delivery of its
    // channel.
    private static readonly TimeSpan _window = TimeSpan.FromHours(1);

    private long _sawAt = long.MinValue;

    /// <summary>Notes that the queue refused a message.</summary>
    public void Saw() => Interlocked.Exchange(ref _sawAt, time.GetTimestamp());

    /// <summary>Whether current deliveries may have returned because the queue was full.</summary>
    public bool IsRecent => Interlocked.Read(ref _sawAt) is var sawAt and not long.MinValue
        && time.GetElapsedTime(sawAt) < _window;
}
