namespace Tracking.Contracts;

/// <summary>To every service: a tracking domain became active, or a warning about it ended. A domain without a
/// certificate gets one ordered at once.</summary>
public sealed record TrackingDomainVerified
{
    /// <summary>The producer's id of this message; a repeated message has the same id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The tracking domain's id.</summary>
    public required Guid Domain { get; init; }

    /// <summary>Its cluster's number.</summary>
    public required int Cluster { get; init; }

    /// <summary>Its name, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>When it became active, or when the warning ended.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The diagnosis, JSON.</summary>
    public required string Diagnosis { get; init; }
}

/// <summary>To every service: for the first time, a check proved that the record of an active tracking domain is gone
/// or changed.</summary>
public sealed record TrackingDomainWarned
{
    /// <summary>The producer's id of this message; a repeated message has the same id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The tracking domain's id.</summary>
    public required Guid Domain { get; init; }

    /// <summary>Its cluster's number.</summary>
    public required int Cluster { get; init; }

    /// <summary>Its name, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>The time of the check.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>When the domain's links stop unless the record is corrected.</summary>
    public required DateTimeOffset LosesLinksAt { get; init; }

    /// <summary>The diagnosis, JSON.</summary>
    public required string Diagnosis { get; init; }
}

/// <summary>To every service: a tracking domain is pending again, so its links stop.</summary>
public sealed record TrackingDomainLost
{
    /// <summary>The producer's id of this message; a repeated message has the same id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The tracking domain's id.</summary>
    public required Guid Domain { get; init; }

    /// <summary>Its cluster's number.</summary>
    public required int Cluster { get; init; }

    /// <summary>Its name, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>When the domain became pending.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The reason: <c>record-gone</c> after two checks, <c>taken-over</c> when another cluster verified the
    /// name.</summary>
    public required string Reason { get; init; }

    /// <summary>The diagnosis, JSON.</summary>
    public required string Diagnosis { get; init; }
}

/// <summary>To every service: a name has a new certificate. Gateways read it from the database.</summary>
public sealed record CertificateIssued
{
    /// <summary>The producer's id of this message; a repeated message has the same id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The cluster of the tracking domain; <see langword="null"/> for a host of the operator.</summary>
    public required int? Cluster { get; init; }

    /// <summary>The name, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>When the certificate was issued.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The end of the certificate's validity.</summary>
    public required DateTimeOffset NotAfter { get; init; }
}
