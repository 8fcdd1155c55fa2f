namespace Tracking.Contracts;

/// <summary>
/// EventIngest → the edge's own queue: the batch's transaction has committed, the edge may forget it. Sent again for
/// every delivery of a batch that is already stored.
/// </summary>
public sealed record EventBatchStored
{
    /// <summary>The producer's id of this message.</summary>
    public required Guid Id { get; init; }

    /// <summary>The edge whose batch it was.</summary>
    public required Guid EdgeId { get; init; }

    /// <summary>The batch.</summary>
    public required long Sequence { get; init; }
}
