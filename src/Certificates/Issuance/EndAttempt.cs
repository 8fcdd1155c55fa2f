using Microsoft.Extensions.Options;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;
using Tracking.Certificates.Renewal;

namespace Tracking.Certificates.Issuance;

/// <summary>Ends an attempt without a certificate. The reason, the time of the next attempt and the authority's failure
/// are stored. A process that has lost its lease stores and counts nothing.</summary>
internal sealed partial class EndAttempt(
    ChooseAuthority choose,
    OpenAccounts accounts,
    StoreOrder store,
    WarnOfExpiry warn,
    IOptions<CertificateOptions> options,
    TimeProvider time,
    ILogger<EndAttempt> logger)
{
    // An order that takes longer than this has failed.
    private static readonly TimeSpan _patience = TimeSpan.FromHours(1);

    /// <summary>Ends an attempt for which no authority was asked, because our own check failed or a limit has no
    /// room.</summary>
    public async Task<IssueOutcome> PostponeAsync(
        LeasedName name, ChosenAuthority chosen, CancellationToken cancellationToken)
    {
        var problem = chosen.Problem!;
        var dueAt = time.GetUtcNow() + (chosen.Wait ?? RetryLadder.Next(name.Failures + 1, Left(name), problem));
        if (!await (chosen.Wait is null
            ? store.PauseAsync(name, problem, chosen.Directory, dueAt, cancellationToken)
            : store.WaitAsync(name, problem, chosen.Directory, dueAt, cancellationToken, chosen.QueuedFor)))
        {
            return IssueOutcome.LeaseLost;
        }

        await store.AddAttemptAsync(name, chosen.Directory, IssuanceStep.Check, problem, dueAt, cancellationToken);
        await warn.FailedAsync(name, problem, dueAt, cancellationToken);
        LogPostponed(name.Host, problem, dueAt);
        return IssueOutcome.Postponed;
    }

    /// <summary>Ends an attempt whose step failed. The order is over. An order at an authority that was not reached is
    /// kept, because the authority still has it. If another authority is configured, such an order is kept only
    /// once.</summary>
    public async Task<IssueOutcome> FailAsync(
        LeasedName name,
        OrderUnderWay order,
        IssuanceStep step,
        AcmeProblem problem,
        CancellationToken cancellationToken)
    {
        if (problem.Type is AcmeProblemType.Unauthorized or AcmeProblemType.Malformed
            && await accounts.HasChangedAsync(order.Directory, name.TakenAt, cancellationToken))
        {
            // The request was signed with the account's former key. That is no failure, and the request is sent again
            // at once.
            return await store.WaitAsync(name, problem, order.Directory, time.GetUtcNow(), cancellationToken)
                ? IssueOutcome.Postponed : IssueOutcome.LeaseLost;
        }

        var dueAt = time.GetUtcNow() + RetryLadder.Next(name.Failures + 1, Left(name), problem);
        var isKept = IsTransient(problem)
            && (options.Value.Authorities.Count == 1 || (order.Url is not null && name.Failures == 0));
        if (!await (isKept
            ? store.PauseAsync(name, problem, order.Directory, dueAt, cancellationToken)
            : store.FailAsync(name, problem, order.Directory, dueAt, cancellationToken)))
        {
            return IssueOutcome.LeaseLost;
        }

        if (problem.Type == AcmeProblemType.AccountDoesNotExist)
        {
            await accounts.ForgetAsync(order.Directory, cancellationToken);
        }
        else if (problem.Type == AcmeProblemType.Unauthorized && step == IssuanceStep.Order)
        {
            await accounts.RefuseWhereClosedAsync(order.Directory, problem, cancellationToken);
        }

        await choose.FailedAsync(name, order.Directory, step, problem, cancellationToken);
        await store.AddAttemptAsync(name, order.Directory, step, problem, dueAt, cancellationToken);
        await warn.FailedAsync(name, problem, dueAt, cancellationToken);
        LogFailed(name.Host, order.Directory, problem, dueAt);
        return IssueOutcome.Postponed;
    }

    /// <summary>Postpones an order that the authority has not finished. During the first hour this counts as no
    /// failure.</summary>
    public async Task<IssueOutcome> LaterAsync(
        LeasedName name,
        OrderUnderWay order,
        IssuanceStep step,
        AcmeProblem problem,
        CancellationToken cancellationToken)
    {
        if (time.GetUtcNow() - order.BeganAt > _patience)
        {
            return await FailAsync(name, order, step, problem, cancellationToken);
        }

        var dueAt = time.GetUtcNow() + RetryLadder.Next(1, Left(name), problem);
        LogPostponed(name.Host, problem, dueAt);
        return await store.WaitAsync(name, problem, order.Directory, dueAt, cancellationToken)
            ? IssueOutcome.Postponed : IssueOutcome.LeaseLost;
    }

    /// <summary>Whether the same request may succeed a moment later.</summary>
    public static bool IsTransient(AcmeProblem problem) => problem.Type is AcmeProblemType.Unreachable
        or AcmeProblemType.TimedOut or AcmeProblemType.Unavailable or AcmeProblemType.ServerInternal
        or AcmeProblemType.BadNonce;

    private TimeSpan? Left(LeasedName name) => name.Own?.NotAfter - time.GetUtcNow();

    [LoggerMessage(LogLevel.Warning, "No certificate for {Host} from {Authority}: {Problem}. Next attempt {Next:u}")]
    private partial void LogFailed(Links.HostName host, string authority, AcmeProblem problem, DateTimeOffset next);

    [LoggerMessage(LogLevel.Information, "The certificate of {Host} waits: {Problem}. Next attempt {Next:u}")]
    private partial void LogPostponed(Links.HostName host, AcmeProblem problem, DateTimeOffset next);
}
