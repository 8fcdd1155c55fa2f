using Tracking.Certificates.Acme;
using Tracking.Links;

namespace Tracking.Certificates.Issuance;

/// <summary>A name that this process works on, as its row stood when it was taken.</summary>
internal sealed record LeasedName
{
    public required HostName Host { get; init; }

    /// <summary>The cluster whose active tracking domain it is; <see langword="null"/> for the operator's
    /// own.</summary>
    public required ClusterId? Cluster { get; init; }

    /// <summary>The cluster that the certificate in use was ordered for.</summary>
    public required ClusterId? FormerCluster { get; init; }

    /// <summary>Whether it is an active tracking domain or a host of the operator's own.</summary>
    public required bool IsWanted { get; init; }

    public required Guid Lease { get; init; }

    /// <summary>When it was taken.</summary>
    public required DateTimeOffset TakenAt { get; init; }

    /// <summary>Since when it was due.</summary>
    public required DateTimeOffset DueAt { get; init; }

    /// <summary>Until when the tracking domain believes that it has a certificate.</summary>
    public DateTimeOffset? CertificateUntil { get; init; }

    /// <summary>The certificate in use.</summary>
    public StoredCertificate? Current { get; init; }

    public DateTimeOffset? RenewAt { get; init; }

    public DateTimeOffset? WindowAskedAt { get; init; }

    public OrderUnderWay? Order { get; init; }

    /// <summary>The challenge of that order that was answered, or was about to be.</summary>
    public ChallengeType? Challenge { get; init; }

    /// <summary>The certificate in use, unless it was ordered for another cluster.</summary>
    public StoredCertificate? Own => FormerCluster == Cluster ? Current : null;

    /// <summary>Failures in a row.</summary>
    public required int Failures { get; init; }

    /// <summary>The queue in which it has its place, as <see cref="Budgets.PlaceIn"/> writes it.</summary>
    public string? QueuedFor { get; init; }

    /// <summary>When an attempt failed last.</summary>
    public DateTimeOffset? LastFailedAt { get; init; }
}

/// <summary>A certificate in use, without its key.</summary>
/// <param name="Id">Its row.</param>
/// <param name="Directory">The authority that gave it.</param>
/// <param name="RenewalId">Its name there (RFC 9773).</param>
/// <param name="NotBefore">Valid from.</param>
/// <param name="NotAfter">Valid until.</param>
internal sealed record StoredCertificate(
    Guid Id, string Directory, string? RenewalId, DateTimeOffset NotBefore, DateTimeOffset NotAfter)
{
    public TimeSpan Lifetime => NotAfter - NotBefore;
}

/// <summary>An order that was begun; another process may have.</summary>
/// <param name="Id">Names it here, and becomes the certificate's id.</param>
/// <param name="Directory">The authority.</param>
/// <param name="Url">Its address; <see langword="null"/> when the authority's answer was not stored.</param>
/// <param name="SealedKey">The key that its request is for.</param>
/// <param name="BeganAt">When.</param>
/// <param name="Replaces">The certificate that it renews.</param>
internal sealed record OrderUnderWay(
    Guid Id, string Directory, Uri? Url, byte[]? SealedKey, DateTimeOffset BeganAt, Guid? Replaces);
