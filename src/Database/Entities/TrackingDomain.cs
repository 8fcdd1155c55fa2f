using System.Text.Json.Serialization;
using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>Whether the DNS record of a tracking domain is right.</summary>
public enum DomainStatus
{
    /// <summary>The record is not verified yet, or no longer. No link on the domain works.</summary>
    Pending,

    /// <summary>The record points to this installation.</summary>
    Active,
}

/// <summary>Whether links on a tracking domain must be https.</summary>
public enum HttpsPolicy
{
    /// <summary>New links need a certificate.</summary>
    Required,

    /// <summary>For a transition: new links are http until there is a certificate. Browsers warn about http
    /// links.</summary>
    Optional,
}

/// <summary>Whether new links may use a tracking domain, and why not.</summary>
public enum NewLinks
{
    /// <summary>New links may use it.</summary>
    Accepted,

    /// <summary>The domain is not verified.</summary>
    Pending,

    /// <summary>The domain is retired: only old links work.</summary>
    Retired,

    /// <summary>The domain has no valid certificate, and https is required.</summary>
    NoCertificate,
}

/// <summary>A customer's own host name for links. One CNAME record proves that the customer controls the name and
/// directs recipients to this installation.</summary>
public sealed class TrackingDomain
{
    /// <summary>UUIDv7.</summary>
    public required Guid Id { get; init; }

    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>A-labels, lower case, without a final dot.</summary>
    public required string Hostname { get; init; }

    /// <summary>The value of its CNAME record. No other domain ever gets the same value.</summary>
    public required string Target { get; init; }

    /// <summary>Whether the DNS record is right.</summary>
    public DomainStatus Status { get; set; }

    /// <summary>When the status began.</summary>
    public DateTimeOffset StatusSince { get; set; }

    /// <summary>When the record was last verified; <see langword="null"/> if never.</summary>
    public DateTimeOffset? VerifiedAt { get; set; }

    /// <summary>Whether the domain is used for messages that name no host.</summary>
    public bool IsDefault { get; set; }

    /// <summary>Whether the domain becomes the default when it is verified.</summary>
    public bool WantsDefault { get; set; }

    /// <summary>Whether only old links work and no new ones are made.</summary>
    public bool IsRetired { get; set; }

    /// <summary>Whether clicks are tracked. False wins over the cluster's setting; true does not.</summary>
    public bool TrackClicks { get; set; } = true;

    /// <summary>How much is stored about people who follow its links. The stricter level of domain and cluster
    /// applies.</summary>
    public TrackingLevel TrackingLevel { get; set; }

    /// <summary>Whether opens are tracked. False wins over the cluster's setting; true does not.</summary>
    public bool TrackOpens { get; set; } = true;

    /// <summary>Whether links must be https.</summary>
    public HttpsPolicy Https { get; set; }

    /// <summary>Destinations that are not tracked on it: hosts and <c>*.</c> patterns, with or without a path
    /// prefix.</summary>
    public string[] ExcludedDomains { get; set; } = [];

    /// <summary>UTM parameters of links on it. They override the cluster's: <see cref="UtmParameters"/>.</summary>
    public string Utm { get; set; } = "";

    /// <summary>Whether it has links of mail that another system sent (<c>links.imported_links</c>).</summary>
    public bool HasImportedLinks { get; set; }

    /// <summary>Whether mail with http links on the name may have been sent and the cluster has not been told that
    /// browsers refuse them. The database sets this.</summary>
    public bool HasHttpLinks { get; private set; }

    /// <summary>When the domain was added.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the domain was deleted. The row stays, so that its target is never used again.</summary>
    public DateTimeOffset? DeletedAt { get; set; }

    /// <summary>Until when the certificate in use is valid; <see langword="null"/> without one.</summary>
    public DateTimeOffset? CertificateUntil { get; set; }

    /// <summary>Consecutive checks that proved the record gone. At the second the domain becomes pending.</summary>
    public short Strikes { get; set; }

    /// <summary>The time of the first of these checks.</summary>
    public DateTimeOffset? StruckAt { get; set; }

    /// <summary>The last diagnosis, JSON.</summary>
    public string? LastCheck { get; set; }

    /// <summary>When the domain was last checked.</summary>
    public DateTimeOffset? LastCheckedAt { get; set; }

    /// <summary>When the domain is checked next; <see langword="null"/>: only on demand.</summary>
    public DateTimeOffset? NextCheckAt { get; set; }

    /// <summary>When a check was last requested.</summary>
    public DateTimeOffset? CheckRequestedAt { get; set; }

    /// <summary>How many checks ran since the domain became pending.</summary>
    public int PendingChecks { get; set; }

    /// <summary>The verifier that holds the lease.</summary>
    public Guid? LeasedBy { get; set; }

    /// <summary>The end of that lease.</summary>
    public DateTimeOffset? LeasedUntil { get; set; }

    /// <summary>The transaction of its last change that other processes must learn of. The database sets it.</summary>
    public ulong ChangedIn { get; private set; }

    /// <summary>Whether new links may use it. No other code decides this.</summary>
    /// <param name="now">The time.</param>
    /// <param name="hasHttpsElsewhere">Whether something in front of this installation ends TLS for every name:
    /// <see cref="SystemOptions.TlsEndsInFront"/>.</param>
    public NewLinks AcceptsNewLinks(DateTimeOffset now, bool hasHttpsElsewhere) =>
        AcceptNewLinks.For(Status, IsRetired, Https, hasHttpsElsewhere || CertificateUntil > now);
}

/// <summary>The one place that decides whether new links may use a tracking domain.</summary>
public static class AcceptNewLinks
{
    /// <summary>Decides whether new links may use a domain.</summary>
    public static NewLinks For(DomainStatus status, bool isRetired, HttpsPolicy https, bool hasHttps) =>
        status != DomainStatus.Active ? NewLinks.Pending
        : isRetired ? NewLinks.Retired
        : https == HttpsPolicy.Required && !hasHttps ? NewLinks.NoCertificate
        : NewLinks.Accepted;
}

/// <summary>One check of a tracking domain.</summary>
public sealed class DomainCheck
{
    /// <summary>UUIDv7.</summary>
    public required Guid Id { get; init; }

    /// <summary>The domain.</summary>
    public required Guid DomainId { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Why the domain was checked.</summary>
    public required CheckCause Cause { get; init; }

    /// <summary>The result.</summary>
    public required CheckOutcome Outcome { get; init; }

    /// <summary>The effect of the check.</summary>
    public required CheckEffect Effect { get; init; }

    /// <summary>The diagnosis, JSON.</summary>
    public required string Diagnosis { get; init; }
}

/// <summary>Why a tracking domain was checked.</summary>
public enum CheckCause
{
    /// <summary>The domain waits to be verified.</summary>
    Polled,

    /// <summary>The daily check.</summary>
    Daily,

    /// <summary>Somebody requested it.</summary>
    Asked,

    /// <summary>Another cluster verified the same name.</summary>
    TakenOver,
}

/// <summary>The result of a check.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CheckOutcome>))]
public enum CheckOutcome
{
    /// <summary>The record points to the target.</summary>
    Verified,

    /// <summary>All servers that answer agree that the record does not point to the target.</summary>
    Contradicted,

    /// <summary>Nothing is proved: time-outs, SERVFAIL, servers that disagree.</summary>
    NoEvidence,
}

/// <summary>What a check changed.</summary>
public enum CheckEffect
{
    /// <summary>Nothing.</summary>
    Nothing,

    /// <summary>The domain became active.</summary>
    Activated,

    /// <summary>A first strike: a warning is sent, and the domain stays active.</summary>
    Warned,

    /// <summary>The domain became pending.</summary>
    Demoted,

    /// <summary>The record is right again after a first strike.</summary>
    Recovered,
}

/// <summary>A change through the API: who changed what.</summary>
public sealed class AuditEntry
{
    /// <summary>UUIDv7.</summary>
    public required Guid Id { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The cluster that was changed; <see langword="null"/> for a change that belongs to no cluster.</summary>
    public required ClusterId? ClusterId { get; init; }

    /// <summary>The API key that made the change; <see langword="null"/> for a change by the system.</summary>
    public required Guid? ApiKeyId { get; init; }

    /// <summary>The key's name at that time, or the service that made the change.</summary>
    public required string Actor { get; init; }

    /// <summary>The action, kebab-case: <c>create-tracking-domain</c>.</summary>
    public required string Action { get; init; }

    /// <summary>The changed thing: a host name, or the id of a key or cluster.</summary>
    public required string Subject { get; init; }

    /// <summary>The state before, JSON without secrets.</summary>
    public string? Before { get; init; }

    /// <summary>The state after, JSON without secrets.</summary>
    public string? After { get; init; }
}
