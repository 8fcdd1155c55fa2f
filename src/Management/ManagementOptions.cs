using System.ComponentModel.DataAnnotations;

namespace Tracking.Management;

/// <summary>Settings of the REST API: <c>Tracking__Management__…</c>.</summary>
public sealed class ManagementOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Management";

    /// <summary>How long the answer to a change waits until this process has read the change back; 100 ms to 30 s,
    /// default 2 s. The read takes milliseconds, and a person who changes something should not wait longer than for a
    /// slow page. The change is stored in any case.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:30")]
    public TimeSpan LongestReadBack { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Requests of one cluster (or of one admin key) that run at the same time in this process; 1 to 100,
    /// default 2: then one tenant keeps at most two of the API's connections and of the database's processors
    /// busy.</summary>
    [Range(1, 100)]
    public int ConcurrentRequests { get; set; } = 2;

    /// <summary>Requests of one cluster (or of one admin key) that wait for running requests; 0 to 10,000, default 32:
    /// a page of a console sends a dozen requests at once. Further requests are answered 429.</summary>
    [Range(0, 10_000)]
    public int WaitingRequests { get; set; } = 32;

    /// <summary>The share of time that one cluster's requests may run in this process in the long run; 0.01 to 100,
    /// default 0.25: one second in four. When it is used up, requests are answered 429 and exports wait. Admin keys
    /// have no such limit.</summary>
    [Range(0.01, 100)]
    public double TimeShare { get; set; } = 0.25;

    /// <summary>How much of that time may be used at once; 100 ms to 1 h, default 20 s: two of the longest statements
    /// (<c>Tracking__Database__ApiStatementTimeout</c>), or hundreds of pages.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan TimeAhead { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Exports of one cluster (or of one admin key) that run at the same time in this process; 1 to 100,
    /// default 2: one by a person and one by a program. Further exports are answered 429.</summary>
    [Range(1, 100)]
    public int ConcurrentExports { get; set; } = 2;

    /// <summary>The largest number of rows that a page with a filter without an index (tag, q, kind, link, verdict,
    /// human) searches; 10,000 to 100,000,000, default 500,000: about a second. Then the page says that it is partial,
    /// and <c>next</c> continues the search.</summary>
    [Range(10_000, 100_000_000)]
    public int MaxSearched { get; set; } = 500_000;

    /// <summary>The largest number of tracking domains of one cluster; 1 to 1,000,000, default 10,000: one name for
    /// each customer of a service provider, and few enough to look up all of them in DNS every day.</summary>
    [Range(1, 1_000_000)]
    public int MaxTrackingDomains { get; set; } = 10_000;

    /// <summary>How long an answer waits for the result of a DNS check; 100 ms to 5 min, default 25 s: the verifier's
    /// own time limit ends earlier, and proxies end a request after 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan LongestVerification { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>How often the database is asked whether awaited checks are done, with one query for all of them; 10 ms
    /// to 10 s, default 200 ms: a person does not notice it.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:00:10")]
    public TimeSpan VerificationPoll { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The shortest time between two requested checks of one name; 0 s to 5 min, default 5 s: nobody changes a
    /// record faster, and the name servers belong to other people.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:05:00")]
    public TimeSpan VerificationPause { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Checks for which one cluster (or one admin key) waits at the same time in this process; 1 to 1,000,
    /// default 10: each check sends queries to name servers of other people. Further checks are answered 429.</summary>
    [Range(1, 1000)]
    public int ConcurrentVerifications { get; set; } = 10;

    /// <summary>Checks of names that are no tracking domains yet, which one cluster (or one admin key) runs at the same
    /// time in this process; 1 to 1,000, default 2: half of the checks that a verifier runs at a time, so that one
    /// tenant's slow names leave places for others. Further checks are answered 429.</summary>
    [Range(1, 1000)]
    public int ConcurrentNameChecks { get; set; } = 2;

    /// <summary>The largest size in bytes of a message for a preview; 1,024 to 10,485,760, default 1,048,576: ten times
    /// the HTML that mailbox providers show, and a small load for the bus.</summary>
    [Range(1024, 10 * 1024 * 1024)]
    public int MaxPreviewBytes { get; set; } = 1024 * 1024;

    /// <summary>How long a request waits for a preview; 100 ms to 1 min, default 15 s: a preview takes milliseconds, or
    /// seconds if others are waiting.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan LongestPreview { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Lines of an import at once; 1 to 100,000, default 5,000: stored in a tenth of the longest
    /// statement.</summary>
    [Range(1, 100_000)]
    public int MaxImportLines { get; set; } = 5_000;

    /// <summary>Bytes of an import at once; 65,536 to 268,435,456, default 8,388,608: 5,000 lines of 1.6 kB, and little
    /// beside what a process has.</summary>
    [Range(65_536, 268_435_456)]
    public int MaxImportBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>How often entries of the audit log that are older than their cluster's retention are deleted; 1 min to
    /// 7 days, default 1 h: retention is counted in months.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "7.00:00:00")]
    public TimeSpan AuditPruneInterval { get; set; } = TimeSpan.FromHours(1);
}
