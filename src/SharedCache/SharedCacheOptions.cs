using System.ComponentModel.DataAnnotations;

namespace Tracking.SharedCache;

/// <summary>The use of the shared cache: <c>Tracking__SharedCache__…</c>. The cache exists if
/// <c>ConnectionStrings__redis</c> is set.</summary>
public sealed class SharedCacheOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "SharedCache";

    /// <summary>The longest time that a reader waits for an answer; 1 ms to 50 ms, default 50 ms: a hundred times the
    /// usual answer of a Redis in the same network, and less than a person notices. After one slower answer all readers
    /// do without the cache, until it answers within this time again.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:00:00.050")]
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest time for connecting; 100 ms to 1 min, default 2 s: a lost packet of the handshake is sent
    /// again after one. No reader waits for it. An open connection without answers is replaced after four times this
    /// time: longer than a Redis pauses to save, and shorter than TCP needs to notice that the other side is
    /// gone.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The pause before an unanswering cache is tried again in the background; 10 ms to 1 min, default 1 s:
    /// after a restart of Redis the cache serves reads again within two.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Values that wait to be written; further values are dropped. 100 to 1,000,000, default 4,096: the new
    /// links of some hundred newsletters, or 40 MB of the longest possible URLs.</summary>
    [Range(100, 1_000_000)]
    public int PendingWrites { get; set; } = 4_096;

    /// <summary>The time that a link stays in the cache; 1 min to 400 d, default 7 d: a link gets most of its clicks in
    /// its first days, and a later click costs one query. A link never changes, so this only limits Redis's
    /// memory.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "400.00:00:00")]
    public TimeSpan LinkAge { get; set; } = TimeSpan.FromDays(7);
}
