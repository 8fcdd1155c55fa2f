using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Domains;

/// <summary><c>GET /api/v1/clusters/{cluster}/tracking-domains/{hostname}</c>.</summary>
internal static class GetTrackingDomain
{
    public static void Map(IEndpointRouteBuilder domains) => domains.MapGet(FindDomain.Route, HandleAsync)
        .RequireClusterAccess()
        .Describe("GetTrackingDomain", "A tracking domain: its record, its state, and the last check.");

    private static async Task<Results<Ok<TrackingDomainResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        string hostname,
        TrackingDb db,
        DescribeDomain describe,
        CancellationToken cancellationToken) =>
        await FindDomain.ReadAsync(db, cluster, hostname, cancellationToken) is { } domain
            ? TypedResults.Ok(await describe.OfAsync(db, domain, cancellationToken))
            : FindDomain.NoSuchDomain(hostname);
}
