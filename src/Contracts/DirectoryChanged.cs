namespace Tracking.Contracts;

/// <summary>
/// Fan-out to everything that caches: a cluster, host or signing key changed; read it again. Carries no state, so a
/// lost or repeated one does no harm; caches also refresh by themselves within 60 seconds.
/// </summary>
public sealed record DirectoryChanged
{
    /// <summary>The producer's id of this message.</summary>
    public required Guid Id { get; init; }

    /// <summary>The cluster concerned, its number; <see langword="null"/> when it concerns all.</summary>
    public required int? Cluster { get; init; }
}
