using Tracking.Database.Entities;

namespace Tracking.DomainVerifier.Verification;

/// <summary>The stored facts of a tracking domain that a check may change.</summary>
internal sealed record DomainState
{
    /// <summary>The domain's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The domain's status.</summary>
    public required DomainStatus Status { get; init; }

    /// <summary>Since when the domain has this status.</summary>
    public required DateTimeOffset StatusSince { get; init; }

    /// <summary>When a check was last requested.</summary>
    public DateTimeOffset? CheckRequestedAt { get; init; }

    /// <summary>Consecutive checks that proved the record gone.</summary>
    public short Strikes { get; init; }

    /// <summary>When the first strike was.</summary>
    public DateTimeOffset? StruckAt { get; init; }

    /// <summary>The number of checks since the domain became pending.</summary>
    public int PendingChecks { get; init; }

    /// <summary>The number of checks in a row before this one that proved nothing.</summary>
    public int WithoutEvidence { get; init; }
}

/// <summary>The decision about a checked domain.</summary>
/// <param name="Effect">What changes.</param>
/// <param name="Status">The status from now on.</param>
/// <param name="Strikes">Strikes from now on.</param>
/// <param name="StruckAt">When the first strike was.</param>
/// <param name="PendingChecks">Checks since it became pending.</param>
/// <param name="NextCheckAt">The time of the next check; <see langword="null"/> if the next check needs a
/// request.</param>
internal sealed record Decision(
    CheckEffect Effect,
    DomainStatus Status,
    short Strikes,
    DateTimeOffset? StruckAt,
    int PendingChecks,
    DateTimeOffset? NextCheckAt);

/// <summary>
/// The rules of two strikes. A strike needs the agreement of all servers that answered. The second strike counts only a
/// day after the first one, whoever requested the check. A check that proves nothing changes nothing.
/// </summary>
internal static class DecideEffect
{
    /// <summary>Decides what a check changes.</summary>
    public static Decision For(DomainState domain, CheckOutcome outcome, DateTimeOffset now, VerifierOptions options) =>
        (domain.Status, outcome) switch
        {
            (DomainStatus.Pending, CheckOutcome.Verified) => Active(CheckEffect.Activated, domain, now, options),
            (DomainStatus.Pending, _) => StayPending(domain, outcome, now, options),
            (_, CheckOutcome.Verified) => Active(
                domain.Strikes > 0 ? CheckEffect.Recovered : CheckEffect.Nothing, domain, now, options),
            (_, CheckOutcome.Contradicted) => Strike(domain, now, options),
            _ => new Decision(
                CheckEffect.Nothing, DomainStatus.Active, domain.Strikes, domain.StruckAt, 0,
                CheckSchedule.Retry(domain.WithoutEvidence, now, options)),
        };

    /// <summary>The decision for a domain whose name another cluster has just verified.</summary>
    public static Decision TakenOver(DateTimeOffset now, VerifierOptions options) => new(
        CheckEffect.Demoted, DomainStatus.Pending, 0, null, 0, CheckSchedule.Poll(now, now, options));

    private static Decision Active(
        CheckEffect effect, DomainState domain, DateTimeOffset now, VerifierOptions options) =>
        new(effect, DomainStatus.Active, 0, null, 0, CheckSchedule.Daily(domain.Id, now, options));

    private static Decision StayPending(
        DomainState domain, CheckOutcome outcome, DateTimeOffset now, VerifierOptions options)
    {
        var since = domain.CheckRequestedAt > domain.StatusSince ? domain.CheckRequestedAt.Value : domain.StatusSince;
        var next = CheckSchedule.Poll(since, now, options);
        if (next is not null && outcome == CheckOutcome.NoEvidence
            && CheckSchedule.Retry(domain.WithoutEvidence, now, options) is var retry && retry > next)
        {
            next = retry;
        }

        return new Decision(CheckEffect.Nothing, DomainStatus.Pending, 0, null, domain.PendingChecks + 1, next);
    }

    private static Decision Strike(DomainState domain, DateTimeOffset now, VerifierOptions options)
    {
        if (domain is not { Strikes: > 0, StruckAt: { } struckAt })
        {
            return new Decision(
                CheckEffect.Warned, DomainStatus.Active, 1, now, 0, now + options.SecondStrikeAfter);
        }

        var counts = struckAt + options.SecondStrikeAfter;
        return now < counts
            ? new Decision(CheckEffect.Nothing, DomainStatus.Active, domain.Strikes, struckAt, 0, counts)
            : new Decision(
                CheckEffect.Demoted, DomainStatus.Pending, 0, null, 0, CheckSchedule.Poll(now, now, options));
    }
}
