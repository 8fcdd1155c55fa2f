using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.DomainVerifier.Notices;

/// <summary>A notice that this process has leased for sending.</summary>
internal sealed record ClaimedNotice
{
    /// <summary>UUIDv7: the id of the bus event, and of the mail.</summary>
    public required Guid Id { get; init; }

    /// <summary>The lease. Each claim has a new one.</summary>
    public Guid Lease { get; init; }

    /// <summary>When the lease ends, unless it is extended.</summary>
    public DateTimeOffset LeasedUntil { get; init; }

    /// <summary>The cluster that is told.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>The cluster's name.</summary>
    public required string ClusterName { get; init; }

    /// <summary>The tracking domain, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>The kind of event.</summary>
    public required NoticeKind Kind { get; init; }

    /// <summary>When it happened.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The facts.</summary>
    public required NoticeFacts Facts { get; init; }

    /// <summary>The recipients who have no mail yet.</summary>
    public IReadOnlyList<string> Recipients { get; init; } = [];

    /// <summary>Whether mail is still to be sent.</summary>
    public bool WaitsForMail { get; init; }

    /// <summary>Whether the bus event is still to be published.</summary>
    public bool WaitsForBus { get; init; }

    /// <summary>The number of attempts so far.</summary>
    public int Attempts { get; init; }
}
