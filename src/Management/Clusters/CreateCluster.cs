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
using Tracking.Management.Requests;

namespace Tracking.Management.Clusters;

/// <summary><c>POST /api/v1/clusters</c>.</summary>
internal static class CreateCluster
{
    // Numbers are random of 16.7 million: with a million clusters, ten tries in a row fail once in 10^12 requests.
    private const int Attempts = 10;

    public static void Map(IEndpointRouteBuilder clusters) => clusters.MapPost("/", HandleAsync)
        .RequireAdmin()
        .Describe("CreateCluster", "Creates a cluster; tracking is off unless its settings say otherwise.")
        .DescribeBody<ClusterDocument>(required: "name")
        .DescribeProblems(400, 409, 413, 415);

    private static async Task<Results<Created<ClusterResponse>, Problem>> HandleAsync(
        HttpRequest request,
        ApiKeyHolder holder,
        IDbContextFactory<TrackingDb> database,
        ApplyChange change,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (json is null)
        {
            return problem!;
        }

        var errors = new InputErrors();
        var document = ClusterDocument.Read(json, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        var (created, refusal) = await CreateAsync(document, holder, database, change, time, cancellationToken);
        return created is null
            ? refusal!
            : TypedResults.Created(
                $"/api/v1/clusters/{created.Id}", ClusterResponse.Of(created, document.SendingDomains));
    }

    /// <summary>Stores a new cluster. If its name or a sending domain is taken, the problem names it.</summary>
    public static async Task<(Cluster? Created, Problem? Refusal)> CreateAsync(
        ClusterDocument document,
        ApiKeyHolder holder,
        IDbContextFactory<TrackingDb> database,
        ApplyChange change,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var cluster = new Cluster
            {
                Id = ClusterId.NewRandom(),
                Name = document.Name,
                NotifyEmails = [.. document.NotifyEmails],
                Settings = document.Settings,
                CreatedAt = time.GetUtcNow(),
            };
            try
            {
                await StoreAsync(database, cluster, document, holder, time, cancellationToken);
            }
            catch (DbUpdateException exception) when (StoreCluster.IsIdTaken(exception) && attempt < Attempts)
            {
                continue;
            }
            catch (DbUpdateException exception) when (StoreCluster.IsTaken(exception))
            {
                return (
                    null,
                    await StoreCluster.TakenAsync(exception, document, cluster.Id, database, cancellationToken));
            }

            await change.ApplyAsync(cluster.Id);
            return (cluster, null);
        }
    }

    private static async Task StoreAsync(
        IDbContextFactory<TrackingDb> database,
        Cluster cluster,
        ClusterDocument document,
        ApiKeyHolder holder,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        await using var db = await database.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        db.Clusters.Add(cluster);
        await db.SaveChangesAsync(cancellationToken);
        await StoreCluster.StoreSendingDomainsAsync(db, cluster.Id, document.SendingDomains, cancellationToken);
        await RecordChange.AddAsync(
            db,
            holder,
            new("create-cluster", cluster.Id.ToString(), cluster.Id, After: document),
            time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }
}
