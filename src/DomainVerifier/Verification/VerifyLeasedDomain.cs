using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Bus;
using Tracking.Database.Entities;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>
/// Checks one leased tracking domain: asks DNS, stores the result, and announces changes to rewriters and edges. A
/// record can lead to one target only. So a name that verifies for one cluster is lost by the cluster that had it
/// before. That cluster's target is checked first, so that its notice has its own diagnosis.
/// </summary>
internal sealed partial class VerifyLeasedDomain(
    NpgsqlDataSource dataSource,
    Diagnose diagnose,
    AskParents parents,
    VisitDomain visit,
    StoreCheck store,
    DirectoryChanges changes,
    NoticesWaiting notices,
    VerifierTelemetry telemetry,
    IOptions<VerifierOptions> options,
    TimeProvider time,
    ILogger<VerifyLeasedDomain> logger)
{
    // Each conflict means that another transaction was faster by milliseconds. More conflicts in a row are no accident.
    // Then the check is repeated when the lease ends.
    private const int Attempts = 3;

    private const string SelectActiveElsewhere =
        """
        SELECT id, cluster_id, target FROM domains.tracking_domains
        WHERE hostname = $1 AND status = 1 AND deleted_at IS NULL AND id <> $2
        """;

    /// <summary>Checks the domain.</summary>
    /// <param name="domain">The domain, leased.</param>
    /// <param name="cancellationToken">Before the commit: nothing is stored.</param>
    /// <returns>How storing ended, and what it changed.</returns>
    /// <exception cref="NpgsqlException">The database is away. The lease ends by itself.</exception>
    /// <exception cref="TimeoutException">The check took too long.</exception>
    public async Task<(StoreCheckOutcome Outcome, CheckEffect Effect)> RunAsync(
        LeasedDomain domain, CancellationToken cancellationToken)
    {
        var began = time.GetUtcNow();
        var started = time.GetTimestamp();
        var diagnosis = await AskAsync(domain.Host, domain.Target, cancellationToken);
        if (diagnosis.Outcome == DiagnosisOutcome.Verified)
        {
            diagnosis = await LookAroundAsync(domain, diagnosis, cancellationToken);
        }

        var result = new CheckResult { Diagnosis = diagnosis, Outcome = OutcomeOf(diagnosis), BeganAt = began };
        var stored = (Outcome: StoreCheckOutcome.Conflict, Effect: CheckEffect.Nothing, RequiresHttps: false);
        for (var attempt = 0; attempt < Attempts && stored.Outcome == StoreCheckOutcome.Conflict; attempt++)
        {
            result = await LookElsewhereAsync(domain, result, cancellationToken);
            stored = await store.RunAsync(domain, result, cancellationToken);
        }

        telemetry.Checked(stored.Outcome, result.Outcome, stored.Effect, time.GetElapsedTime(started));
        if (stored.Outcome == StoreCheckOutcome.Stored)
        {
            Tell(domain, result, stored.Effect, stored.RequiresHttps);
        }
        else
        {
            LogNotStored(domain.Host, stored.Outcome);
        }

        return (stored.Outcome, stored.Effect);
    }

    // Looks for obstacles that recipients meet although the record is right.
    private async Task<DomainDiagnosis> LookAroundAsync(
        LeasedDomain domain, DomainDiagnosis diagnosis, CancellationToken cancellationToken)
    {
        var askingParents = parents.RunAsync(domain.Host, domain.HasHttpLinks, cancellationToken);
        var visiting = visit(domain.Host, cancellationToken);
        await Task.WhenAll(askingParents, visiting);
        var findings = diagnosis.Findings.ToList();
        if (await visiting is { } refused)
        {
            // The visit proves what the addresses only suggested, so the earlier finding is replaced.
            findings.RemoveAll(finding => finding.Code == refused.Code);
            findings.Add(refused);
        }

        if (await askingParents is { } forced)
        {
            findings.Add(forced);
        }

        return diagnosis with { Findings = [.. findings.OrderByDescending(finding => finding.Severity)] };
    }

    private async Task<CheckResult> LookElsewhereAsync(
        LeasedDomain domain, CheckResult result, CancellationToken cancellationToken)
    {
        if (result.Outcome != CheckOutcome.Verified
            || await FindActiveElsewhereAsync(domain, cancellationToken) is not { } other)
        {
            return result with { Elsewhere = null };
        }

        var theirs = await AskAsync(domain.Host, other.Target, cancellationToken);

        // The record has changed back meanwhile, or servers differ. That is not enough to take a name from a cluster.
        return OutcomeOf(theirs) == CheckOutcome.Verified
            ? result with { Outcome = CheckOutcome.NoEvidence, Elsewhere = null }
            : result with { Elsewhere = other with { Diagnosis = theirs } };
    }

    private async Task<ActiveElsewhere?> FindActiveElsewhereAsync(
        LeasedDomain domain, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(SelectActiveElsewhere);
        command.Parameters.Add(new() { Value = domain.Host.Value });
        command.Parameters.Add(new() { Value = domain.Id });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) && HostName.TryParse(reader.GetString(2), out var target)
            ? new ActiveElsewhere
            {
                Id = reader.GetGuid(0),
                Cluster = new ClusterId(reader.GetInt32(1)),
                Target = target,
            }
            : null;
    }

    private async Task<DomainDiagnosis> AskAsync(
        HostName host, HostName target, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.Value.LongestCheck, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await diagnose(host, target, either.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            throw new TimeoutException($"The check of {host} took longer than {options.Value.LongestCheck}.");
        }
    }

    // Runs after the commit. If the process dies here, other processes read the change from the database within a
    // minute.
    private void Tell(LeasedDomain domain, CheckResult result, CheckEffect effect, bool requiresHttps)
    {
        LogChecked(domain.Host, domain.Cluster, result.Outcome, effect);
        if (requiresHttps && effect is not (CheckEffect.Activated or CheckEffect.Demoted))
        {
            notices.Call();
            changes.Announce(domain.Cluster, hostname: domain.Host.Value);
        }

        if (effect == CheckEffect.Nothing)
        {
            return;
        }

        LogEffect(domain.Host, domain.Cluster, effect);
        notices.Call();
        if (effect == CheckEffect.Activated && result.Elsewhere is { } other)
        {
            LogTakenOver(domain.Host, other.Cluster, domain.Cluster);
            changes.Announce(other.Cluster, isDeleted: true, hostname: domain.Host.Value);
        }

        if (effect is CheckEffect.Activated or CheckEffect.Demoted)
        {
            changes.Announce(domain.Cluster, isDeleted: effect == CheckEffect.Demoted, hostname: domain.Host.Value);
        }
    }

    private static CheckOutcome OutcomeOf(DomainDiagnosis diagnosis) => diagnosis.Outcome switch
    {
        DiagnosisOutcome.Verified => CheckOutcome.Verified,
        DiagnosisOutcome.Contradicted => CheckOutcome.Contradicted,
        _ => CheckOutcome.NoEvidence,
    };

    [LoggerMessage(Level = LogLevel.Debug, Message = "Checked {Host} of cluster {Cluster}: {Outcome}, {Effect}")]
    private partial void LogChecked(HostName host, ClusterId cluster, CheckOutcome outcome, CheckEffect effect);

    [LoggerMessage(Level = LogLevel.Information, Message = "Tracking domain {Host} of cluster {Cluster}: {Effect}")]
    private partial void LogEffect(HostName host, ClusterId cluster, CheckEffect effect);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Tracking domain {Host} leads to cluster {Cluster} now and is pending in cluster {Former}")]
    private partial void LogTakenOver(HostName host, ClusterId former, ClusterId cluster);

    [LoggerMessage(Level = LogLevel.Information, Message = "The check of {Host} is not stored: {Outcome}")]
    private partial void LogNotStored(HostName host, StoreCheckOutcome outcome);
}
