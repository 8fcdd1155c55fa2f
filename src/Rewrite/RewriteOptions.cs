using System.ComponentModel.DataAnnotations;
using Tracking.Rewrite.Doors;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Queue;

namespace Tracking.Rewrite;

/// <summary>Settings of the rewriter: <c>Tracking__Rewrite__…</c>.</summary>
public sealed class RewriteOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Rewrite";

    /// <summary>The largest message accepted, in bytes; 1 kB to 1 GB, default 64 MiB: above the 25 to 50 MB that mail
    /// providers accept, and small enough that a few requests cannot fill the memory.</summary>
    [Range(1024, 1 << 30)]
    public int MaxMessageBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Bytes of messages that HTTP requests hold at the same time, from their arrival until the answer is
    /// sent. A request above this is answered with 503. 1 MiB to 1 TiB and at least <see cref="MaxMessageBytes"/>,
    /// default 128 MiB: two messages of the largest size, or thousands of typical newsletters. Rewriting takes two to
    /// three times a message's size.</summary>
    [Range(1L << 20, 1L << 40)]
    public long MaxRequestBytesAtOnce { get; set; } = 128 << 20;

    /// <summary>The same as <see cref="MaxRequestBytesAtOnce"/> for the requests with one API key. A request above this
    /// is answered with 429. 1 MiB to 1 TiB and at least <see cref="MaxMessageBytes"/>, default 96 MiB: one key leaves
    /// enough for a message of 25 MB, the most that many mail providers accept.</summary>
    [Range(1L << 20, 1L << 40)]
    public long MaxKeyBytesAtOnce { get; set; } = 96 << 20;

    /// <summary>The longest time for the arrival of a request's message; 1 s to 30 min, default 3 min: RFC 5321
    /// 4.5.3.2.5 gives this time to one block of a message, and 64 MiB arrive in it at 3 Mbit/s. After it the answer is
    /// 408.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:30:00")]
    public TimeSpan BodyTimeout { get; set; } = TimeSpan.FromMinutes(3);

    /// <summary>Allows an https link to be wrapped into an http tracking link. Off by default. Hosts under
    /// <c>localhost</c> never leave the machine and are allowed anyway.</summary>
    public bool AllowHttpForHttpsLinks { get; set; }

    /// <summary>Stored destinations that are remembered, so that a campaign's links cost no database work; 1,000 to
    /// 10,000,000, default 200,000: about 50 MB with URLs of 100 bytes, 250 MB with the longest URLs that are
    /// remembered.</summary>
    [Range(1_000, 10_000_000)]
    public int KnownDestinations { get; set; } = 200_000;

    /// <summary>Segments of markup (the text between two links) that are remembered, so that the messages of a campaign
    /// are compared instead of read again; 256 to 1,000,000, default 16,384: a hundred campaigns of a hundred links.
    /// This takes about 20 MB at 700 bytes a segment, and as much again for the findings.</summary>
    [Range(256, 1_000_000)]
    public int RememberedSegments { get; set; } = 16_384;

    /// <summary>The most messages registered in one round trip; 1 to 1,000, default 64: a round trip of that size takes
    /// about as long as PostgreSQL's commit.</summary>
    [Range(1, 1_000)]
    public int RegistrationBatch { get; set; } = 64;

    /// <summary>Connections that register at the same time; 1 to 32, default 2: the next batch need not wait for a slow
    /// commit.</summary>
    [Range(1, 32)]
    public int RegistrationConnections { get; set; } = 2;

    /// <summary>The longest time that messages wait for a commit in progress, to join the next one; 0 to 100 ms,
    /// default 5 ms: two or three commits on a local disk. Without a commit in progress no message waits.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:00.100")]
    public TimeSpan RegistrationGather { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>The longest time of a registration before the store counts as unavailable; 1 s to 2 min, default 10 s:
    /// shorter than the 30 s after which most HTTP clients give up.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:02:00")]
    public TimeSpan RegistrationTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The time that registrations in progress still have when the process stops; 0 s to 30 s, default 2 s:
    /// the whole stop has ten seconds, and a commit takes milliseconds unless the store hangs.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:30")]
    public TimeSpan RegistrationStopGrace { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The value of <c>Retry-After</c> while the store is unavailable or no memory is free; 1 s to 1 h,
    /// default 5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The id of the cluster for messages that neither a header nor the domain in <c>From</c> assigns to a
    /// cluster. Not set: such messages pass through untouched.</summary>
    public string? DefaultCluster { get; set; }

    /// <summary>Lets <c>X-Tracking-Cluster</c> in a message choose its cluster. Off by default: the author of a mail
    /// must not choose another tenant.</summary>
    public bool TrustMessageHeaders { get; set; }

    /// <summary>Reads the headers by which senders control tracking in other systems (<c>X-MSYS-API</c>,
    /// <c>X-SMTPAPI</c>, <c>X-Mailgun-Track</c> and the like, see <c>docs/rewriting.md</c>), and removes them. On by
    /// default: recipients must not see them. Turn it off if the mail goes on through one of these systems, which needs
    /// them.</summary>
    public bool HeadersOfOtherSystems { get; set; } = true;

    /// <summary>The treatment of messages of the queue, of SMTP and of milter while the store is unavailable:
    /// <c>wait</c> (default) or <c>passThrough</c>. With <c>wait</c>, SMTP and milter answer 451, so messages wait in
    /// the MTA. Over HTTP the answer is 503 in both cases.</summary>
    public WhenStoreUnavailable WhenStoreUnavailable { get; set; }

    /// <summary>How the queue is consumed.</summary>
    public RewriteQueueSettings Queue { get; init; } = new();

    /// <summary>The limits of one message.</summary>
    public RewriteLimits Limits { get; init; } = new();

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        (string Name, long Bytes)[] shares =
        [
            (nameof(MaxRequestBytesAtOnce), MaxRequestBytesAtOnce),
            (nameof(MaxKeyBytesAtOnce), MaxKeyBytesAtOnce),
            ($"{nameof(Queue)}:{nameof(Queue.MaxBodyBytes)}", Queue.MaxBodyBytes),
        ];
        return shares
            .Where(share => share.Bytes < MaxMessageBytes)
            .Select(share => new ValidationResult(
                $"got \"{share.Bytes}\", takes at least {nameof(MaxMessageBytes)}, which is {MaxMessageBytes}",
                [share.Name]));
    }
}
