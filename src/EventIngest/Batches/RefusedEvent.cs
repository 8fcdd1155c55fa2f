using System.Text.Json;

namespace Tracking.EventIngest.Batches;

/// <summary>Why an event is not stored.</summary>
internal enum Refusal
{
    /// <summary>Its checksum or its content is wrong.</summary>
    DamagedFrame,

    /// <summary>The batch ends inside it, or its length cannot be: it and all after it are lost.</summary>
    TornFrame,

    /// <summary>Written in a later version of the format.</summary>
    UnknownVersion,

    /// <summary>No such link kind.</summary>
    UnknownKind,

    /// <summary>A cluster that has never existed.</summary>
    UnknownCluster,

    /// <summary>A link's place that no token can hold.</summary>
    OrdinalOutOfRange,

    /// <summary>Not a UUIDv7.</summary>
    NotUuidv7,

    /// <summary>Its time is not the time in its id.</summary>
    IdAndTimeDiffer,

    /// <summary>A time that neither a UUIDv7 nor a calendar holds.</summary>
    TimeOutOfRange,

    /// <summary>Older than its cluster keeps events.</summary>
    OlderThanRetention,

    /// <summary>PostgreSQL does not take the row; the reason carries its words.</summary>
    RefusedByDatabase,
}

/// <summary>An event on its way to <c>ingest.rejected_events</c>.</summary>
/// <param name="Position">Its place in the batch, from 0.</param>
/// <param name="Refusal">Why.</param>
/// <param name="Detail">What exactly; null when the name says it all.</param>
/// <param name="EventId">Its id, when readable.</param>
/// <param name="Cluster">Its cluster, when readable.</param>
/// <param name="Raw">Its frame without what policy forbids to keep; null when nothing of it may be kept.</param>
internal sealed record RefusedEvent(
    int Position, Refusal Refusal, string? Detail, Guid? EventId, int? Cluster, byte[]? Raw)
{
    /// <summary>Why: a stable name such as <c>unknown-cluster</c>, and what exactly.</summary>
    public string Reason => Detail is null ? NameOf(Refusal) : $"{NameOf(Refusal)}: {Detail}";

    /// <summary>The stable name of a refusal, in the table and in metrics.</summary>
    public static string NameOf(Refusal refusal) => JsonNamingPolicy.KebabCaseLower.ConvertName(refusal.ToString());
}
