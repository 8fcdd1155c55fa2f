namespace Tracking.Contracts;

/// <summary>
/// Fan-out to everything that caches: a cluster, host or signing key changed; read it again. A lost or repeated one does
/// no harm: caches also refresh by themselves within 60 seconds, and what is deleted does not come back.
/// </summary>
public sealed record DirectoryChanged
{
    /// <summary>The producer's id of this message.</summary>
    public required Guid Id { get; init; }

    /// <summary>The cluster concerned, its number; <see langword="null"/> when it concerns all.</summary>
    public required int? Cluster { get; init; }

    /// <summary>The tracking domain concerned, A-labels; <see langword="null"/> when it concerns the cluster or more. One
    /// name's change reloads one name.</summary>
    public string? Hostname { get; init; }

    /// <summary>Whether it was deleted, the cluster or, where one is named, the tracking domain, or the domain became
    /// pending: it stops at once, also where the database cannot be read.</summary>
    public bool IsDeleted { get; init; }
}
