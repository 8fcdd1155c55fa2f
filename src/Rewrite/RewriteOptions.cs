using System.ComponentModel.DataAnnotations;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Queue;

namespace Tracking.Rewrite;

/// <summary>Settings of the rewriter: <c>Tracking__Rewrite__…</c>.</summary>
public sealed class RewriteOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Rewrite";

    /// <summary>The largest message accepted, in bytes; 1 kB to 1 GB, default 64 MiB: above the 25 to 50 MB that mail
    /// providers accept, below what would let a few requests fill the memory.</summary>
    [Range(1024, 1 << 30)]
    public int MaxMessageBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Bytes of messages that HTTP requests hold at the same time, from their arrival until the answer is
    /// sent; above them a request is answered with 503. 1 MiB to 1 TiB and at least <see cref="MaxMessageBytes"/>,
    /// default 128 MiB: two of the largest, or thousands as newsletters are. Rewriting takes two to three times a
    /// message's size.</summary>
    [Range(1L << 20, 1L << 40)]
    public long MaxRequestBytesAtOnce { get; set; } = 128 << 20;

    /// <summary>As <see cref="MaxRequestBytesAtOnce"/>, of requests with the same API key; above them a request is
    /// answered with 429. 1 MiB to 1 TiB and at least <see cref="MaxMessageBytes"/>, default 96 MiB: what one key leaves
    /// is enough for a message of 25 MB, the most that many mail providers accept.</summary>
    [Range(1L << 20, 1L << 40)]
    public long MaxKeyBytesAtOnce { get; set; } = 96 << 20;

    /// <summary>The longest that a request's message may take to arrive; 1 s to 30 min, default 3 min: what RFC 5321
    /// 4.5.3.2.5 gives one block of a message, and time for 64 MiB over 3 Mbit/s. Then the answer is 408.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:30:00")]
    public TimeSpan BodyTimeout { get; set; } = TimeSpan.FromMinutes(3);

    /// <summary>Allows an https link to be wrapped into an http tracking link. Off by default. Hosts under
    /// <c>localhost</c> never leave the machine and are allowed anyway.</summary>
    public bool AllowHttpForHttpsLinks { get; set; }

    /// <summary>Destinations remembered as registered, so that a campaign's links cost no database work; 1,000 to
    /// 10,000,000, default 200,000: about 50 MB with URLs of 100 bytes, 250 MB with the longest remembered.</summary>
    [Range(1_000, 10_000_000)]
    public int KnownDestinations { get; set; } = 200_000;

    /// <summary>Segments of markup remembered (what stands between two links), so that the messages of a campaign are
    /// compared instead of read again; 256 to 1,000,000, default 16,384: a hundred campaigns of a hundred links, about
    /// 20 MB at 700 bytes a segment and as much again for what was found in it.</summary>
    [Range(256, 1_000_000)]
    public int RememberedSegments { get; set; } = 16_384;

    /// <summary>The most messages registered in one round trip; 1 to 1,000, default 64: a round trip of that size takes
    /// about as long as PostgreSQL's commit.</summary>
    [Range(1, 1_000)]
    public int RegistrationBatch { get; set; } = 64;

    /// <summary>Connections that register at the same time; 1 to 32, default 2: the next batch need not wait for a commit
    /// that takes long.</summary>
    [Range(1, 32)]
    public int RegistrationConnections { get; set; } = 2;

    /// <summary>The longest that messages wait for a commit under way to join the next one; 0 to 100 ms, default 5 ms:
    /// two or three commits on a local disk. Nothing waits while none is under way.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:00.100")]
    public TimeSpan RegistrationGather { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>The longest that a registration may take before the store counts as unavailable; 1 s to 2 min, default
    /// 10 s: shorter than the 30 s in which most HTTP clients give up.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:02:00")]
    public TimeSpan RegistrationTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long registrations under way may still take when the process stops; 0 s to 30 s, default 2 s: a
    /// stop has ten seconds for everything, and a commit takes milliseconds unless the store hangs.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:30")]
    public TimeSpan RegistrationStopGrace { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>What <c>Retry-After</c> says while the store is unavailable or no memory is free; 1 s to 1 h, default 5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The id of the cluster whose messages these are when nothing else says so: neither a header nor the
    /// domain in <c>From</c>. Not set: such messages pass through untouched.</summary>
    public string? DefaultCluster { get; set; }

    /// <summary>Lets <c>X-Tracking-Cluster</c> in a message choose its cluster. Off by default: whoever writes a mail
    /// must not choose another tenant.</summary>
    public bool TrustMessageHeaders { get; set; }

    /// <summary>What becomes of messages of the queue while the store is unavailable: <c>wait</c> (default) or
    /// <c>passThrough</c>. Over HTTP the answer is 503 either way.</summary>
    public WhenStoreUnavailable WhenStoreUnavailable { get; set; }

    /// <summary>How the queue is consumed.</summary>
    public RewriteQueueSettings Queue { get; init; } = new();

    /// <summary>What the rewriter takes on in one message.</summary>
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
