using System.Text.Json;

namespace Tracking.EventIngest.Batches;

/// <summary>Why an event is not stored.</summary>
internal enum Refusal
{
    /// <summary>The checksum or the content is wrong.</summary>
    DamagedFrame,

    /// <summary>The batch ends inside the frame, or the frame's length is impossible. This event and all events after
    /// it are lost.</summary>
    TornFrame,

    /// <summary>The frame has a later version of the format.</summary>
    UnknownVersion,

    /// <summary>The link kind does not exist.</summary>
    UnknownKind,

    /// <summary>The cluster has never existed.</summary>
    UnknownCluster,

    /// <summary>The link's position in the message is larger than a token can hold.</summary>
    OrdinalOutOfRange,

    /// <summary>The id is not a UUIDv7.</summary>
    NotUuidv7,

    /// <summary>The event's time differs from the time in its id.</summary>
    IdAndTimeDiffer,

    /// <summary>The time is before 1970 or after the year 9999.</summary>
    TimeOutOfRange,

    /// <summary>The event is older than the retention of its cluster.</summary>
    OlderThanRetention,

    /// <summary>PostgreSQL refused the row. The reason contains PostgreSQL's error text.</summary>
    RefusedByDatabase,
}

/// <summary>An event that is written to <c>ingest.rejected_events</c>.</summary>
/// <param name="Position">Its place in the batch, from 0.</param>
/// <param name="Refusal">Why the event is not stored.</param>
/// <param name="Detail">Details; null if the refusal needs none.</param>
/// <param name="EventId">The event's id, if it is readable.</param>
/// <param name="Cluster">The event's cluster, if it is readable.</param>
/// <param name="Raw">Its frame without the parts that the policy forbids to keep; null if nothing may be kept.</param>
internal sealed record RefusedEvent(
    int Position, Refusal Refusal, string? Detail, Guid? EventId, int? Cluster, byte[]? Raw)
{
    /// <summary>The stable name of the refusal, such as <c>unknown-cluster</c>, and its details.</summary>
    public string Reason => Detail is null ? NameOf(Refusal) : $"{NameOf(Refusal)}: {Detail}";

    /// <summary>The stable name of a refusal, as in the table and in metrics.</summary>
    public static string NameOf(Refusal refusal) => JsonNamingPolicy.KebabCaseLower.ConvertName(refusal.ToString());
}
