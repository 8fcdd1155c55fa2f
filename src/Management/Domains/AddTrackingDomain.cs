using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary><c>POST /api/v1/clusters/{cluster}/tracking-domains</c>: the name is pending, and the answer says which
/// record makes it a tracking domain.</summary>
internal static class AddTrackingDomain
{
    private static readonly string[] _known =
        ["hostname", "setAsDefault", .. TrackingDomainSettings.Known.Where(name => name != "retired")];

    public static void Map(IEndpointRouteBuilder domains) => domains.MapPost("/", HandleAsync)
        .RequireClusterAccess()
        .Describe("AddTrackingDomain", "Adds a name of your own for links; the answer has the CNAME record to publish.")
        .DescribeBody<TrackingDomainRequest>(required: "hostname")
        .DescribeProblems(400, 409, 413, 415);

    private static async Task<Results<Created<TrackingDomainResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        HttpRequest request,
        ApiKeyHolder holder,
        TrackingDb db,
        ApplyChange change,
        DescribeDomain describe,
        IOptions<SystemOptions> system,
        IOptions<ManagementOptions> options,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (json is null)
        {
            return problem!;
        }

        return await AddAsync(
            cluster, json, holder, db, change, describe, system.Value, options.Value, time, cancellationToken);
    }

    /// <summary>Adds the tracking domain of a document.</summary>
    public static async Task<Results<Created<TrackingDomainResponse>, Problem>> AddAsync(
        ClusterId cluster,
        JsonObject json,
        ApiKeyHolder holder,
        TrackingDb db,
        ApplyChange change,
        DescribeDomain describe,
        SystemOptions system,
        ManagementOptions options,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var own = OwnNames.Of(system);
        var errors = new InputErrors();
        if (Read(json, cluster, own, errors, time.GetUtcNow()) is not { } domain)
        {
            return errors.ToProblem();
        }

        var most = options.MaxTrackingDomains;
        if (await db.TrackingDomains.CountAsync(
            row => row.ClusterId == cluster && row.DeletedAt == null, cancellationToken) >= most)
        {
            return Problems.Conflict(
                $"The cluster has {most} tracking domains, the most that it may have; delete one that is not used.");
        }

        try
        {
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            // The cluster's row is locked for sharing. So a concurrent deletion of the cluster either deletes this
            // domain too or prevents it.
            if ((await db.Database.SqlQuery<int>(
                $"SELECT id FROM management.clusters WHERE id = {cluster.Value} AND deleted_at IS NULL FOR SHARE")
                .ToListAsync(cancellationToken)).Count == 0)
            {
                return RequireAccess.NoSuchCluster(cluster.ToString());
            }

            // Left over from an earlier time when the cluster had the name.
            domain.HasImportedLinks = await db.Database.SqlQuery<bool>(
                $"""
                SELECT EXISTS (SELECT FROM links.imported_links
                    WHERE cluster_id = {cluster.Value} AND host = {domain.Hostname}) AS "Value"
                """).SingleAsync(cancellationToken);
            db.TrackingDomains.Add(domain);
            await db.SaveChangesAsync(cancellationToken);
            await RecordChange.AddAsync(
                db,
                holder,
                new("create-tracking-domain", domain.Hostname, cluster, After: AuditedDomain.Of(domain)),
                time,
                cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
        catch (DbUpdateException exception) when (FindDomain.Violates(exception, FindDomain.OneName))
        {
            return Problems.Conflict(
                $"hostname: '{domain.Hostname}' is a tracking domain of this cluster already; GET it for its record.");
        }

        await change.ApplyAsync(cluster, hostname: domain.Hostname);
        return TypedResults.Created(
            $"/api/v1/clusters/{cluster}/tracking-domains/{domain.Hostname}",
            await describe.OfAsync(db, domain, cancellationToken));
    }

    private static TrackingDomain? Read(
        JsonObject json, ClusterId cluster, OwnNames own, InputErrors errors, DateTimeOffset now)
    {
        ReadJson.RefuseUnknown(json, "", _known, errors);
        var hostname = ReadHostname.From(json, own, errors);
        var settings = TrackingDomainSettings.Read(json, errors);
        var setAsDefault = TrackingDomainSettings.Flag(json, "setAsDefault", false, errors);
        if (hostname is not { } name)
        {
            return null;
        }

        HttpsForced.Refuse(settings.Https, name.Value, null, errors);
        return errors.Any
            ? null
            : new TrackingDomain
            {
                Id = Guid.CreateVersion7(now),
                ClusterId = cluster,
                Hostname = name.Value,
                Target = own.NewTarget(),
                StatusSince = now,
                WantsDefault = setAsDefault,
                TrackClicks = settings.TrackClicks,
                TrackingLevel = settings.TrackingLevel,
                TrackOpens = settings.TrackOpens,
                Https = settings.Https,
                ExcludedDomains = [.. settings.ExcludedDomains],
                Utm = settings.Utm,
                CreatedAt = now,
                NextCheckAt = now,
            };
    }
}
