namespace Tracking.Contracts;

/// <summary>
/// EventIngest → the edge's own queue: the batch's transaction has committed, so the edge may delete the batch. Sent
/// again for every delivery of a batch that is already stored.
/// </summary>
public sealed record EventBatchStored
{
    /// <summary>The producer's id of this message.</summary>
    public required Guid Id { get; init; }

    /// <summary>The batch's edge.</summary>
    public required Guid EdgeId { get; init; }

    /// <summary>The batch's number.</summary>
    public required long Sequence { get; init; }
}
