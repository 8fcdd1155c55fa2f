using Tracking.Database.Entities;

namespace Tracking.Management.Domains;

/// <summary>A tracking domain in the form of the audit log.</summary>
internal sealed record AuditedDomain(
    DomainStatus Status,
    bool IsDefault,
    bool SetAsDefault,
    bool Retired,
    bool TrackClicks,
    TrackingLevel TrackingLevel,
    bool TrackOpens,
    HttpsPolicy Https,
    IReadOnlyList<string> ExcludedDomains,
    string Utm,
    string Target)
{
    public static AuditedDomain Of(TrackingDomain domain) => new(
        domain.Status,
        domain.IsDefault,
        domain.WantsDefault,
        domain.IsRetired,
        domain.TrackClicks,
        domain.TrackingLevel,
        domain.TrackOpens,
        domain.Https,
        domain.ExcludedDomains,
        domain.Utm,
        domain.Target);
}
