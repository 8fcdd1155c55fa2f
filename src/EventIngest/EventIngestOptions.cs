using System.ComponentModel.DataAnnotations;

namespace Tracking.EventIngest;

/// <summary>How events are stored: <c>Tracking__EventIngest__…</c>.</summary>
public sealed class EventIngestOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "EventIngest";

    /// <summary>Batches that this process stores at the same time, 1 to 64, default 2: one batch is prepared while
    /// another waits for its commit. Each batch takes two database connections.</summary>
    [Range(1, 64)]
    public int ConcurrentBatches { get; set; } = 2;

    /// <summary>Batches that are fetched from the queue in advance, 1 to 256, default 4: twice
    /// <see cref="ConcurrentBatches"/>. A batch takes about one megabyte of memory.</summary>
    [Range(1, 256)]
    public int PrefetchedBatches { get; set; } = 4;

    /// <summary>The pause before the second attempt to store a batch while the database is unavailable, 10 ms to 30 s,
    /// default 200 ms. The pause doubles with every attempt.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:00:30")]
    public TimeSpan FirstRetry { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause between attempts, 100 ms to 5 min, default 30 s: the longest time that the backlog
    /// waits after the database is available again.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan LongestRetry { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Attempts to store a batch that fails for a reason other than the database, 1 to 100, default 5. After
    /// the last attempt the batch goes back to the queue, so that a fault of this program never blocks other batches.
    /// The edge keeps the batch and sends it again.</summary>
    [Range(1, 100)]
    public int AttemptsAfterFault { get; set; } = 5;

    /// <summary>The largest difference between the time in an event's id and the event's time, 1.1 s to 1 h, default
    /// 1.5 s. Both come from one reading of the edge's clock. They differ by up to 1 s when the clock was set back,
    /// because the edge keeps its ids in order, and by 1 ms because of rounding. A smaller value would refuse good
    /// events.</summary>
    [Range(typeof(TimeSpan), "00:00:01.100", "01:00:00")]
    public TimeSpan LargestIdOffset { get; set; } = TimeSpan.FromSeconds(1.5);

    /// <summary>Months for which partitions are created in advance, 1 to 24, default 2: a database that is left alone
    /// for two months can still store its events.</summary>
    [Range(1, 24)]
    public int MonthsAhead { get; set; } = 2;

    /// <summary>How often missing partitions are created, 1 min to 7 days, default 1 day.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "7.00:00:00")]
    public TimeSpan PartitionInterval { get; set; } = TimeSpan.FromDays(1);

    /// <summary>How often the keys of batches that their edge has forgotten are deleted, 1 s to 1 day, default 10 min.
    /// A busy edge makes about one key a second.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan PruneInterval { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long the storage order is kept for programs that read events in that order, 1 day to 400 days,
    /// default 30 days: as long as webhook deliveries are kept. An event takes 16 bytes.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "400.00:00:00")]
    public TimeSpan OrderKeptFor { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How often the changes that batches made to counters are merged, 50 ms to 1 min, default 1 s. The
    /// batches of one second mostly change the same counters, and a reader never has to add up the changes of more than
    /// one second.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:01:00")]
    public TimeSpan MergeInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the service checks whether a rebuild of counters was requested, 100 ms to 1 h, default 5 s: a
    /// person waits that long for a task to begin.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan RebuildInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the creation of a partition may wait for a lock, 100 ms to 1 min, default 5 s. During this
    /// wait, all readers and writers of the default partition wait too.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan LongestLockWait { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The pause before failed maintenance is tried again, 1 s to 1 h, default 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan UpkeepRetry { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The number of sampled events of one batch that get a span, 0 to 5,000, default 100: enough to follow a
    /// click, and a burst does not flood the trace store.</summary>
    [Range(0, 5000)]
    public int SpansPerBatch { get; set; } = 100;
}
