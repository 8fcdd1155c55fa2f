using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.DomainVerifier.Notices;

/// <summary>A notice that is this process's to send, until its lease ends.</summary>
internal sealed record ClaimedNotice
{
    /// <summary>UUIDv7: the id of the bus event, and of the mail.</summary>
    public required Guid Id { get; init; }

    /// <summary>The lease, a new one each time.</summary>
    public Guid Lease { get; init; }

    /// <summary>Until when, unless it is begun anew.</summary>
    public DateTimeOffset LeasedUntil { get; init; }

    /// <summary>Who is told.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>The cluster's name.</summary>
    public required string ClusterName { get; init; }

    /// <summary>Of which tracking domain, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>What it tells.</summary>
    public required NoticeKind Kind { get; init; }

    /// <summary>When it happened.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The facts.</summary>
    public required NoticeFacts Facts { get; init; }

    /// <summary>Who has no mail yet.</summary>
    public IReadOnlyList<string> Recipients { get; init; } = [];

    /// <summary>Whether people are not told yet.</summary>
    public bool WaitsForMail { get; init; }

    /// <summary>Whether programs are not told yet.</summary>
    public bool WaitsForBus { get; init; }

    /// <summary>Tries so far.</summary>
    public int Attempts { get; init; }
}
