namespace Tracking.Contracts;

/// <summary>To everybody: a tracking domain became active, or a warning about it is over. Its certificate is ordered at
/// once, if it has none.</summary>
public sealed record TrackingDomainVerified
{
    /// <summary>The producer's id of this message; the same when it is told again.</summary>
    public required Guid Id { get; init; }

    /// <summary>The tracking domain's id.</summary>
    public required Guid Domain { get; init; }

    /// <summary>Its cluster's number.</summary>
    public required int Cluster { get; init; }

    /// <summary>Its name, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The diagnosis, JSON.</summary>
    public required string Diagnosis { get; init; }
}

/// <summary>To everybody: a check proved an active tracking domain's record gone or changed, for the first
/// time.</summary>
public sealed record TrackingDomainWarned
{
    /// <summary>The producer's id of this message; the same when it is told again.</summary>
    public required Guid Id { get; init; }

    /// <summary>The tracking domain's id.</summary>
    public required Guid Domain { get; init; }

    /// <summary>Its cluster's number.</summary>
    public required int Cluster { get; init; }

    /// <summary>Its name, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>When its links stop unless the record is put right.</summary>
    public required DateTimeOffset LosesLinksAt { get; init; }

    /// <summary>The diagnosis, JSON.</summary>
    public required string Diagnosis { get; init; }
}

/// <summary>To everybody: a tracking domain is pending again; its links stop.</summary>
public sealed record TrackingDomainLost
{
    /// <summary>The producer's id of this message; the same when it is told again.</summary>
    public required Guid Id { get; init; }

    /// <summary>The tracking domain's id.</summary>
    public required Guid Domain { get; init; }

    /// <summary>Its cluster's number.</summary>
    public required int Cluster { get; init; }

    /// <summary>Its name, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Why: <c>record-gone</c> after two checks, <c>taken-over</c> when another cluster verified the
    /// name.</summary>
    public required string Reason { get; init; }

    /// <summary>The diagnosis, JSON.</summary>
    public required string Diagnosis { get; init; }
}

/// <summary>To everybody: a name has a new certificate. Gateways read it from the database.</summary>
public sealed record CertificateIssued
{
    /// <summary>The producer's id of this message; the same when it is told again.</summary>
    public required Guid Id { get; init; }

    /// <summary>The cluster of the tracking domain; <see langword="null"/> for a host of the operator's own.</summary>
    public required int? Cluster { get; init; }

    /// <summary>The name, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Until when it is valid.</summary>
    public required DateTimeOffset NotAfter { get; init; }
}
