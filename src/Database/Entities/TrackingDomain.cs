using System.Text.Json.Serialization;
using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>Whether the record of a tracking domain is right.</summary>
public enum DomainStatus
{
    /// <summary>Not verified yet, or not any more: nothing is served on it.</summary>
    Pending,

    /// <summary>The record leads here.</summary>
    Active,
}

/// <summary>Whether links on a tracking domain must be https.</summary>
public enum HttpsPolicy
{
    /// <summary>No new links before there is a certificate.</summary>
    Required,

    /// <summary>A transition: new links are http until there is a certificate. Browsers warn before them.</summary>
    Optional,
}

/// <summary>Why new links may not use a tracking domain, or that they may.</summary>
public enum NewLinks
{
    /// <summary>They may.</summary>
    Accepted,

    /// <summary>It is not verified.</summary>
    Pending,

    /// <summary>It only answers old links.</summary>
    Retired,

    /// <summary>It has no valid certificate and https is required.</summary>
    NoCertificate,
}

/// <summary>A customer's own name for links: one CNAME record proves it and leads recipients here.</summary>
public sealed class TrackingDomain
{
    /// <summary>UUIDv7.</summary>
    public required Guid Id { get; init; }

    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>A-labels, lower case, without a final dot.</summary>
    public required string Hostname { get; init; }

    /// <summary>The value of its CNAME record, never given to another.</summary>
    public required string Target { get; init; }

    /// <summary>Whether its record is right.</summary>
    public DomainStatus Status { get; set; }

    /// <summary>When the status began.</summary>
    public DateTimeOffset StatusSince { get; set; }

    /// <summary>When it was verified last; <see langword="null"/> when it never was.</summary>
    public DateTimeOffset? VerifiedAt { get; set; }

    /// <summary>Used for messages that name no host.</summary>
    public bool IsDefault { get; set; }

    /// <summary>Becomes the default when it is verified.</summary>
    public bool WantsDefault { get; set; }

    /// <summary>Old links are served, no new ones are made.</summary>
    public bool IsRetired { get; set; }

    /// <summary>Whether clicks are tracked on it; it may restrict, never extend.</summary>
    public bool TrackClicks { get; set; } = true;

    /// <summary>How much is kept of who follows its links, where that is stricter than the cluster's level.</summary>
    public TrackingLevel TrackingLevel { get; set; }

    /// <summary>Whether opens are tracked on it; it may restrict, never extend.</summary>
    public bool TrackOpens { get; set; } = true;

    /// <summary>Whether links must be https.</summary>
    public HttpsPolicy Https { get; set; }

    /// <summary>Destinations that stay plain on it: hosts, <c>*.</c> patterns, each with a path prefix or
    /// not.</summary>
    public string[] ExcludedDomains { get; set; } = [];

    /// <summary>UTM parameters of links on it, over those of its cluster: <see cref="UtmParameters"/>.</summary>
    public string Utm { get; set; } = "";

    /// <summary>Whether paths on it are links of mail that another system sent
    /// (<c>links.imported_links</c>).</summary>
    public bool HasImportedLinks { get; set; }

    /// <summary>Whether links on the name that begin with http may be in mail, whose cluster has not been told that
    /// browsers refuse them. The database sets it.</summary>
    public bool HasHttpLinks { get; private set; }

    /// <summary>When it was added.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was deleted; the row stays, so that its target is never given again.</summary>
    public DateTimeOffset? DeletedAt { get; set; }

    /// <summary>Until when the certificate in use is valid; <see langword="null"/> without one.</summary>
    public DateTimeOffset? CertificateUntil { get; set; }

    /// <summary>Consecutive checks that proved the record gone: at the second it becomes pending.</summary>
    public short Strikes { get; set; }

    /// <summary>The time of the first of these checks.</summary>
    public DateTimeOffset? StruckAt { get; set; }

    /// <summary>The last diagnosis, JSON.</summary>
    public string? LastCheck { get; set; }

    /// <summary>When it was checked last.</summary>
    public DateTimeOffset? LastCheckedAt { get; set; }

    /// <summary>When it is checked next; <see langword="null"/>: only on demand.</summary>
    public DateTimeOffset? NextCheckAt { get; set; }

    /// <summary>When a check was last requested.</summary>
    public DateTimeOffset? CheckRequestedAt { get; set; }

    /// <summary>Checks since it became pending.</summary>
    public int PendingChecks { get; set; }

    /// <summary>The verifier that holds the lease.</summary>
    public Guid? LeasedBy { get; set; }

    /// <summary>The end of that lease.</summary>
    public DateTimeOffset? LeasedUntil { get; set; }

    /// <summary>The transaction of its last change that other processes must hear of; the database sets it.</summary>
    public ulong ChangedIn { get; private set; }

    /// <summary>The one answer to whether new links use it.</summary>
    /// <param name="now">The time.</param>
    /// <param name="hasHttpsElsewhere">Whether something in front of this installation ends TLS for every name:
    /// <see cref="SystemOptions.TlsEndsInFront"/>.</param>
    public NewLinks AcceptsNewLinks(DateTimeOffset now, bool hasHttpsElsewhere) =>
        AcceptNewLinks.For(Status, IsRetired, Https, hasHttpsElsewhere || CertificateUntil > now);
}

/// <summary>The one place that decides whether new links may use a tracking domain.</summary>
public static class AcceptNewLinks
{
    /// <summary>Decides.</summary>
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

    /// <summary>Why it was checked.</summary>
    public required CheckCause Cause { get; init; }

    /// <summary>What DNS showed.</summary>
    public required CheckOutcome Outcome { get; init; }

    /// <summary>The effect of the check.</summary>
    public required CheckEffect Effect { get; init; }

    /// <summary>The diagnosis, JSON.</summary>
    public required string Diagnosis { get; init; }
}

/// <summary>Why a tracking domain was checked.</summary>
public enum CheckCause
{
    /// <summary>It waits to be verified.</summary>
    Polled,

    /// <summary>The check of every day.</summary>
    Daily,

    /// <summary>A request.</summary>
    Asked,

    /// <summary>Another cluster verified the same name.</summary>
    TakenOver,
}

/// <summary>What a check showed.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CheckOutcome>))]
public enum CheckOutcome
{
    /// <summary>The record leads to the target.</summary>
    Verified,

    /// <summary>All servers that answer agree that it does not.</summary>
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

    /// <summary>A first strike: a warning, it stays active.</summary>
    Warned,

    /// <summary>It became pending.</summary>
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

    /// <summary>The cluster that was changed; <see langword="null"/> for what belongs to none.</summary>
    public required ClusterId? ClusterId { get; init; }

    /// <summary>The key that did it; <see langword="null"/> for what the system did by itself.</summary>
    public required Guid? ApiKeyId { get; init; }

    /// <summary>The key's name then, or the service that did it.</summary>
    public required string Actor { get; init; }

    /// <summary>What was done, kebab-case: <c>create-tracking-domain</c>.</summary>
    public required string Action { get; init; }

    /// <summary>What it was done to: a host name, a key's or a cluster's id.</summary>
    public required string Subject { get; init; }

    /// <summary>How it was, JSON without secrets.</summary>
    public string? Before { get; init; }

    /// <summary>How it became, JSON without secrets.</summary>
    public string? After { get; init; }
}
