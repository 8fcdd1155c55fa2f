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

    /// <summary>There is none, and the last attempt failed.</summary>
    Failed,

    /// <summary>There is none, and the authority takes no more orders until a person has let the name go on.</summary>
    Paused,
}

/// <summary>The state of a tracking domain's certificate. What is not known is left out.</summary>
/// <param name="Status">none: the name is not verified. pending: there is none yet. active: there is one. expired: its
/// time is over. external: something in front ends TLS. failed: there is none, error says why. paused: the authority
/// waits for a person at pausedUrl.</param>
/// <param name="Issuer">Who issued it: the common name of the certificate above it.</param>
/// <param name="NotBefore">From when it is valid.</param>
/// <param name="NotAfter">Until when it is valid.</param>
/// <param name="RenewAt">When it is renewed.</param>
/// <param name="Error">Why the last attempt brought none, in the words of the certificate authority.</param>
/// <param name="ErrorType">What kind of failure it was: caa, connection, dns, rate-limited and so on.</param>
/// <param name="Advice">What a person does about it.</param>
/// <param name="ExpectedAt">When it is the name's turn, where more names want a certificate than an authority's limits
/// allow at once.</param>
/// <param name="NextAttempt">When it is tried again.</param>
/// <param name="PausedUrl">Where a person lets the name go on.</param>
internal sealed record TlsState(
    TlsStatus Status,
    string? Issuer = null,
    DateTimeOffset? NotBefore = null,
    DateTimeOffset? NotAfter = null,
    DateTimeOffset? RenewAt = null,
    string? Error = null,
    string? ErrorType = null,
    string? Advice = null,
    DateTimeOffset? ExpectedAt = null,
    DateTimeOffset? NextAttempt = null,
    string? PausedUrl = null)
{
    /// <summary>The state, by what the domain's row says and what is known of its certificate.</summary>
    public static TlsState Of(TrackingDomain domain, CertificateFacts? facts, DateTimeOffset now, bool endsInFront)
    {
        var status = domain.CertificateUntil > now ? TlsStatus.Active
            : endsInFront ? TlsStatus.External
            : domain.CertificateUntil is not null ? TlsStatus.Expired
            : domain.Status != DomainStatus.Active ? TlsStatus.None
            : facts?.PausedUrl is not null ? TlsStatus.Paused
            : facts?.Failures > 0 ? TlsStatus.Failed
            : TlsStatus.Pending;

        // For a certificate in use, the row's next date is a question about renewal and no attempt.
        var isOrdered = domain.Status == DomainStatus.Active && status != TlsStatus.External
            && (status != TlsStatus.Active || facts?.Failures > 0 || facts?.RenewAt <= now);
        var isInUse = facts?.NotAfter is { } until && until == domain.CertificateUntil;
        return new TlsState(
            status,
            isInUse ? facts!.Issuer : null,
            isInUse ? facts!.NotBefore : null,
            domain.CertificateUntil,
            isInUse && status == TlsStatus.Active ? facts!.RenewAt : null,
            isOrdered ? facts?.Error : null,
            isOrdered ? facts?.ErrorType : null,
            isOrdered ? facts?.Advice : null,
            isOrdered && status == TlsStatus.Pending && facts?.IsQueued == true ? facts.DueAt : null,
            isOrdered ? facts?.DueAt : null,
            isOrdered ? facts?.PausedUrl : null);
    }
}
