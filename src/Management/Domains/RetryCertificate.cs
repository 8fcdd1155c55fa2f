using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Domains;

/// <summary>
/// <c>POST /api/v1/clusters/{cluster}/tracking-domains/{hostname}/certificate/retry</c>: begins the next attempt at
/// once, for people who have corrected a fault. It neither exceeds a limit of an authority nor runs beside another
/// attempt.
/// </summary>
internal static class RetryCertificate
{
    // The form is that of the certificate service.
    private const string RateLimited = "rate-limited";

    public static void Map(IEndpointRouteBuilder domains) => domains.MapPost(
            FindDomain.Route + "/certificate/retry", RetryAsync)
        .RequireClusterAccess()
        .Describe("RetryTrackingDomainCertificate", "Tries to get the certificate of a tracking domain now; the answer "
            + "does not wait for it.")
        .DescribeProblems(409);

    /// <summary>Makes the name due at once.</summary>
    public static async Task<Results<Ok<TlsState>, Problem>> RetryAsync(
        ClusterId cluster,
        string hostname,
        ApiKeyHolder holder,
        TrackingDb db,
        DescribeDomain describe,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        // The domain is not locked here. The certificate service locks the name first and the domain second, so the
        // opposite order could deadlock.
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await FindDomain.ReadAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return FindDomain.NoSuchDomain(hostname);
        }

        var now = time.GetUtcNow();
        var before = await ReadAsync();
        if (Refusal(domain, before, now) is { } refusal)
        {
            return refusal;
        }

        if (!await MakeDueAsync(db, cluster, domain.Hostname, now, cancellationToken))
        {
            return UnderWay(domain.Hostname);
        }

        var state = describe.TlsOf(domain, await ReadAsync());
        await RecordChange.AddAsync(
            db,
            holder,
            new("retry-certificate", domain.Hostname, cluster, describe.TlsOf(domain, before), state),
            time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.Ok(state);

        async Task<CertificateFacts?> ReadAsync() =>
            (await CertificateFacts.ReadAsync(db, cluster, [domain.Hostname], cancellationToken))
                .GetValueOrDefault(domain.Hostname);
    }

    /// <summary>Makes a name due at once.</summary>
    /// <param name="db">The database.</param>
    /// <param name="cluster">The name's cluster; <see langword="null"/> for one of the operator's own hosts.</param>
    /// <param name="hostname">The name, A-labels.</param>
    /// <param name="now">The time.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    /// <returns>Whether the name is due; false while a process works on it.</returns>
    public static async Task<bool> MakeDueAsync(
        TrackingDb db,
        ClusterId? cluster,
        string hostname,
        DateTimeOffset now,
        CancellationToken cancellationToken) =>
        await db.Database.ExecuteSqlAsync(
            $"""
            UPDATE certificates.names SET due_at = {now}, failures = 0
            WHERE hostname = {hostname} AND cluster_id IS NOT DISTINCT FROM {cluster?.Value}::integer
                AND (leased_until IS NULL OR leased_until <= {now})
            """,
            cancellationToken) > 0;

    /// <summary>Why a name is not tried again now.</summary>
    /// <returns><see langword="null"/> if it can be tried.</returns>
    public static Problem? Refusal(
        string hostname, CertificateFacts? facts, DateTimeOffset? certificateUntil, DateTimeOffset now) =>
        facts is null
            ? Problems.Conflict($"Nothing has been ordered for '{hostname}': a name is ordered for within "
                + "seconds after it is verified, where a certificate authority is configured.")
        : facts.LeasedUntil > now
            ? UnderWay(hostname)
        : facts.ErrorType == RateLimited && facts.DueAt > now
            ? Problems.Conflict($"A limit forbids another attempt for '{hostname}' before {facts.DueAt:u}: "
                + facts.Error)
                .With("nextAttempt", facts.DueAt)
        : certificateUntil > now && facts.Failures == 0 && facts.RenewAt > now
            ? Problems.Conflict($"'{hostname}' has a certificate until {certificateUntil:u}; it is "
                + $"renewed by itself at {facts.RenewAt:u}.")
        : null;

    /// <summary>The refusal while a process works on the name.</summary>
    public static Problem UnderWay(string hostname) => Problems.Conflict(
        $"An attempt for '{hostname}' is under way; GET …/certificate shows how it ends.");

    private static Problem? Refusal(TrackingDomain domain, CertificateFacts? facts, DateTimeOffset now) =>
        domain.Status != DomainStatus.Active
            ? Problems.Conflict($"'{domain.Hostname}' is not verified, and only an active tracking domain gets a "
                + "certificate; make its record and POST …/verify first.")
            : Refusal(domain.Hostname, facts, domain.CertificateUntil, now);
}
