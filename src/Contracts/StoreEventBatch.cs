namespace Tracking.Contracts;

/// <summary>
/// Edge → EventIngest: store these events. A batch is immutable: the same edge and sequence always mean the same bytes,
/// so a second delivery is recognised by its key alone.
/// </summary>
public sealed record StoreEventBatch
{
    /// <summary>The producer's id of this delivery; the batch itself is (<see cref="EdgeId"/>,
    /// <see cref="Sequence"/>).</summary>
    public required Guid Id { get; init; }

    /// <summary>The edge's id, which is a file of its spool folder.</summary>
    public required Guid EdgeId { get; init; }

    /// <summary>The batch's number within its edge, from 1, rising, with gaps.</summary>
    public required long Sequence { get; init; }

    /// <summary>The edge has deleted every batch below this number after its acknowledgement.</summary>
    public required long AcknowledgedBelow { get; init; }

    /// <summary>The number of records in <see cref="Events"/>, whole and unreadable ones.</summary>
    public required int Count { get; init; }

    /// <summary>The events as <see cref="EventRecord"/> frames, in the exact bytes of the edge's spool.</summary>
    public required byte[] Events { get; init; }
}
