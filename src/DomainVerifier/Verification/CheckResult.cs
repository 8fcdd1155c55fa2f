using Tracking.Database.Entities;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>The result of a check of a leased domain.</summary>
internal sealed record CheckResult
{
    /// <summary>The diagnosis.</summary>
    public required DomainDiagnosis Diagnosis { get; init; }

    /// <summary>The outcome of the check for the domain.</summary>
    public required CheckOutcome Outcome { get; init; }

    /// <summary>When the check began. A request that came later waits for the next check.</summary>
    public required DateTimeOffset BeganAt { get; init; }

    /// <summary>Whether browsers open the name by https alone, so that http links are dead without a
    /// certificate.</summary>
    public bool ForcesHttps => Diagnosis.Findings.Any(finding => finding.Code == FindingCode.HttpsForcedByParent);

    /// <summary>The domain of another cluster that loses the name by this check.</summary>
    public ActiveElsewhere? Elsewhere { get; init; }
}

/// <summary>A domain of another cluster that has the same name and is active.</summary>
internal sealed record ActiveElsewhere
{
    /// <summary>The domain's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The domain's cluster.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>The domain's verification target.</summary>
    public required HostName Target { get; init; }

    /// <summary>The diagnosis for that target.</summary>
    public DomainDiagnosis? Diagnosis { get; init; }
}

/// <summary>How storing a check ended.</summary>
internal enum StoreCheckOutcome
{
    /// <summary>The check is stored.</summary>
    Stored,

    /// <summary>The domain was deleted, or the lease was lost. Nothing was written.</summary>
    Dropped,

    /// <summary>Another transaction changed the name at the same moment. Nothing was written, and the check has to be
    /// stored again.</summary>
    Conflict,
}
