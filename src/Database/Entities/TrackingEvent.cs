using System.Net;
using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>Who or what caused an event.</summary>
public enum Verdict : short
{
    /// <summary>No evidence for a person or a machine.</summary>
    Unknown = 0,

    /// <summary>A person.</summary>
    Human = 1,

    /// <summary>A mail provider's image proxy, on behalf of a person.</summary>
    Proxy = 2,

    /// <summary>A mail program or proxy fetched it before a person looked.</summary>
    Prefetch = 3,

    /// <summary>A link preview of a chat or social network.</summary>
    Preview = 4,

    /// <summary>A security scanner.</summary>
    Scanner = 5,
}

/// <summary>Tells which verdicts are machines.</summary>
public static class Verdicts
{
    /// <summary>Prefetch, preview and scanner are machines. A proxy fetches on behalf of a person who opened the mail.
    /// Unknown counts as a person, because there is no evidence for a machine.</summary>
    public static bool IsMachine(this Verdict verdict) =>
        verdict is Verdict.Prefetch or Verdict.Preview or Verdict.Scanner;

    /// <summary>The score from which an event counts as a machine's. The score is the sum of the weights of the event's
    /// reasons.</summary>
    public const int MachineAt = 50;

    /// <summary>How long later events may change a verdict: the longest reach of a burst (2 min 30 s at most,
    /// <c>Tracking__Classification__ReachBack</c>) and the time until the review.</summary>
    public static readonly TimeSpan ProvisionalFor = TimeSpan.FromMinutes(3);
}

/// <summary>Why an event is not counted. Such an event is still listed.</summary>
public enum WhyUncounted : short
{
    /// <summary>The message is a test.</summary>
    Test = 1,

    /// <summary>The link leads to a page of the sender for the mail itself: unsubscribing, preferences, the mail in a
    /// browser.</summary>
    SystemLink = 2,
}

/// <summary>A click, open, image fetch or honeypot hit.</summary>
public sealed class TrackingEvent
{
    /// <summary>UUIDv7, given by the edge.</summary>
    public required Guid Id { get; init; }

    /// <summary>When the edge answered the request.</summary>
    public required DateTimeOffset OccurredAt { get; init; }

    /// <summary>What was fetched.</summary>
    public required LinkKind Kind { get; init; }

    /// <summary>The HTTP method's number: 0 GET.</summary>
    public required short Method { get; init; }

    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The message.</summary>
    public required MessageKey MessageKey { get; init; }

    /// <summary>The destination; 0 for an open.</summary>
    public required LinkId LinkId { get; init; }

    /// <summary>The link's place in its message.</summary>
    public required short Ordinal { get; init; }

    /// <summary>The client's address under the cluster's policy.</summary>
    public required IPAddress? ClientAddress { get; init; }

    /// <summary>The user agent.</summary>
    public required string? UserAgent { get; init; }

    /// <summary>Who or what caused it.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>The machine's maker, when recognised.</summary>
    public required string? Vendor { get; init; }

    /// <summary>The reasons for the verdict.</summary>
    public required string[] Reasons { get; init; }

    /// <summary>Features of the request, packed into six bits; 0 or null when they were not recorded.</summary>
    public short? Shape { get; init; }

    /// <summary>The sum of the reasons' weights; null in rows of older versions.</summary>
    public short? Score { get; init; }

    /// <summary>The number of the <see cref="RuleSetRow"/> that was used.</summary>
    public int? Rules { get; init; }

    /// <summary>When later evidence changed the verdict.</summary>
    public DateTimeOffset? RevisedAt { get; init; }

    /// <summary>Why the event is not counted; <see langword="null"/>: it is counted.</summary>
    public WhyUncounted? Uncounted { get; init; }
}

/// <summary>A set of rules that classified events.</summary>
public sealed class RuleSetRow
{
    /// <summary>The number, derived from the content.</summary>
    public required int Number { get; init; }

    /// <summary>A JSON array of reasons.</summary>
    public required string Content { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset FirstUsed { get; init; }
}

/// <summary>A list that tells machines from people.</summary>
public sealed class StoredList
{
    /// <summary>The list's name: crawlers or networks.</summary>
    public required string Name { get; init; }

    /// <summary>The version's name, chosen by the sender.</summary>
    public required string Version { get; init; }

    /// <summary>The file.</summary>
    public required byte[] Content { get; init; }

    /// <summary>0 not used yet (compared only), 1 in use, 2 replaced, 3 refused.</summary>
    public required short State { get; init; }

    /// <summary>When the list was sent.</summary>
    public required DateTimeOffset AddedAt { get; init; }

    /// <summary>When ingest had compared the list with the one in use.</summary>
    public required DateTimeOffset? ComparedAt { get; init; }

    /// <summary>The verdicts that the list would change, a JSON object.</summary>
    public required string? Difference { get; init; }
}

/// <summary>Messages of a batch whose events are reviewed once more.</summary>
public sealed class Review
{
    /// <summary>Counted by the database.</summary>
    public required long Id { get; init; }

    /// <summary>The time of the review: by then the related events have arrived.</summary>
    public required DateTimeOffset DueAt { get; init; }

    /// <summary>The time of the first of these clicks.</summary>
    public required DateTimeOffset Earliest { get; init; }

    /// <summary>Cluster (4 bytes), message key (9) and a flag of each.</summary>
    public required byte[] Messages { get; init; }
}

/// <summary>A change of an event's verdict.</summary>
public sealed class Revision
{
    /// <summary>The event's cluster.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The event.</summary>
    public required Guid EventId { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset RevisedAt { get; init; }

    /// <summary>The verdict before.</summary>
    public required Verdict VerdictBefore { get; init; }

    /// <summary>The vendor before.</summary>
    public required string? VendorBefore { get; init; }

    /// <summary>The reasons before.</summary>
    public required string[] ReasonsBefore { get; init; }

    /// <summary>The score before.</summary>
    public required short? ScoreBefore { get; init; }

    /// <summary>The new verdict.</summary>
    public required Verdict Verdict { get; init; }
}

/// <summary>The key of a stored batch.</summary>
public sealed class StoredBatch
{
    /// <summary>The edge.</summary>
    public required Guid EdgeId { get; init; }

    /// <summary>The batch's number within its edge.</summary>
    public required long Sequence { get; init; }

    /// <summary>The edge reports with this batch that every batch below this number is acknowledged.</summary>
    public required long AcknowledgedBelow { get; init; }

    /// <summary>The number of events, stored and rejected.</summary>
    public required int EventCount { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset StoredAt { get; init; }
}

/// <summary>An edge whose older batch keys have been pruned.</summary>
public sealed class Edge
{
    /// <summary>The edge.</summary>
    public required Guid EdgeId { get; init; }

    /// <summary>Every batch below this number has been stored.</summary>
    public required long AcknowledgedBelow { get; init; }

    /// <summary>When the keys were pruned.</summary>
    public required DateTimeOffset PrunedAt { get; init; }
}

/// <summary>An event that could not be stored.</summary>
public sealed class RejectedEvent
{
    /// <summary>Counted by the database.</summary>
    public required long Id { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset RejectedAt { get; init; }

    /// <summary>The edge.</summary>
    public required Guid EdgeId { get; init; }

    /// <summary>Its batch.</summary>
    public required long Sequence { get; init; }

    /// <summary>The event's place in the batch.</summary>
    public required int Position { get; init; }

    /// <summary>Its id, when readable.</summary>
    public required Guid? EventId { get; init; }

    /// <summary>Its cluster, when readable.</summary>
    public required ClusterId? ClusterId { get; init; }

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>The event's frame.</summary>
    public required byte[]? Raw { get; init; }
}

/// <summary>Counts of events by hour, kind, link and verdict. The version before <see cref="Count"/> wrote
/// them.</summary>
public sealed class LinkHour
{
    /// <summary>The cluster to which they belong.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The hour's start.</summary>
    public required DateTimeOffset Hour { get; init; }

    /// <summary>What was fetched.</summary>
    public required LinkKind Kind { get; init; }

    /// <summary>The destination.</summary>
    public required LinkId LinkId { get; init; }

    /// <summary>Who or what caused them.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>How many.</summary>
    public required long Count { get; init; }
}
