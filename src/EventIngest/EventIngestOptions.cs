using System.ComponentModel.DataAnnotations;

namespace Tracking.EventIngest;

/// <summary>How events are stored: <c>Tracking__EventIngest__…</c>.</summary>
public sealed class EventIngestOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "EventIngest";

    /// <summary>Batches stored at the same time by this process, 1 to 64, default 2: one prepares while another waits
    /// for its commit. Each takes two database connections.</summary>
    [Range(1, 64)]
    public int ConcurrentBatches { get; set; } = 2;

    /// <summary>Batches fetched from the queue ahead of being stored, 1 to 256, default 4: twice
    /// <see cref="ConcurrentBatches"/>. A batch is about a megabyte of memory.</summary>
    [Range(1, 256)]
    public int PrefetchedBatches { get; set; } = 4;

    /// <summary>The pause before the second attempt at a batch while the database is away, 10 ms to 30 s, default
    /// 200 ms; it doubles with every attempt.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:00:30")]
    public TimeSpan FirstRetry { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause between attempts, 100 ms to 5 min, default 30 s: the longest that the backlog waits
    /// after the database has come back.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan LongestRetry { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Attempts at a batch that fails for a reason other than the database, 1 to 100, default 5; then it is
    /// given back, so that a fault of this program never holds up other batches. The edge keeps it and sends it
    /// again.</summary>
    [Range(1, 100)]
    public int AttemptsAfterFault { get; set; } = 5;

    /// <summary>How far an event's id may be from its time, 1.1 s to 1 h, default 1.5 s. Both come from one reading of
    /// the edge's clock; only the edge keeping its ids in order may part them, by a second when its clock is set back,
    /// and rounding by a millisecond more: less than this would refuse good events.</summary>
    [Range(typeof(TimeSpan), "00:00:01.100", "01:00:00")]
    public TimeSpan LargestIdOffset { get; set; } = TimeSpan.FromSeconds(1.5);

    /// <summary>Months for which partitions are made ahead, 1 to 24, default 2: a database that nobody looks after for
    /// two months still has where to put its events.</summary>
    [Range(1, 24)]
    public int MonthsAhead { get; set; } = 2;

    /// <summary>How often partitions are looked after, 1 min to 7 days, default 1 day.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "7.00:00:00")]
    public TimeSpan PartitionInterval { get; set; } = TimeSpan.FromDays(1);

    /// <summary>How often keys of batches that their edge has forgotten are deleted, 1 s to 1 day, default 10 min; a
    /// busy edge makes about one key a second.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan PruneInterval { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long the order of storing is kept for programs that ask for events, 1 day to 400 days, default 30
    /// days: as long as deliveries of webhooks. It takes 16 bytes an event.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "400.00:00:00")]
    public TimeSpan OrderKeptFor { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How often what batches have counted is brought together, 50 ms to 1 min, default 1 s: the batches of a
    /// second count mostly the same, and a reader adds up no more than a second's.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:01:00")]
    public TimeSpan MergeInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often it is looked whether somebody has asked for counters to be rebuilt, 100 ms to 1 h, default
    /// 5 s: as long as a person waits for something to begin.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan RebuildInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest that making a partition may wait for a lock, 100 ms to 1 min, default 5 s: whoever wants to
    /// read or write the default partition waits behind it.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan LongestLockWait { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Upkeep that failed is tried again after this long, 1 s to 1 h, default 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan UpkeepRetry { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Sampled events of one batch that get a span, 0 to 5,000, default 100: enough to follow a click, and a
    /// burst does not drown the trace store.</summary>
    [Range(0, 5000)]
    public int SpansPerBatch { get; set; } = 100;
}
