using System.ComponentModel.DataAnnotations;

namespace Tracking.Rewrite.Queue;

/// <summary>How the queue <c>rewrite</c> is consumed: <c>Tracking__Rewrite__Queue__…</c>.</summary>
public sealed class RewriteQueueSettings
{
    /// <summary>Messages rewritten at the same time by this process; 1 to 1,000, default 128. Each waits for a commit and
    /// for the broker most of its time, and together they share both: with this many, two cores have little left to
    /// wait for.</summary>
    [Range(1, 1_000)]
    public int Concurrency { get; set; } = 128;

    /// <summary>Messages fetched from the broker at a time, at least <see cref="Concurrency"/>; 1 to 2,000, default 256:
    /// twice that, because the broker hands over the next one only when it has written down that one has gone. Each is
    /// in memory: where many are larger than a megabyte, give the process more of it or fetch fewer.</summary>
    [Range(1, 2_000)]
    public int Prefetch { get; set; } = 256;

    /// <summary>Bytes of messages rewritten at the same time, beside those that wait for their turn; 1 MiB to 1 TiB,
    /// default 64 MiB: one of the largest, or a thousand as newsletters are. Rewriting takes two to three times a
    /// message's size.</summary>
    [Range(1L << 20, 1L << 40)]
    public long MaxBytesAtOnce { get; set; } = 64 << 20;

    /// <summary>The largest body in the JSON form, decompressed and with its escapes; 1 kB to 1 GB and at least
    /// <see cref="RewriteOptions.MaxMessageBytes"/>, default 128 MiB: twice that one's default, as with the
    /// <c>max_message_size</c> of the broker in <c>deploy</c>. A larger one goes out as it came.</summary>
    [Range(1024, 1 << 30)]
    public int MaxBodyBytes { get; set; } = 128 * 1024 * 1024;

    /// <summary>How often a message may fail, other than by a store or broker that is away, before it goes to
    /// <c>rewrite.dead</c>; 1 to 1,000, default 5: what fails five times with a pause between fails always.</summary>
    [Range(1, 1_000)]
    public int MaxAttempts { get; set; } = 5;

    /// <summary>How often a message may be delivered, for whatever reason, before it goes to <c>rewrite.dead</c>; 2 to
    /// 100,000, default 5: the first time among others, and then alone (queue <c>rewrite.alone</c>), so that four
    /// processes or connections have ended over this one. A process that stops in order is not counted. Each end costs a
    /// restart, and Kubernetes waits twice as long before each, for five minutes in the end.</summary>
    [Range(2, 100_000)]
    public int MaxDeliveries { get; set; } = 5;

    /// <summary>The pause between attempts while messages are held: the store is unavailable, or <c>rewritten</c> is
    /// full; 10 ms to 1 min, default 1 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan HoldPause { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest that messages are held while the store is unavailable, from the beginning of the outage;
    /// then they go out untracked, until the store answers again. 0 s to 25 min, default 15 min: mail that is later than
    /// that costs more than its links' clicks, and RabbitMQ takes a message back after 30 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:25:00")]
    public TimeSpan LongestHold { get; set; } = TimeSpan.FromMinutes(15);
}

/// <summary>What becomes of a message while its links cannot be registered.</summary>
public enum WhenStoreUnavailable
{
    /// <summary>It waits, <see cref="RewriteQueueSettings.LongestHold"/> at the longest.</summary>
    Wait,

    /// <summary>It goes out untracked at once.</summary>
    PassThrough,
}
