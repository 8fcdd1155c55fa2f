using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>A name's certificate and the attempts to get it, newest first.</summary>
/// <param name="Hostname">The name, A-labels.</param>
/// <param name="Tls">The state of the certificate.</param>
/// <param name="Items">The attempts.</param>
/// <param name="Next">The value of <c>after</c> for older attempts; null after the last.</param>
internal sealed record CertificateResponse(
    string Hostname, TlsState Tls, IReadOnlyList<CertificateAttempt> Items, string? Next);

/// <summary><c>GET /api/v1/clusters/{cluster}/tracking-domains/{hostname}/certificate</c>.</summary>
internal static class GetCertificate
{
    public static void Map(IEndpointRouteBuilder domains) => domains.MapGet(
            FindDomain.Route + "/certificate", HandleAsync)
        .RequireClusterAccess()
        .Describe("GetTrackingDomainCertificate", "The certificate of a tracking domain, and the attempts to get it, "
            + "newest first.")
        .DescribeProblems(400);

    private static async Task<Results<Ok<CertificateResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        string hostname,
        [AsParameters] GetCertificateQuery query,
        HttpRequest request,
        TrackingDb db,
        DescribeDomain describe,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<GetCertificateQuery>(request, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        var after = ReadQuery.After(query.After, Cursor.TryReadAttempt, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        return await FindDomain.ReadAsync(db, cluster, hostname, cancellationToken) is { } domain
            ? TypedResults.Ok(await ReadAsync(db, describe, domain, limit, after, cancellationToken))
            : FindDomain.NoSuchDomain(hostname);
    }

    /// <summary>A domain's certificate and the attempts to get it.</summary>
    /// <param name="db">The database.</param>
    /// <param name="describe">Describes the state of the certificate.</param>
    /// <param name="domain">The domain.</param>
    /// <param name="limit">Attempts at most.</param>
    /// <param name="after">The attempt before which the page begins; <see langword="null"/> for the newest.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<CertificateResponse> ReadAsync(
        TrackingDb db,
        DescribeDomain describe,
        TrackingDomain domain,
        int limit,
        Guid? after,
        CancellationToken cancellationToken)
    {
        var facts = await CertificateFacts.ReadAsync(db, domain.ClusterId, [domain.Hostname], cancellationToken);
        var (items, next) = await CertificateAttempt.ReadAsync(
            db, domain.ClusterId, domain.Hostname, limit, after, cancellationToken);
        return new CertificateResponse(
            domain.Hostname, describe.TlsOf(domain, facts.GetValueOrDefault(domain.Hostname)), items, next);
    }
}

/// <summary>The query of <see cref="GetCertificate"/>.</summary>
internal sealed class GetCertificateQuery
{
    /// <summary>Items of the page.</summary>
    [FromQuery(Name = "limit"), Description("Items of the page, 1 to 500; default 50.")]
    public string? Limit { get; init; }

    /// <summary>Where to continue.</summary>
    [FromQuery(Name = "after"), Description("The value of next from the page before.")]
    public string? After { get; init; }
}
