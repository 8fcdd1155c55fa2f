using System.ComponentModel.DataAnnotations;

namespace Tracking.SharedCache;

/// <summary>How the shared cache is used: <c>Tracking__SharedCache__…</c>. It is there when
/// <c>ConnectionStrings__redis</c> is set.</summary>
public sealed class SharedCacheOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "SharedCache";

    /// <summary>The longest that a reader waits for an answer; 1 ms to 50 ms, default 50 ms: a hundred times what a
    /// Redis in the same network takes, and less than a person notices. The first one that takes longer makes everybody
    /// go without the cache until it answers again within this time.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:00:00.050")]
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest that connecting takes; 100 ms to 1 min, default 2 s: a lost packet of the handshake is sent
    /// again after one. Nobody waits for it. A connection that is open but answers nothing is made anew after four times
    /// as long: longer than a Redis stands still to save, shorter than TCP needs to notice that the other side is
    /// gone.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The pause before a cache that did not answer is tried again, in the background; 10 ms to 1 min, default
    /// 1 s: after a restart of Redis the database is spared again within two.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Values waiting to be written, beyond which new ones are dropped; 100 to 1,000,000, default 4,096: the
    /// new links of some hundred newsletters, 40 MB if every one had the longest URL there is.</summary>
    [Range(100, 1_000_000)]
    public int PendingWrites { get; set; } = 4_096;

    /// <summary>How long a link stays in the cache; 1 min to 400 d, default 7 d: a link gets most of its clicks in its
    /// first days, and what comes later costs one query. It never changes, so this only bounds Redis's
    /// memory.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "400.00:00:00")]
    public TimeSpan LinkAge { get; set; } = TimeSpan.FromDays(7);
}
