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

    /// <summary>The edge: the id that lives in its spool folder.</summary>
    public required Guid EdgeId { get; init; }

    /// <summary>The batch's number within its edge, 1 and up, rising, with gaps.</summary>
    public required long Sequence { get; init; }

    /// <summary>Every batch of this edge below this number has been acknowledged and forgotten by it.</summary>
    public required long AcknowledgedBelow { get; init; }

    /// <summary>How many records <see cref="Events"/> holds, whole ones and unreadable ones.</summary>
    public required int Count { get; init; }

    /// <summary>The events as <see cref="EventRecord"/> frames, exactly as they stand in the edge's spool.</summary>
    public required byte[] Events { get; init; }
}
