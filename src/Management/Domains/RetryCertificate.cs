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

        if (await db.Database.ExecuteSqlAsync(
            $"""
            UPDATE certificates.names SET due_at = {now}, failures = 0
            WHERE hostname = {domain.Hostname} AND cluster_id = {cluster.Value}
                AND (leased_until IS NULL OR leased_until <= {now})
            """,
            cancellationToken) == 0)
        {
            return UnderWay(domain);
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

    private static Problem? Refusal(TrackingDomain domain, CertificateFacts? facts, DateTimeOffset now) =>
        domain.Status != DomainStatus.Active
            ? Problems.Conflict($"'{domain.Hostname}' is not verified, and only an active tracking domain gets a "
                + "certificate; make its record and POST …/verify first.")
        : facts is null
            ? Problems.Conflict($"Nothing has been ordered for '{domain.Hostname}': a name is ordered for within "
                + "seconds after it is verified, where a certificate authority is configured.")
        : facts.LeasedUntil > now
            ? UnderWay(domain)
        : facts.ErrorType == RateLimited && facts.DueAt > now
            ? Problems.Conflict($"A limit forbids another attempt for '{domain.Hostname}' before {facts.DueAt:u}: "
                + facts.Error)
                .With("nextAttempt", facts.DueAt)
        : domain.CertificateUntil > now && facts.Failures == 0 && facts.RenewAt > now
            ? Problems.Conflict($"'{domain.Hostname}' has a certificate until {domain.CertificateUntil:u}; it is "
                + $"renewed by itself at {facts.RenewAt:u}.")
        : null;

    private static Problem UnderWay(TrackingDomain domain) => Problems.Conflict(
        $"An attempt for '{domain.Hostname}' is under way; GET …/certificate shows how it ends.");
}
