using Tracking.Database.Entities;

namespace Tracking.Management.Domains;

/// <summary>Whether a name has a certificate.</summary>
internal enum TlsStatus
{
    /// <summary>No certificate, because the name is not verified.</summary>
    None,

    /// <summary>No certificate yet.</summary>
    Pending,

    /// <summary>A certificate is in use.</summary>
    Active,

    /// <summary>The certificate has expired.</summary>
    Expired,

    /// <summary>Something in front of this installation ends TLS.</summary>
    External,

    /// <summary>No certificate; the last attempt failed.</summary>
    Failed,

    /// <summary>No certificate; the authority accepts no orders for the name until a person has continued it.</summary>
    Paused,
}

/// <summary>The state of a name's certificate. Unknown members are left out.</summary>
/// <param name="Status">none: the name is not verified. pending: there is none yet. active: there is one. expired: its
/// time is over. external: something in front ends TLS. failed: there is none, error says why. paused: the authority
/// waits for a person at pausedUrl.</param>
/// <param name="Issuer">The issuer: the common name of the certificate above it.</param>
/// <param name="NotBefore">The beginning of its validity.</param>
/// <param name="NotAfter">The end of its validity.</param>
/// <param name="RenewAt">When the renewal begins.</param>
/// <param name="Error">Why the last attempt failed, in the words of the certificate authority.</param>
/// <param name="ErrorType">The kind of failure: caa, connection, dns, rate-limited and so on.</param>
/// <param name="Advice">What a person can do about the failure.</param>
/// <param name="ExpectedAt">When it is the name's turn, where more names want a certificate than an authority's limits
/// allow at once.</param>
/// <param name="NextAttempt">When the next attempt begins.</param>
/// <param name="PausedUrl">The authority's page on which a person continues the name.</param>
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
    /// <summary>The state of a tracking domain's certificate.</summary>
    public static TlsState Of(TrackingDomain domain, CertificateFacts? facts, DateTimeOffset now, bool endsInFront) =>
        Of(domain.Status == DomainStatus.Active, domain.CertificateUntil, facts, now, endsInFront);

    /// <summary>The state of a certificate of one of the operator's own hosts, which are always wanted.</summary>
    public static TlsState OfOwn(CertificateFacts? facts, DateTimeOffset now, bool endsInFront) =>
        Of(isWanted: true, facts?.NotAfter, facts, now, endsInFront);

    private static TlsState Of(
        bool isWanted, DateTimeOffset? certificateUntil, CertificateFacts? facts, DateTimeOffset now, bool endsInFront)
    {
        var status = certificateUntil > now ? TlsStatus.Active
            : endsInFront ? TlsStatus.External
            : certificateUntil is not null ? TlsStatus.Expired
            : !isWanted ? TlsStatus.None
            : facts?.PausedUrl is not null ? TlsStatus.Paused
            : facts?.Failures > 0 ? TlsStatus.Failed
            : TlsStatus.Pending;

        // For a certificate in use, the row's next date is a question about renewal and no attempt.
        var isOrdered = isWanted && status != TlsStatus.External
            && (status != TlsStatus.Active || facts?.Failures > 0 || facts?.RenewAt <= now);
        var isInUse = facts?.NotAfter is { } until && until == certificateUntil;
        return new TlsState(
            status,
            isInUse ? facts!.Issuer : null,
            isInUse ? facts!.NotBefore : null,
            certificateUntil,
            isInUse && status == TlsStatus.Active ? facts!.RenewAt : null,
            isOrdered ? facts?.Error : null,
            isOrdered ? facts?.ErrorType : null,
            isOrdered ? facts?.Advice : null,
            isOrdered && status == TlsStatus.Pending && facts?.IsQueued == true ? facts.DueAt : null,
            isOrdered ? facts?.DueAt : null,
            isOrdered ? facts?.PausedUrl : null);
    }
}
