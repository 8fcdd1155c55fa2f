using System.Text.Json.Nodes;
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
using Tracking.Management.Requests;

namespace Tracking.Management.Clusters;

/// <summary>
/// <c>PATCH /api/v1/clusters/{cluster}</c>: a JSON merge patch (RFC 7396) of name, notifyEmails, sendingDomains and
/// settings; null sets a member back to its default. A cluster's own key may change everything but its sending domains.
/// </summary>
internal static class ChangeCluster
{
    public static void Map(IEndpointRouteBuilder clusters) => clusters.MapPatch("/{cluster}", HandleAsync)
        .RequireClusterAccess()
        .Describe("ChangeCluster", "Changes the sent members and keeps the others (JSON merge patch, RFC 7396).")
        .DescribeBody<ClusterDocument>(mergePatch: true)
        .DescribeProblems(400, 403, 409, 413, 415);

    private static async Task<Results<Ok<ClusterResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        HttpRequest request,
        ApiKeyHolder holder,
        TrackingDb db,
        IDbContextFactory<TrackingDb> database,
        ApplyChange change,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (patch, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (patch is null)
        {
            return problem!;
        }

        return await ChangeAsync(cluster, patch, holder, db, database, change, time, cancellationToken);
    }

    /// <summary>Applies a merge patch.</summary>
    public static async Task<Results<Ok<ClusterResponse>, Problem>> ChangeAsync(
        ClusterId cluster,
        JsonObject patch,
        ApiKeyHolder holder,
        TrackingDb db,
        IDbContextFactory<TrackingDb> database,
        ApplyChange change,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);

        // The row is locked, so the second of two patches applies to the result of the first.
        var stored = (await db.Clusters.FromSql(
            $"SELECT * FROM management.clusters WHERE id = {cluster.Value} AND deleted_at IS NULL FOR UPDATE")
            .ToListAsync(cancellationToken)).SingleOrDefault();
        if (stored is null)
        {
            return RequireAccess.NoSuchCluster(cluster.ToString());
        }

        var domains = await db.SendingDomains.Where(domain => domain.ClusterId == cluster)
            .Select(domain => domain.Domain).ToListAsync(cancellationToken);
        var current = new ClusterDocument(stored.Name, stored.NotifyEmails, domains, stored.Settings);

        var errors = new InputErrors();
        var document = ClusterDocument.Read((JsonObject)MergePatch.Apply(current.ToJson(), patch)!, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        if (!holder.IsAdmin && !document.SendingDomains.ToHashSet().SetEquals(domains))
        {
            return Problems.Forbidden(
                "sendingDomains: set by admins only, since a domain decides whose mail it is; "
                    + "the key belongs to a cluster.");
        }

        stored.Name = document.Name;
        stored.NotifyEmails = [.. document.NotifyEmails];
        stored.Settings = document.Settings;
        try
        {
            await db.SaveChangesAsync(cancellationToken);
            await StoreCluster.StoreSendingDomainsAsync(db, cluster, document.SendingDomains, cancellationToken);
            await RecordChange.AddAsync(
                db,
                holder,
                new("change-cluster", cluster.ToString(), cluster, current, document),
                time,
                cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
        catch (DbUpdateException exception) when (StoreCluster.IsTaken(exception))
        {
            await transaction.RollbackAsync(cancellationToken);
            return await StoreCluster.TakenAsync(exception, document, cluster, database, cancellationToken);
        }

        await change.ApplyAsync(cluster);
        return TypedResults.Ok(ClusterResponse.Of(stored, document.SendingDomains));
    }
}
