namespace Tracking.Contracts;

/// <summary>
/// Fan-out to every process with a cache: a cluster, host or signing key changed and must be read again. A lost or
/// repeated message does no harm: caches also refresh by themselves within 60 seconds, and deleted objects do not
/// return.
/// </summary>
public sealed record DirectoryChanged
{
    /// <summary>The producer's id of this message.</summary>
    public required Guid Id { get; init; }

    /// <summary>The number of the changed cluster; <see langword="null"/> for all clusters.</summary>
    public required int? Cluster { get; init; }

    /// <summary>The changed tracking domain, A-labels; <see langword="null"/> for a change of the cluster or of more. A
    /// change of one name reloads only this name.</summary>
    public string? Hostname { get; init; }

    /// <summary>Whether the tracking domain was deleted or became pending or, without a tracking domain, whether the
    /// cluster was deleted. Its links stop at once, even if the database cannot be read.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>Whether only blocked or repaired destinations or withdrawals changed. A process of the version before
    /// reads everything again.</summary>
    public bool AreRules { get; init; }
}
