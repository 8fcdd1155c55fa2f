using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>A tracking domain that is this process's to check, until its lease ends.</summary>
internal sealed record LeasedDomain
{
    /// <summary>The domain's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The lease: a new one each time, so that what a slow check brings is not taken for that of the
    /// next.</summary>
    public required Guid Lease { get; init; }

    /// <summary>Whose it is.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>Its name.</summary>
    public required HostName Host { get; init; }

    /// <summary>Where its record must lead.</summary>
    public required HostName Target { get; init; }

    /// <summary>When somebody asked for a check last, as it was when it was taken.</summary>
    public required DateTimeOffset? RequestedAt { get; init; }

    /// <summary>Why it is checked.</summary>
    public required CheckCause Cause { get; init; }

    /// <summary>Whether its https is optional: links on it may have been made with http.</summary>
    public required bool HasHttpLinks { get; init; }
}
