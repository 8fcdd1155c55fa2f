using System.ComponentModel.DataAnnotations;

namespace Tracking.Database.Hosts;

/// <summary>The look-up of tracking domains by their name: <c>Tracking__TrackingHosts__…</c>.</summary>
public sealed class TrackingHostsOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "TrackingHosts";

    /// <summary>The most names in memory; 100 to 100 million, default 1,000,000, which take about 200 MB. Above this
    /// number the names that were not used for the longest time are removed. They are looked up again when they are
    /// used.</summary>
    [Range(100, 100_000_000)]
    public int MaxNames { get; set; } = 1_000_000;

    /// <summary>The most unknown names in memory; 0 to 1 million, default 10,000 (about 2 MB). An unknown name is no
    /// tracking domain of any cluster.</summary>
    [Range(0, 1_000_000)]
    public int MaxUnknown { get; set; } = 10_000;

    /// <summary>How long an unknown name stays in memory; 0 s to 1 min, default 30 s. A name that is added works
    /// earlier, because the bus announces it, and because changes are read every <c>Tracking__DirectoryRefresh</c>.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan UnknownAge { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The most look-ups of unknown names per second; 1 to 100,000, default 200. A look-up takes a fifth of a
    /// millisecond, so a flood of invented names costs the database a twenty-fifth of a core. Above this rate, names
    /// that are not in memory are answered as if the database were unavailable.</summary>
    [Range(1, 100_000)]
    public int UnknownPerSecond { get; set; } = 200;

    /// <summary>The longest wait for the database when a name is not in memory; 50 ms to 30 s, default 2 s, because
    /// people leave a page that takes longer.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:00:30")]
    public TimeSpan LookupTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The most look-ups in the database at the same time; 1 to 1,000, default 8, so that a cold start leaves
    /// connections of the pool for others.</summary>
    [Range(1, 1_000)]
    public int MaxLookups { get; set; } = 8;
}
