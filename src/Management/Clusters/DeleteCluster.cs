using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Clusters;

/// <summary>
/// <c>DELETE /api/v1/clusters/{cluster}</c>: deletes a cluster. Its keys and hosts stop, its links answer 404, and its
/// sending domains become free. The row stays, because its number is in sent links and must never be given to another
/// tenant.
/// </summary>
internal static class DeleteCluster
{
    public static void Map(IEndpointRouteBuilder clusters) => clusters.MapDelete("/{cluster}", HandleAsync)
        .RequireClusterAdmin()
        .Describe("DeleteCluster", "Deletes a cluster: its keys stop, its links answer 404. Cannot be undone.");

    private static async Task<Results<NoContent, Problem>> HandleAsync(
        ClusterId cluster,
        ApiKeyHolder holder,
        TrackingDb db,
        ApplyChange change,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var deleted = await db.Clusters.Where(row => row.Id == cluster && row.DeletedAt == null)
            .ExecuteUpdateAsync(row => row.SetProperty(c => c.DeletedAt, now), cancellationToken);
        if (deleted == 0)
        {
            return RequireAccess.NoSuchCluster(cluster.ToString());
        }

        // From now on other clusters may verify its names. The verification targets are never issued again.
        await db.TrackingDomains.Where(domain => domain.ClusterId == cluster && domain.DeletedAt == null)
            .ExecuteUpdateAsync(
                domain => domain.SetProperty(d => d.DeletedAt, now).SetProperty(d => d.IsDefault, false)
                    .SetProperty(d => d.WantsDefault, false).SetProperty(d => d.NextCheckAt, (DateTimeOffset?)null),
                cancellationToken);
        await db.ApiKeys.Where(key => key.ClusterId == cluster && key.RevokedAt == null)
            .ExecuteUpdateAsync(key => key.SetProperty(k => k.RevokedAt, now), cancellationToken);
        await db.SendingDomains.Where(domain => domain.ClusterId == cluster).ExecuteDeleteAsync(cancellationToken);
        var name = await db.Clusters.Where(row => row.Id == cluster).Select(row => row.Name)
            .SingleAsync(cancellationToken);
        await RecordChange.AddAsync(
            db, holder, new("delete-cluster", cluster.ToString(), cluster, new { name }), time, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        await change.ApplyAsync(cluster, isDeleted: true);
        return TypedResults.NoContent();
    }
}
