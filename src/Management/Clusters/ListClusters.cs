using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Clusters;

/// <summary><c>GET /api/v1/clusters</c>: all for an admin key, its own for a cluster's key.</summary>
internal static class ListClusters
{
    public static void Map(IEndpointRouteBuilder clusters) => clusters.MapGet("/", HandleAsync)
        .RequireAnyKey()
        .Describe("ListClusters", "Lists the clusters that the key opens, by name.")
        .DescribeProblems(400);

    private static async Task<Results<Ok<Page<ClusterResponse>>, Problem>> HandleAsync(
        [AsParameters] ListClustersQuery query,
        HttpRequest request,
        ApiKeyHolder holder,
        TrackingDb db,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ListClustersQuery>(request, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        string? after = null;
        if (!string.IsNullOrEmpty(query.After) && !Cursor.TryReadName(query.After, out after))
        {
            errors.Add("after", Cursor.Wrong);
        }

        var name = ReadQuery.Text("name", query.Name, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        var (page, domains, next) = await ReadPageAsync(db, holder.Cluster, after, name, limit, cancellationToken);
        return TypedResults.Ok(new Page<ClusterResponse>(
            [.. page.Select(cluster => ClusterResponse.Of(cluster, domains[cluster.Id]))], next));
    }

    /// <summary>A page of the list: the clusters, their sending domains, and where the next page begins.</summary>
    /// <param name="db">The database.</param>
    /// <param name="own">The only cluster to list; <see langword="null"/> for all.</param>
    /// <param name="after">The last name of the page before.</param>
    /// <param name="name">Only the cluster of this name.</param>
    /// <param name="limit">Clusters at most.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    public static async Task<(List<Cluster> Clusters, ILookup<ClusterId, string> Domains, string? Next)> ReadPageAsync(
        TrackingDb db, ClusterId? own, string? after, string? name, int limit, CancellationToken cancellationToken)
    {
        // Names are unique by lower(name) among the clusters that are not deleted, so lower(name) alone is the sort
        // key. The empty name comes before all others. A cluster key's own cluster is found by its id.
        var rows = own is { } one
            ? await db.Clusters.FromSql(
                $"""
                SELECT * FROM management.clusters
                WHERE id = {one.Value} AND deleted_at IS NULL AND lower(name) > lower({after ?? ""})
                  AND ({name}::text IS NULL OR lower(name) = lower({name}))
                """).AsNoTracking().ToListAsync(cancellationToken)
            : await db.Clusters.FromSql(
                $"""
                SELECT * FROM management.clusters
                WHERE deleted_at IS NULL AND lower(name) > lower({after ?? ""})
                  AND ({name}::text IS NULL OR lower(name) = lower({name}))
                ORDER BY lower(name)
                LIMIT {limit + 1}
                """).AsNoTracking().ToListAsync(cancellationToken);
        var page = rows.Take(limit).ToList();
        var ids = page.Select(cluster => cluster.Id).ToList();
        var domains = (await db.SendingDomains.Where(domain => ids.Contains(domain.ClusterId)).AsNoTracking()
            .ToListAsync(cancellationToken)).ToLookup(domain => domain.ClusterId, domain => domain.Domain);
        return (page, domains, rows.Count > limit ? Cursor.OfName(page[^1].Name) : null);
    }
}

/// <summary>The query of <see cref="ListClusters"/>.</summary>
internal sealed class ListClustersQuery
{
    /// <summary>Clusters in the answer.</summary>
    [FromQuery(Name = "limit"), Description("Items of the page, 1 to 500; default 50.")]
    public string? Limit { get; init; }

    /// <summary>The name of the only cluster to list.</summary>
    [FromQuery(Name = "name"), Description("Only the cluster of this name, in any case.")]
    public string? Name { get; init; }

    /// <summary>Where to continue.</summary>
    [FromQuery(Name = "after"), Description("The value of next from the page before.")]
    public string? After { get; init; }
}
