using Tracking.Certificates.Acme;
using Tracking.Links;

namespace Tracking.Certificates.Issuance;

/// <summary>A name that this process works on, with its row as it was when the name was leased.</summary>
internal sealed record LeasedName
{
    public required HostName Host { get; init; }

    /// <summary>The cluster whose active tracking domain has this name; <see langword="null"/> for the operator's own
    /// hosts.</summary>
    public required ClusterId? Cluster { get; init; }

    /// <summary>The cluster for which the certificate in use was ordered.</summary>
    public required ClusterId? FormerCluster { get; init; }

    /// <summary>Whether the name is an active tracking domain or one of the operator's own hosts.</summary>
    public required bool IsWanted { get; init; }

    public required Guid Lease { get; init; }

    /// <summary>When the name was leased.</summary>
    public required DateTimeOffset TakenAt { get; init; }

    /// <summary>Since when the name was due.</summary>
    public required DateTimeOffset DueAt { get; init; }

    /// <summary>The end of the certificate in the tracking domain's row.</summary>
    public DateTimeOffset? CertificateUntil { get; init; }

    /// <summary>The certificate in use.</summary>
    public StoredCertificate? Current { get; init; }

    public DateTimeOffset? RenewAt { get; init; }

    public DateTimeOffset? WindowAskedAt { get; init; }

    public OrderUnderWay? Order { get; init; }

    /// <summary>The challenge of that order that was answered, or was to be answered next.</summary>
    public ChallengeType? Challenge { get; init; }

    /// <summary>The certificate in use, unless it was ordered for another cluster.</summary>
    public StoredCertificate? Own => FormerCluster == Cluster ? Current : null;

    /// <summary>Failures in a row.</summary>
    public required int Failures { get; init; }

    /// <summary>The queue in which the name waits, in the form of <see cref="Budgets.PlaceIn"/>.</summary>
    public string? QueuedFor { get; init; }

    /// <summary>When the last attempt failed.</summary>
    public DateTimeOffset? LastFailedAt { get; init; }
}

/// <summary>A certificate in use, without its key.</summary>
/// <param name="Id">Its row.</param>
/// <param name="Directory">The authority that issued the certificate.</param>
/// <param name="RenewalId">The certificate's id at the authority (RFC 9773).</param>
/// <param name="NotBefore">Valid from.</param>
/// <param name="NotAfter">Valid until.</param>
internal sealed record StoredCertificate(
    Guid Id, string Directory, string? RenewalId, DateTimeOffset NotBefore, DateTimeOffset NotAfter)
{
    public TimeSpan Lifetime => NotAfter - NotBefore;
}

/// <summary>An order that this or another process has begun.</summary>
/// <param name="Id">Our id of the order, which becomes the certificate's id.</param>
/// <param name="Directory">The authority.</param>
/// <param name="Url">The order's URL; <see langword="null"/> if the authority's answer was not stored.</param>
/// <param name="SealedKey">The sealed key of the certificate request.</param>
/// <param name="BeganAt">When the order was begun.</param>
/// <param name="Replaces">The certificate that the order renews.</param>
internal sealed record OrderUnderWay(
    Guid Id, string Directory, Uri? Url, byte[]? SealedKey, DateTimeOffset BeganAt, Guid? Replaces);
