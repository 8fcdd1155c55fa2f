using Tracking.Database.Entities;

namespace Tracking.Management.Domains;

/// <summary>Whether a tracking domain has a certificate.</summary>
internal enum TlsStatus
{
    /// <summary>There is none, and none is wanted before the name is verified.</summary>
    None,

    /// <summary>There is none yet.</summary>
    Pending,

    /// <summary>There is one.</summary>
    Active,

    /// <summary>There was one; its time is over.</summary>
    Expired,

    /// <summary>Something in front of this installation ends TLS.</summary>
    External,
}

/// <summary>The state of a tracking domain's certificate. What is not known is left out.</summary>
/// <param name="Status">Whether it has one.</param>
/// <param name="Issuer">Who issued it.</param>
/// <param name="NotAfter">Until when it is valid.</param>
/// <param name="Error">Why there is none, in the words of the certificate authority.</param>
/// <param name="NextAttempt">When it is tried again.</param>
internal sealed record TlsState(
    TlsStatus Status,
    string? Issuer = null,
    DateTimeOffset? NotAfter = null,
    string? Error = null,
    DateTimeOffset? NextAttempt = null)
{
    /// <summary>The state, by what the domain's own row says.</summary>
    public static TlsState Of(TrackingDomain domain, DateTimeOffset now, bool endsInFront) => new(
        domain.CertificateUntil > now ? TlsStatus.Active
            : endsInFront ? TlsStatus.External
            : domain.CertificateUntil is not null ? TlsStatus.Expired
            : domain.Status == DomainStatus.Active ? TlsStatus.Pending
            : TlsStatus.None,
        NotAfter: domain.CertificateUntil);
}
