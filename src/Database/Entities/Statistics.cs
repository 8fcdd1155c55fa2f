using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>The dimensions of <c>ingest.counts</c>.</summary>
public enum CountDimension : short
{
    /// <summary>Everything; the key is empty.</summary>
    Total = 0,

    /// <summary>A destination: 16 hexadecimal digits. Clicks only.</summary>
    Link = 1,

    /// <summary>A place in the message: <c>part.position</c>. Clicks only.</summary>
    Position = 2,

    /// <summary>A tag of the message.</summary>
    Tag = 3,

    /// <summary>The recipient's domain; empty without one.</summary>
    RecipientDomain = 4,

    /// <summary>The client program; empty when it is unknown.</summary>
    Client = 5,

    /// <summary>The message's tracking host; empty when the message is not known.</summary>
    Host = 6,
}

/// <summary>How long the buckets of <c>ingest.counts</c> are.</summary>
public enum CountGrain : short
{
    /// <summary>A day in UTC. <see cref="CountDimension.Total"/> has no day buckets, because it has few
    /// quarters.</summary>
    Day = 0,

    /// <summary>A quarter of an hour.</summary>
    Quarter = 1,
}

/// <summary>Buckets of time, numbered in quarters of an hour since 1970 (UTC).</summary>
public static class CountBucket
{
    /// <summary>Quarters of a day.</summary>
    public const int PerDay = 96;

    /// <summary>Microseconds of a quarter.</summary>
    public const long Micros = 900_000_000;

    /// <summary>The quarter that contains a moment.</summary>
    public static int Of(DateTimeOffset moment) => (int)Math.Floor(Quarters(moment));

    /// <summary>The first quarter that begins at or after a moment.</summary>
    public static int AtOrAfter(DateTimeOffset moment) => (int)Math.Ceiling(Quarters(moment));

    /// <summary>When a bucket begins.</summary>
    public static DateTimeOffset Start(int bucket) => DateTimeOffset.UnixEpoch.AddMinutes(15.0 * bucket);

    private static double Quarters(DateTimeOffset moment) =>
        (moment - DateTimeOffset.UnixEpoch).Ticks / (double)(TimeSpan.TicksPerMinute * 15);
}

/// <summary>The counts of one bucket of time.</summary>
public sealed class Count
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The generation of counters.</summary>
    public required int Generation { get; init; }

    /// <summary>The dimension.</summary>
    public required CountDimension Dimension { get; init; }

    /// <summary>How long the bucket is.</summary>
    public required CountGrain Grain { get; init; }

    /// <summary>The begin of the bucket: <see cref="CountBucket"/>.</summary>
    public required int Bucket { get; init; }

    /// <summary>The key within the dimension.</summary>
    public required string Key { get; init; }

    /// <summary>Clicks of people.</summary>
    public required long ClicksPeople { get; init; }

    /// <summary>Clicks of recognised machines.</summary>
    public required long ClicksMachines { get; init; }

    /// <summary>Opens by people.</summary>
    public required long OpensPeople { get; init; }

    /// <summary>Opens by recognised machines.</summary>
    public required long OpensMachines { get; init; }

    /// <summary>Fetched images and honeypots.</summary>
    public required long Others { get; init; }

    /// <summary>Messages that a person clicked in for the first time.</summary>
    public required long FirstClicksPeople { get; init; }

    /// <summary>Messages that a machine clicked in for the first time.</summary>
    public required long FirstClicksMachines { get; init; }

    /// <summary>Messages that anybody clicked in for the first time.</summary>
    public required long FirstClicks { get; init; }

    /// <summary>Messages that a person opened for the first time.</summary>
    public required long FirstOpensPeople { get; init; }

    /// <summary>Messages that a machine opened for the first time.</summary>
    public required long FirstOpensMachines { get; init; }

    /// <summary>Messages that anybody opened for the first time.</summary>
    public required long FirstOpens { get; init; }

    /// <summary>Messages that a person opened or clicked in for the first time.</summary>
    public required long Openers { get; init; }
}

/// <summary>The amounts that one transaction adds to <see cref="Count"/> rows, one array element per row. Readers add
/// up all rows.</summary>
public sealed class CountChange
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The row's id, from the database.</summary>
    public required long Id { get; init; }

    /// <summary>The generation of counters.</summary>
    public required int Generation { get; init; }

    /// <summary><see cref="CountDimension"/>s.</summary>
    public required short[] Dimension { get; init; }

    /// <summary>Quarters.</summary>
    public required int[] Bucket { get; init; }

    /// <summary>Keys.</summary>
    public required string[] Key { get; init; }

    /// <summary>Clicks of people.</summary>
    public required int[] ClicksPeople { get; init; }

    /// <summary>Clicks of recognised machines.</summary>
    public required int[] ClicksMachines { get; init; }

    /// <summary>Opens by people.</summary>
    public required int[] OpensPeople { get; init; }

    /// <summary>Opens by recognised machines.</summary>
    public required int[] OpensMachines { get; init; }

    /// <summary>Fetched images and honeypots.</summary>
    public required int[] Others { get; init; }

    /// <summary>First clicks of people.</summary>
    public required int[] FirstClicksPeople { get; init; }

    /// <summary>First clicks of machines.</summary>
    public required int[] FirstClicksMachines { get; init; }

    /// <summary>First clicks of anybody.</summary>
    public required int[] FirstClicks { get; init; }

    /// <summary>First opens by people.</summary>
    public required int[] FirstOpensPeople { get; init; }

    /// <summary>First opens by machines.</summary>
    public required int[] FirstOpensMachines { get; init; }

    /// <summary>First opens by anybody.</summary>
    public required int[] FirstOpens { get; init; }

    /// <summary>First opens or clicks by people; empty when an older version wrote the row.</summary>
    public required int[] Openers { get; init; }
}

/// <summary>The counts of one message.</summary>
public sealed class MessageCount
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The message.</summary>
    public required MessageKey MessageKey { get; init; }

    /// <summary>The day of the counts below, in days since 1970 (UTC).</summary>
    public required int HomeDay { get; init; }

    /// <summary>Clicks of people on that day.</summary>
    public required int ClicksPeople { get; init; }

    /// <summary>Clicks of recognised machines on that day.</summary>
    public required int ClicksMachines { get; init; }

    /// <summary>Opens by people on that day.</summary>
    public required int OpensPeople { get; init; }

    /// <summary>Opens by recognised machines on that day.</summary>
    public required int OpensMachines { get; init; }

    /// <summary>Clicks of all days.</summary>
    public required int Clicks { get; init; }

    /// <summary>Opens of all days.</summary>
    public required int Opens { get; init; }

    /// <summary>Grows with clicks, then opens: <see cref="FirstMoments.WeightOf"/>.</summary>
    public required short Weight { get; init; }

    /// <summary>Packed <see cref="FirstMoments"/>.</summary>
    public required byte[] Firsts { get; init; }

    /// <summary>The generation of counters that contains all of its events.</summary>
    public required int Generation { get; init; }
}

/// <summary>The counts of one message on a day other than its home day.</summary>
public sealed class MessageDay
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The message.</summary>
    public required MessageKey MessageKey { get; init; }

    /// <summary>Days since 1970 (UTC).</summary>
    public required int Day { get; init; }

    /// <summary>Clicks of people.</summary>
    public required int ClicksPeople { get; init; }

    /// <summary>Clicks of recognised machines.</summary>
    public required int ClicksMachines { get; init; }

    /// <summary>Opens by people.</summary>
    public required int OpensPeople { get; init; }

    /// <summary>Opens by recognised machines.</summary>
    public required int OpensMachines { get; init; }
}

/// <summary>Which counters of a cluster are read, and which are being built.</summary>
public sealed class StatisticsState
{
    /// <summary>The cluster.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The generation that is read.</summary>
    public required int Generation { get; init; }

    /// <summary>The generation that is being built.</summary>
    public required int? Building { get; init; }

    /// <summary>When a rebuild was requested.</summary>
    public required DateTimeOffset? RequestedAt { get; init; }

    /// <summary>The first day to count again.</summary>
    public required DateTimeOffset? RequestedFrom { get; init; }

    /// <summary>When the last rebuild began.</summary>
    public required DateTimeOffset? BeganAt { get; init; }

    /// <summary>When the last finished rebuild began. All requests before that time are fulfilled.</summary>
    public required DateTimeOffset? RebuiltAt { get; init; }

    /// <summary>How many messages the last rebuild counted.</summary>
    public required long Messages { get; init; }
}
