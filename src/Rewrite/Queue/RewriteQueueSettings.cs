using System.ComponentModel.DataAnnotations;

namespace Tracking.Rewrite.Queue;

/// <summary>How the queue <c>rewrite</c> is consumed: <c>Tracking__Rewrite__Queue__…</c>.</summary>
public sealed class RewriteQueueSettings
{
    /// <summary>Messages rewritten at the same time by this process; 1 to 1,000, default 128. Each message mostly waits
    /// for a commit and for the broker, and the messages share both. With 128, two cores are almost always
    /// busy.</summary>
    [Range(1, 1_000)]
    public int Concurrency { get; set; } = 128;

    /// <summary>Messages fetched from the broker at a time, at least <see cref="Concurrency"/>; 1 to 2,000, default
    /// 256: twice <see cref="Concurrency"/>, because the broker delivers the next message only after it has stored an
    /// acknowledgement. Each fetched message is in memory. If many are larger than a megabyte, give the process more
    /// memory or fetch fewer.</summary>
    [Range(1, 2_000)]
    public int Prefetch { get; set; } = 256;

    /// <summary>Bytes of messages rewritten at the same time; waiting messages do not count. 1 MiB to 1 TiB, default 64
    /// MiB: one message of the largest size, or a thousand typical newsletters. Rewriting takes two to three times a
    /// message's size.</summary>
    [Range(1L << 20, 1L << 40)]
    public long MaxBytesAtOnce { get; set; } = 64 << 20;

    /// <summary>The largest body in the JSON form, decompressed and with its escapes; 1 kB to 1 GB and at least
    /// <see cref="RewriteOptions.MaxMessageBytes"/>, default 128 MiB: twice the default of that option, and the
    /// <c>max_message_size</c> of the broker in <c>deploy</c>. A larger body goes out unchanged.</summary>
    [Range(1024, 1 << 30)]
    public int MaxBodyBytes { get; set; } = 128 * 1024 * 1024;

    /// <summary>Failed attempts after which a message goes to <c>rewrite.dead</c>; 1 to 1,000, default 5: a message
    /// that fails five times, with a pause between, always fails. Failures because the store or the broker is
    /// unavailable do not count.</summary>
    [Range(1, 1_000)]
    public int MaxAttempts { get; set; } = 5;

    /// <summary>Deliveries after which a message goes to <c>rewrite.dead</c>, for any reason; 2 to 100,000, default 5.
    /// The first delivery is among other messages, the others are alone (queue <c>rewrite.alone</c>), so four processes
    /// or connections have ended over this one message. A process that stops in order does not count. Each end costs a
    /// restart, and Kubernetes doubles the wait before each restart, up to five minutes.</summary>
    [Range(2, 100_000)]
    public int MaxDeliveries { get; set; } = 5;

    /// <summary>The pause between attempts while messages are held: the store is unavailable, or <c>rewritten</c> is
    /// full; 10 ms to 1 min, default 1 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan HoldPause { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest time that messages are held while the store is unavailable, from the beginning of the
    /// outage. After it they go out untracked until the store answers again. 0 s to 25 min, default 15 min: a longer
    /// delay of the mail costs more than the clicks of its links, and RabbitMQ takes a message back after 30
    /// min.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:25:00")]
    public TimeSpan LongestHold { get; set; } = TimeSpan.FromMinutes(15);
}
