using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>A tracking domain that this process has leased for a check.</summary>
internal sealed record LeasedDomain
{
    /// <summary>The domain's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The lease. Each claim has a new one, so that the result of a slow check is not stored under a later
    /// lease.</summary>
    public required Guid Lease { get; init; }

    /// <summary>The domain's cluster.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>The domain's name.</summary>
    public required HostName Host { get; init; }

    /// <summary>The verification target.</summary>
    public required HostName Target { get; init; }

    /// <summary>When a check was last requested, as of the time of the lease.</summary>
    public required DateTimeOffset? RequestedAt { get; init; }

    /// <summary>The cause of the check.</summary>
    public required CheckCause Cause { get; init; }

    /// <summary>Whether links on the domain that begin with http may be in mail.</summary>
    public required bool HasHttpLinks { get; init; }
}
