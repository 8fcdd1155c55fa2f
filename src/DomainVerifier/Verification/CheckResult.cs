using Tracking.Database.Entities;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>What a check of a leased domain brought.</summary>
internal sealed record CheckResult
{
    /// <summary>What DNS said.</summary>
    public required DomainDiagnosis Diagnosis { get; init; }

    /// <summary>What that means for the domain.</summary>
    public required CheckOutcome Outcome { get; init; }

    /// <summary>When the check began: whoever asked later waits for the next one.</summary>
    public required DateTimeOffset BeganAt { get; init; }

    /// <summary>Whose the name is so far, when this check proves that it is so no longer.</summary>
    public ActiveElsewhere? Elsewhere { get; init; }
}

/// <summary>A domain of another cluster that has the same name and is active.</summary>
internal sealed record ActiveElsewhere
{
    /// <summary>Its id.</summary>
    public required Guid Id { get; init; }

    /// <summary>Its cluster.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>Where its record had to lead.</summary>
    public required HostName Target { get; init; }

    /// <summary>What DNS says of it now.</summary>
    public DomainDiagnosis? Diagnosis { get; init; }
}

/// <summary>How storing a check ended.</summary>
internal enum StoreCheckOutcome
{
    /// <summary>It is stored.</summary>
    Stored,

    /// <summary>The domain was deleted, or is another process's by now: nothing was written.</summary>
    Dropped,

    /// <summary>Somebody else changed something at the same moment: nothing was written, look again.</summary>
    Conflict,
}
