using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>An endpoint that only this process visits until the lease ends.</summary>
internal sealed record LeasedEndpoint
{
    /// <summary>The cluster of the endpoint.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>The endpoint's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The id of the lease. Every lease has a new id.</summary>
    public required Guid Lease { get; init; }

    /// <summary>The URL of the receiver.</summary>
    public required string Url { get; init; }

    /// <summary>The sealed secret, and the previous secret while both sign.</summary>
    public required IReadOnlyList<byte[]> SealedSecrets { get; init; }

    /// <summary>The number of failed visits in a row.</summary>
    public required int Failures { get; init; }

    /// <summary>The time since which no attempt has succeeded.</summary>
    public DateTimeOffset? FailingSince { get; init; }
}

/// <summary>A delivery that is due.</summary>
/// <param name="Id">The id of the event, and of the webhook.</param>
/// <param name="Body">The body; <see langword="null"/> if the event no longer exists.</param>
/// <param name="DueAt">The time at which it was due.</param>
/// <param name="Tries">The number of attempts since it was written, or since it was last replayed.</param>
/// <param name="Attempts">The number of all attempts.</param>
internal sealed record DueDelivery(Guid Id, byte[]? Body, DateTimeOffset DueAt, int Tries, int Attempts);

/// <summary>A delivery that was attempted in a visit.</summary>
/// <param name="Delivery">The delivery.</param>
/// <param name="Attempt">The attempt.</param>
/// <param name="NextAttemptAt">The time of the next attempt; <see langword="null"/> if there is none.</param>
internal sealed record VisitedDelivery(DueDelivery Delivery, Attempt Attempt, DateTimeOffset? NextAttemptAt);

/// <summary>The state of an endpoint after a visit.</summary>
internal sealed record EndpointState
{
    /// <summary>The number of failed visits in a row.</summary>
    public required int Failures { get; init; }

    /// <summary>The time since which no attempt has succeeded.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>The last error.</summary>
    public string? LastError { get; init; }

    /// <summary>When an attempt of this visit succeeded; <see langword="null"/> if none did.</summary>
    public DateTimeOffset? SucceededAt { get; init; }

    /// <summary>Whether its next visit takes a place for slow endpoints.</summary>
    public required bool IsSlow { get; init; }

    /// <summary>The end of its rest. Before this time it is not visited.</summary>
    public DateTimeOffset? RestsUntil { get; init; }

    /// <summary>Why it was disabled; <see langword="null"/> if it was not.</summary>
    public DisabledReason? Disabled { get; init; }
}
