using System.ComponentModel.DataAnnotations;
using Tracking.Database.Entities;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.RedirectEdge;

/// <summary>The time at which the open segment of the spool is forced to disk. A sealed segment is always forced to
/// disk.</summary>
public enum SpoolFsync
{
    /// <summary>The operating system decides until the segment is sealed. Survives a killed process, but not a power
    /// cut.</summary>
    Never,

    /// <summary>Every <see cref="RedirectEdgeOptions.FsyncInterval"/>: a power cut costs at most that much.</summary>
    Interval,

    /// <summary>Before every answer; waiting answers share one sync. A power cut costs no events, and a click costs the
    /// disk's latency.</summary>
    Always,
}

/// <summary>The edge's settings: <c>Tracking__Edge__…</c>.</summary>
public sealed class RedirectEdgeOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Edge";

    /// <summary>The folder that this edge owns and locks: its id, its spool, its copies of hosts and links. It must be
    /// on a disk that outlives the process. Default <c>edge</c> in the working directory.</summary>
    [Required]
    public string Folder { get; set; } = "edge";

    /// <summary>A folder that contains the folders of edges that no longer exist, each moved or mounted here as a
    /// whole. At start they are locked, and their remaining events are published under their own ids. A finished folder
    /// contains the file <c>empty</c> and may be deleted. Default not set.</summary>
    public string? AdoptFolder { get; set; }

    /// <summary>The longest time that a stop waits until all events are published and stored. The rest then stays in
    /// the folder. 0 s to 10 min, default 2 s: an available store needs a fraction of it, and a restart need not wait
    /// for an unavailable one. Give more time before a volume goes away (scale-in).</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>A further port on which an edge in its own process answers <c>/health/live</c> and
    /// <c>/health/ready</c>, 1 to 65535. Not set: no health answers, because the other ports belong to the
    /// recipients.</summary>
    [Range(1, 65535)]
    public int? HealthPort { get; set; }

    /// <summary>Answer only requests that carry <c>X-Postal-Track-Host: 1</c>, for an edge behind an existing web
    /// server that marks tracking requests so. Default off.</summary>
    public bool RequireTrackHostHeader { get; set; }

    /// <summary>Proxies whose <c>X-Forwarded-For</c> is trusted: addresses or CIDR ranges. Default none: the connecting
    /// address is the client.</summary>
    public IList<string> TrustedProxies { get; } = [];

    /// <summary>Gateways in front of this edge: addresses or CIDR ranges. They are trusted like
    /// <see cref="TrustedProxies"/>. The edge also takes the event id that they give to a request, so that a request
    /// that reached two edges is stored once. A host in this list can choose ids. Default none.</summary>
    public IList<string> Gateways { get; } = [];

    /// <summary>The longest difference between the time in a gateway's id and this edge's clock, 1 s to 1 h, default 1
    /// min: a request is offered to one edge after another for a shorter time, and synchronised clocks differ by
    /// milliseconds. An id with a larger difference is counted and not used, and the edge creates its own.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan LargestGatewayClockOffset { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>When the open segment is forced to the disk. Default <see cref="SpoolFsync.Interval"/>.</summary>
    public SpoolFsync Fsync { get; set; } = SpoolFsync.Interval;

    /// <summary>The interval of <see cref="SpoolFsync.Interval"/>; 10 ms to 1 min, default 1 s: the usual risk of
    /// databases with asynchronous commit.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan FsyncInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Bytes at which a segment is sealed; 4 KiB to 8 MiB, default 1 MiB: COPY gains nothing from larger
    /// batches. A broker takes the segment as one message, which is a third larger. RabbitMQ 4 accepts 16
    /// MiB.</summary>
    [Range(4 << 10, 8 << 20)]
    public int SegmentBytes { get; set; } = 1 << 20;

    /// <summary>Events at which a segment is sealed; 1 to 100,000, default 5,000: about 1 MiB of ordinary clicks.
    /// </summary>
    [Range(1, 100_000)]
    public int SegmentEvents { get; set; } = 5_000;

    /// <summary>Age at which a segment with events is sealed while <see cref="InFlightBatches"/> leaves space; 10 ms to
    /// 1 min, default 200 ms: an event is visible in the API within a second, and a quiet edge makes at most five
    /// batches a second.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan SealAfter { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Bytes that the spool may hold; 1 MiB to 1 TiB, default 8 GiB: 50 million ordinary clicks, or half a day
    /// of 1,000 a second without a bus. Above this, events are dropped and counted, and redirects continue.</summary>
    [Range(1L << 20, 1L << 40)]
    public long MaxSpoolBytes { get; set; } = 8L << 30;

    /// <summary>Batches that are sent and not acknowledged; 1 to 1,000, default 8: enough to keep one ingest busy while
    /// acknowledgements travel, and at most 8 MiB of the broker's memory.</summary>
    [Range(1, 1_000)]
    public int InFlightBatches { get; set; } = 8;

    /// <summary>The time after which an unacknowledged batch is sent again, doubled each time up to
    /// <see cref="ResendAtMost"/>; 100 ms to 1 h, default 30 s: a broker's restart takes five to twenty.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan ResendAfter { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest pause between two sends of a batch; 100 ms to 1 h, default 2 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan ResendAtMost { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Links kept in memory; 100 to 100 million, default 200,000: a year of links of a busy sender.</summary>
    [Range(100, 100_000_000)]
    public int MaxLinks { get; set; } = 200_000;

    /// <summary>Bytes of links kept in memory; 1 MiB to 64 GiB, default 128 MiB.</summary>
    [Range(1L << 20, 64L << 30)]
    public long MaxLinkBytes { get; set; } = 128L << 20;

    /// <summary>Bytes of links kept on disk, so that an edge that starts while the database is unavailable still
    /// redirects; 64 KiB to 1 GiB, default 64 MiB: half a million links of 100 bytes. The start reads all of them into
    /// memory, which takes seconds for a GiB.</summary>
    [Range(64L << 10, 1L << 30)]
    public long MaxLinkCopyBytes { get; set; } = 64L << 20;

    /// <summary>Bytes of tracking domains kept on disk, so that an edge that starts while the database is unavailable
    /// still serves them; 64 KiB to 1 GiB, default 128 MiB: a million names of 30 octets, each of about 60 bytes, fill
    /// half of it, which is the size after rewriting.</summary>
    [Range(64L << 10, 1L << 30)]
    public long MaxHostCopyBytes { get; set; } = 128L << 20;

    /// <summary>The longest wait for the database when a link is not in memory; 50 ms to 30 s, default 2 s: people
    /// leave a page that takes longer.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:00:30")]
    public TimeSpan LookupTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Simultaneous look-ups in the database; 1 to 1,000, default 16: a start without a copy must not take
    /// every connection of the pool.</summary>
    [Range(1, 1_000)]
    public int MaxLookups { get; set; } = 16;

    /// <summary>How long the answer "no such link" is remembered, of an imported one too; 0 to 5 min, default 5 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:05:00")]
    public TimeSpan NegativeAge { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The number of remembered answers "no such link", and of those of imported ones; 0 to 1 million, default
    /// 10,000.</summary>
    [Range(0, 1_000_000)]
    public int MaxNegatives { get; set; } = 10_000;

    /// <summary>Imported links kept in memory, each of about 300 bytes; 100 to 100 million, default 200,000: as many as
    /// links of our own. On disk they may take <see cref="MaxLinkCopyBytes"/> once more.</summary>
    [Range(100, 100_000_000)]
    public int MaxImportedLinks { get; set; } = 200_000;

    /// <summary>Look-ups in a second, at most, that find a path on a host with imported links to be none; 1 to 100,000,
    /// default 200: a look-up takes a fifth of a millisecond, so a flood of invented paths costs the database a
    /// twenty-fifth of a core. While there are more, paths that are not in memory are answered as when the database is
    /// away.</summary>
    [Range(1, 100_000)]
    public int UnknownPathsPerSecond { get; set; } = 200;

    /// <summary>Requests with a damaged or guessed token that are answered in a second for one client network (an IPv4
    /// address, or the /64 of an IPv6 address); more are answered 429. 1 to 1 million, default 100: a person who opens
    /// a mangled link makes one or two, and a company behind one address some more. Whoever guesses needs 2^59. Valid
    /// tokens are never limited.</summary>
    [Range(1, 1_000_000)]
    public int InvalidTokensPerSecondAndNetwork { get; set; } = 100;

    /// <summary>The level of a request whose browser asks not to be tracked, with <c>Sec-GPC: 1</c> (W3C Global Privacy
    /// Control): <c>Full</c> (default) does not heed it, <c>Pseudonymous</c>, <c>Anonymous</c> and <c>Off</c> restrict
    /// what is kept of that one event. Image proxies never send it, so it acts on clicks.</summary>
    public TrackingLevel GlobalPrivacyControl { get; set; }

    /// <summary>Messages of recipients who withdrew that this edge holds, the newest; 0 to 10 million, default 100,000
    /// (about 6 MB). Older ones are found by ingest.</summary>
    [Range(0, 10_000_000)]
    public int MaxWithdrawnMessages { get; set; } = 100_000;

    /// <summary>Messages whose tags are kept in memory for destinations that are repaired within a tag; 100 to 10
    /// million, default 100,000: the recipients of a day who click a repaired link.</summary>
    [Range(100, 10_000_000)]
    public int MaxTaggedMessages { get; set; } = 100_000;

    /// <summary>App-association files in memory, 10 to 100,000, default 200: of at most 128 kB each.</summary>
    [Range(10, 100_000)]
    public int MaxAppFiles { get; set; } = 200;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var failure in AddressRanges.Failures(nameof(TrustedProxies), TrustedProxies)
            .Concat(AddressRanges.Failures(nameof(Gateways), Gateways)))
        {
            yield return failure;
        }

        if (AdoptFolder is not null
            && $"{Path.GetFullPath(Folder)}/".StartsWith(
                $"{Path.GetFullPath(AdoptFolder).TrimEnd('/')}/", StringComparison.Ordinal))
        {
            yield return new ValidationResult(
                $"{nameof(AdoptFolder)}: {AdoptFolder} holds this edge's own {nameof(Folder)} ({Folder}); takes a folder "
                + "of folders whose edges do not come back.",
                [nameof(AdoptFolder)]);
        }

        if (ResendAtMost < ResendAfter)
        {
            yield return new ValidationResult(
                $"{nameof(ResendAtMost)}: {ResendAtMost} is less than {nameof(ResendAfter)} ({ResendAfter}).",
                [nameof(ResendAtMost)]);
        }
    }
}
