using System.ComponentModel.DataAnnotations;

namespace Tracking.Rewrite.Queue;

/// <summary>How the queue <c>rewrite</c> is consumed: <c>Tracking__Rewrite__Queue__…</c>.</summary>
public sealed class RewriteQueueSettings
{
    /// <summary>Messages rewritten at the same time by this process; 1 to 256, default 16. Each waits for a commit and
    /// for the broker most of its time; together they share the commit.</summary>
    [Range(1, 256)]
    public int Concurrency { get; set; } = 16;

    /// <summary>Messages fetched ahead of being rewritten; 1 to 1,000, default 32: twice
    /// <see cref="Concurrency"/>. Each is in memory, up to <c>MaxMessageBytes</c>.</summary>
    [Range(1, 1_000)]
    public int Prefetch { get; set; } = 32;

    /// <summary>How often a message may fail, other than by a store or broker that is away, before it goes to
    /// <c>rewrite.dead</c>; 1 to 1,000, default 5: what fails five times with a pause between fails always.</summary>
    [Range(1, 1_000)]
    public int MaxAttempts { get; set; } = 5;

    /// <summary>The pause between attempts while the store is unavailable; 10 ms to 1 min, default 1 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan StorePause { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest that a message is held while the store is unavailable; then it goes out untracked. 0 s to
    /// 25 min, default 15 min: mail that is later than that costs more than its links' clicks, and RabbitMQ takes a
    /// message back after 30 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:25:00")]
    public TimeSpan LongestHold { get; set; } = TimeSpan.FromMinutes(15);
}

/// <summary>What becomes of a message while its links cannot be registered.</summary>
public enum WhenStoreUnavailable
{
    /// <summary>It waits, up to <see cref="RewriteQueueSettings.LongestHold"/>.</summary>
    Wait,

    /// <summary>It goes out untracked at once.</summary>
    PassThrough,
}
