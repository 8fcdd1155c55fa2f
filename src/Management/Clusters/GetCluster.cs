using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Clusters;

/// <summary><c>GET /api/v1/clusters/{cluster}</c>.</summary>
internal static class GetCluster
{
    public static void Map(IEndpointRouteBuilder clusters) => clusters.MapGet("/{cluster}", HandleAsync)
        .RequireClusterAccess()
        .Describe("GetCluster", "A cluster with all its settings.");

    private static async Task<Results<Ok<ClusterResponse>, Problem>> HandleAsync(
        ClusterId cluster, TrackingDb db, CancellationToken cancellationToken)
    {
        var found = await db.Clusters.AsNoTracking()
            .SingleOrDefaultAsync(row => row.Id == cluster && row.DeletedAt == null, cancellationToken);
        if (found is null)
        {
            return RequireAccess.NoSuchCluster(cluster.ToString());
        }

        var domains = await db.SendingDomains.Where(domain => domain.ClusterId == cluster)
            .Select(domain => domain.Domain).ToListAsync(cancellationToken);
        return TypedResults.Ok(ClusterResponse.Of(found, domains));
    }
}
