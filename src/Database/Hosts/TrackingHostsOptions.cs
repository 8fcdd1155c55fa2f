using System.ComponentModel.DataAnnotations;

namespace Tracking.Database.Hosts;

/// <summary>How tracking domains are looked up by their name: <c>Tracking__TrackingHosts__…</c>.</summary>
public sealed class TrackingHostsOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "TrackingHosts";

    /// <summary>Names kept in memory; 100 to 100 million, default 1,000,000, which take about 200 MB. Beyond it those
    /// not used for the longest time are looked up again when they are used.</summary>
    [Range(100, 100_000_000)]
    public int MaxNames { get; set; } = 1_000_000;

    /// <summary>Names that nobody has, remembered at most; 0 to 1 million, default 10,000 (about 2 MB).</summary>
    [Range(0, 1_000_000)]
    public int MaxUnknown { get; set; } = 10_000;

    /// <summary>How long "nobody has this name" is believed; 0 s to 1 min, default 30 s. A name that is added is known
    /// at once all the same: its change is announced, and asked for with every <c>Tracking__DirectoryRefresh</c>.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan UnknownAge { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Look-ups in a second, at most, that find a name to be nobody's; 1 to 100,000, default 200: a look-up
    /// takes a fifth of a millisecond, so a flood of invented names costs the database a twenty-fifth of a core. While
    /// there are more, names that are not in memory are answered as when the database is away.</summary>
    [Range(1, 100_000)]
    public int UnknownPerSecond { get; set; } = 200;

    /// <summary>The longest wait for the database when a name is not in memory; 50 ms to 30 s, default 2 s: people
    /// leave a page that takes longer.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:00:30")]
    public TimeSpan LookupTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Look-ups at the database at a time; 1 to 1,000, default 8: a cold start must not take every connection
    /// of the pool.</summary>
    [Range(1, 1_000)]
    public int MaxLookups { get; set; } = 8;
}
