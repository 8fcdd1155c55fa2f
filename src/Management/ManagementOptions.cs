using System.ComponentModel.DataAnnotations;

namespace Tracking.Management;

/// <summary>Settings of the REST API: <c>Tracking__Management__…</c>.</summary>
public sealed class ManagementOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Management";

    /// <summary>How long the answer to a change waits for this process to have read it back; 100 ms to 30 s, default
    /// 2 s: reading takes milliseconds, and whoever changes something should not wait longer than for a slow page. The
    /// change is stored either way.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:30")]
    public TimeSpan LongestReadBack { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Requests of one cluster (of one admin key) that run at a time in this process; 1 to 100, default 2: one
    /// tenant then keeps two of the API's connections busy, and the database's processors with no more.</summary>
    [Range(1, 100)]
    public int ConcurrentRequests { get; set; } = 2;

    /// <summary>Requests of one cluster (of one admin key) that wait for those that run; 0 to 10,000, default 32: a
    /// page of a console asks for a dozen things at once. What comes beyond is answered 429.</summary>
    [Range(0, 10_000)]
    public int WaitingRequests { get; set; } = 32;

    /// <summary>The share of time that one cluster's requests may run in this process in the long run; 0.01 to 100,
    /// default 0.25: one second in four. Then 429 until the time is there; exports wait for it. Admin keys have no such
    /// limit.</summary>
    [Range(0.01, 100)]
    public double TimeShare { get; set; } = 0.25;

    /// <summary>How much of that time may be used at once; 100 ms to 1 h, default 20 s: two of the longest
    /// statements (<c>Tracking__Database__ApiStatementTimeout</c>), or hundreds of pages.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan TimeAhead { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Exports of one cluster (of one admin key) at a time in this process; 1 to 100, default 2: one by hand
    /// beside one of a program. What comes beyond is answered 429.</summary>
    [Range(1, 100)]
    public int ConcurrentExports { get; set; } = 2;

    /// <summary>Rows that a page with a filter without an index (tag, q, kind, link, verdict, human) looks through at
    /// most; 10,000 to 100,000,000, default 500,000: about a second. Then the page says that it is partial, and
    /// <c>next</c> goes on behind it.</summary>
    [Range(10_000, 100_000_000)]
    public int MaxSearched { get; set; } = 500_000;

    /// <summary>Tracking domains that one cluster may have; 1 to 1,000,000, default 10,000: a name for each customer of
    /// a service provider, and few enough that all of them can be looked up in DNS every day.</summary>
    [Range(1, 1_000_000)]
    public int MaxTrackingDomains { get; set; } = 10_000;

    /// <summary>How long an answer waits for what DNS says of a name; 100 ms to 5 min, default 25 s: a verifier gives
    /// up on DNS before that, and proxies give up on an answer after 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan LongestVerification { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>How often the database is asked whether checks that somebody waits for are done, one query for all of
    /// them; 10 ms to 10 s, default 200 ms: less than a person notices.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:00:10")]
    public TimeSpan VerificationPoll { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The time between two checks of one name that somebody asks for; 0 s to 5 min, default 5 s: nobody
    /// changes a record faster, and its name servers are not ours.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:05:00")]
    public TimeSpan VerificationPause { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Checks that one cluster (one admin key) waits for at a time in this process; 1 to 1,000, default 10:
    /// each sends questions to name servers of other people. What comes beyond is answered 429.</summary>
    [Range(1, 1000)]
    public int ConcurrentVerifications { get; set; } = 10;

    /// <summary>Names that nobody has added which one cluster (one admin key) has looked at at a time in this process;
    /// 1 to 1,000, default 2: half of what a verifier looks at at a time, so that slow names of one leave places for
    /// others. What comes beyond is answered 429.</summary>
    [Range(1, 1000)]
    public int ConcurrentNameChecks { get; set; } = 2;

    /// <summary>Bytes of a message of which somebody asks what it would become; 1,024 to 10,485,760, default 1,048,576:
    /// ten times the HTML that mailbox providers show, and little for the bus that it crosses.</summary>
    [Range(1024, 10 * 1024 * 1024)]
    public int MaxPreviewBytes { get; set; } = 1024 * 1024;

    /// <summary>How long somebody waits for that answer; 100 ms to 1 min, default 15 s: it takes milliseconds, and
    /// behind others seconds.</summary>
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
