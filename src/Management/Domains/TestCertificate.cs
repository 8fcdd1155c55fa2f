using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Domains;

/// <summary>
/// <c>POST /api/v1/clusters/{cluster}/tracking-domains/{hostname}/certificate/test</c>: would the name get a
/// certificate? The answer does not wait; <c>GET …/certificate/requests/{id}</c> has what was found.
/// </summary>
internal static class TestCertificate
{
    // The pause between two tests of one name, because a test costs requests to authorities and to the name's
    // addresses.
    private static readonly TimeSpan _pause = TimeSpan.FromMinutes(1);

    public static void Map(IEndpointRouteBuilder domains)
    {
        domains.MapPost(FindDomain.Route + "/certificate/test", HandleAsync)
            .RequireClusterAccess()
            .Describe("TestTrackingDomainCertificate", "Tests whether a tracking domain would get a certificate, and "
                + "orders one that is thrown away where a test environment is configured.")
            .DescribeProblems(409, 429);
        domains.MapGet(FindDomain.Route + "/certificate/requests/{id}", ReadAsync)
            .RequireClusterAccess()
            .Describe("GetTrackingDomainCertificateRequest", "The state and the steps of a test or a revocation.")
            .DescribeProblems(404);
    }

    private static async Task<Results<Accepted<CertificateRequestResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        string hostname,
        ApiKeyHolder holder,
        TrackingDb db,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await FindDomain.LockAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return FindDomain.NoSuchDomain(hostname);
        }

        var last = await CertificateRequests.LastAsync(
            db, CertificateRequestKind.Test, cluster, domain.Hostname, cancellationToken);
        if (last is { } before && time.GetUtcNow() - before.AskedAt < _pause)
        {
            return Problems.TooMany("a test of one name every minute", _pause);
        }

        var request = await CertificateRequests.AddAsync(
            db,
            new(CertificateRequestKind.Test) { Hostname = domain.Hostname, Cluster = cluster },
            time,
            cancellationToken);
        await RecordChange.AddAsync(
            db, holder, new("test-certificate", domain.Hostname, cluster), time, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.Accepted($"requests/{request.Id}", request);
    }

    private static async Task<Results<Ok<CertificateRequestResponse>, Problem>> ReadAsync(
        ClusterId cluster, string hostname, Guid id, TrackingDb db, CancellationToken cancellationToken)
    {
        if (await FindDomain.ReadAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return FindDomain.NoSuchDomain(hostname);
        }

        return await CertificateRequests.ReadAsync(db, id, cluster, domain.Hostname, cancellationToken) is { } request
            ? TypedResults.Ok(request)
            : Problems.NotFound("request", $"{id}");
    }
}
