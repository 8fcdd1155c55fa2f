using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>An endpoint that is this process's to visit, until its lease ends.</summary>
internal sealed record LeasedEndpoint
{
    /// <summary>Whose it is.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>Its id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The lease, a new one each time.</summary>
    public required Guid Lease { get; init; }

    /// <summary>The receiver.</summary>
    public required string Url { get; init; }

    /// <summary>The sealed secret, and the one before it while both sign.</summary>
    public required IReadOnlyList<byte[]> SealedSecrets { get; init; }

    /// <summary>Visits that failed, in a row.</summary>
    public required int Failures { get; init; }

    /// <summary>Since when no attempt has succeeded.</summary>
    public DateTimeOffset? FailingSince { get; init; }
}

/// <summary>A delivery that is due.</summary>
/// <param name="Id">The event's id, and the webhook's.</param>
/// <param name="Body">What is told; <see langword="null"/> when the event is not there any more.</param>
/// <param name="DueAt">When it was due.</param>
/// <param name="Tries">Attempts since it was written or sent again.</param>
/// <param name="Attempts">Attempts in all.</param>
internal sealed record DueDelivery(Guid Id, byte[]? Body, DateTimeOffset DueAt, int Tries, int Attempts);

/// <summary>What became of a delivery in a visit.</summary>
/// <param name="Delivery">Which.</param>
/// <param name="Attempt">The attempt.</param>
/// <param name="NextAttemptAt">When it is tried again; <see langword="null"/> when it is over.</param>
internal sealed record VisitedDelivery(DueDelivery Delivery, Attempt Attempt, DateTimeOffset? NextAttemptAt);

/// <summary>How an endpoint stands after a visit.</summary>
internal sealed record EndpointState
{
    /// <summary>Visits that failed, in a row.</summary>
    public required int Failures { get; init; }

    /// <summary>Since when no attempt has succeeded.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>What went wrong last.</summary>
    public string? LastError { get; init; }

    /// <summary>When an attempt succeeded in this visit; <see langword="null"/> when none did.</summary>
    public DateTimeOffset? SucceededAt { get; init; }

    /// <summary>Whether it takes a place among the slow ones.</summary>
    public required bool IsSlow { get; init; }

    /// <summary>Until when it is left alone.</summary>
    public DateTimeOffset? RestsUntil { get; init; }

    /// <summary>Why it gets nothing any more; <see langword="null"/> when it goes on.</summary>
    public DisabledReason? Disabled { get; init; }
}
