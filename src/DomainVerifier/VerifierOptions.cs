using System.ComponentModel.DataAnnotations;

namespace Tracking.DomainVerifier;

/// <summary>How and how often tracking domains are checked: <c>Tracking__Verifier__…</c>.</summary>
public sealed class VerifierOptions : IValidatableObject
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Verifier";

    /// <summary>Names checked at the same time by this process, 1 to 256, default 16: a million names a day are 12 a
    /// second, and a check takes a fraction of a second, or some seconds where a name server is silent. Each takes one
    /// database connection while its result is stored.</summary>
    [Range(1, 256)]
    public int ChecksAtOnce { get; set; } = 16;

    /// <summary>Names of one cluster checked at the same time by this process, 1 to 256, default 8: half of the places.
    /// However many names a cluster has whose servers are slow, and however often it asks, others have the other
    /// half.</summary>
    [Range(1, 256)]
    public int ChecksAtOnceOfCluster { get; set; } = 8;

    /// <summary>Names that nobody has added, asked about by the API, looked at at the same time by this process; 1 to
    /// 64, default 4: a person waits for each.</summary>
    [Range(1, 64)]
    public int NameChecksAtOnce { get; set; } = 4;

    /// <summary>How often the database is asked for names that are due, when nobody calls; 100 ms to 1 min, default 1
    /// s: a call that got lost costs a second.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan LookInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest that one check may take, 1 s to 5 min, default 1 min: sixty questions with some time-outs
    /// among them. It is given up then, and tried again after <see cref="FirstRetry"/>.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan LongestCheck { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest that the site of a parent may take to say whether names below it are https alone, 0 to 30
    /// s, default 2 s; 0: no site is asked. All parents of a name are asked at once, whenever its record is right, and
    /// when somebody checks a name that nobody has added.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:30")]
    public TimeSpan ParentTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The longest that a visit of a name over http may take, 0 to 30 s, default 2 s; 0: no name is visited.
    /// It is made whenever the record is right, and finds out whether a proxy of the operator's refuses
    /// recipients.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:30")]
    public TimeSpan VisitTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a name belongs to the process that took it, 10 s to 1 h, default 3 min: a process that died
    /// delays its names by no more. At least twice <see cref="LongestCheck"/>: two checks, when a name changes its
    /// cluster.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "01:00:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromMinutes(3);

    /// <summary>The pause between two checks of an active name, 1 h to 7 days, default 24 h as the product promises.
    /// Each name has its own moment in it.</summary>
    [Range(typeof(TimeSpan), "01:00:00", "7.00:00:00")]
    public TimeSpan RecheckInterval { get; set; } = TimeSpan.FromHours(24);

    /// <summary>An active name is not checked again within this time although its moment comes, 0 to 1 day, default
    /// 1 h: somebody has just asked for it, or it was late.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan ShortestRecheck { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long after the first strike a second one counts, 1 s to 7 days, default 24 h as the product
    /// promises: the time that somebody has to put the record right.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "7.00:00:00")]
    public TimeSpan SecondStrikeAfter { get; set; } = TimeSpan.FromHours(24);

    /// <summary>The pause after a check that proved nothing, 1 s to 1 day, default 5 min: so long resolvers may
    /// remember a failure (RFC 9520 3.2). It doubles each time.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan FirstRetry { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The longest pause after a check that proved nothing, 1 s to 1 day, default 4 h.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan LongestRetry { get; set; } = TimeSpan.FromHours(4);

    /// <summary>The first pause between checks of a pending name, 1 s to 1 h, default 1 min: somebody sits there and
    /// waits. It grows to an eighth of the time that the name has been waiting.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan FirstPoll { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>What that pause grows to, 1 s to 1 day, default 4 h, as Cloudflare has it.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan LongestPoll { get; set; } = TimeSpan.FromHours(4);

    /// <summary>From when on a pending name is checked once a day, 1 min to 30 days, default 2 days: so long providers
    /// tell people to wait for DNS.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "30.00:00:00")]
    public TimeSpan PollDailyAfter { get; set; } = TimeSpan.FromDays(2);

    /// <summary>From when on a pending name is checked only when somebody asks, 1 min to 365 days, default 14 days.
    /// Asking begins it all again.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "365.00:00:00")]
    public TimeSpan PollUntil { get; set; } = TimeSpan.FromDays(14);

    /// <summary>Checks kept for each name, 1 to 1,000, default 50: a month of daily ones, and those of an afternoon of
    /// trying.</summary>
    [Range(1, 1000)]
    public int KeptChecks { get; set; } = 50;

    /// <summary>How often the backlog is counted for telemetry, 1 s to 1 h, default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan BacklogInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Lease < 2 * LongestCheck)
        {
            yield return new ValidationResult(
                $"got \"{Lease:c}\", takes at least twice {nameof(LongestCheck)} ({2 * LongestCheck:c})",
                [nameof(Lease)]);
        }

        if (ShortestRecheck > RecheckInterval)
        {
            yield return new ValidationResult(
                $"got \"{ShortestRecheck:c}\", takes at most {nameof(RecheckInterval)} ({RecheckInterval:c})",
                [nameof(ShortestRecheck)]);
        }
    }
}
