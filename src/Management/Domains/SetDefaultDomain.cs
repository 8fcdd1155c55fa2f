using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Domains;

/// <summary>
/// <c>PUT</c> and <c>DELETE /api/v1/clusters/{cluster}/tracking-domains/{hostname}/default</c>: the name for messages
/// that name none. A cluster has one at most, and it is fine to have none.
/// </summary>
internal static class SetDefaultDomain
{
    // A verifier may set the wished default at the same moment. A change that meets the other one is repeated, and the
    // last change wins.
    private const int Attempts = 5;

    public static void Map(IEndpointRouteBuilder domains)
    {
        domains.MapPut(FindDomain.Route + "/default", SetAsync)
            .RequireClusterAccess()
            .Describe("SetDefaultTrackingDomain", "Makes an active tracking domain the cluster's default, in place of "
                + "the one that it was.")
            .DescribeProblems(409);
        domains.MapDelete(FindDomain.Route + "/default", ClearAsync)
            .RequireClusterAccess()
            .Describe("ClearDefaultTrackingDomain", "A tracking domain is not the default, and will not become it by "
                + "being verified.");
    }

    public static async Task<Results<Ok<TrackingDomainResponse>, Problem>> SetAsync(
        ClusterId cluster,
        string hostname,
        ApiKeyHolder holder,
        IDbContextFactory<TrackingDb> database,
        DirectoryChanges changes,
        ApplyChange change,
        DescribeDomain describe,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var db = await database.CreateDbContextAsync(cancellationToken);
                var (domain, old, refusal) = await TrySetAsync(cluster, hostname, holder, db, time, cancellationToken);
                if (domain is null)
                {
                    return refusal!;
                }

                if (old is not null && old != domain.Hostname)
                {
                    changes.Announce(cluster, hostname: old);
                }

                await change.ApplyAsync(cluster, hostname: domain.Hostname);
                return TypedResults.Ok(await describe.OfAsync(db, domain, cancellationToken));
            }
            catch (Exception exception) when (FindDomain.Violates(exception, FindDomain.OneDefault))
            {
                if (attempt == Attempts)
                {
                    return Problems.Conflict("Others set another default at the same time; GET the list to see which "
                        + "one it is.");
                }
            }
        }
    }

    private static async Task<(TrackingDomain? Domain, string? Old, Problem? Refusal)> TrySetAsync(
        ClusterId cluster,
        string hostname,
        ApiKeyHolder holder,
        TrackingDb db,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);

        // Changes of the default of one cluster run one after the other.
        await db.Database.ExecuteSqlAsync(
            $"SELECT FROM management.clusters WHERE id = {cluster.Value} FOR NO KEY UPDATE", cancellationToken);

        // The old default is cleared first, so there are never two.
        var old = await db.TrackingDomains.Where(row => row.ClusterId == cluster && row.IsDefault)
            .Select(row => row.Hostname).SingleOrDefaultAsync(cancellationToken);
        if (old is not null)
        {
            await db.TrackingDomains.Where(row => row.ClusterId == cluster && row.IsDefault)
                .ExecuteUpdateAsync(row => row.SetProperty(d => d.IsDefault, false), cancellationToken);
        }

        if (await FindDomain.LockAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return (null, null, FindDomain.NoSuchDomain(hostname));
        }

        if (domain.Status != DomainStatus.Active)
        {
            return (null, null, Problems.Conflict($"'{domain.Hostname}' is not verified, and only an active tracking "
                + "domain can be the default; make its record and POST …/verify first."));
        }

        if (domain.IsRetired)
        {
            return (null, null, Problems.Conflict($"'{domain.Hostname}' is retired and makes no new links; PATCH it "
                + "with {\"retired\":false} first."));
        }

        domain.IsDefault = true;
        domain.WantsDefault = false;
        await db.SaveChangesAsync(cancellationToken);
        await RecordChange.AddAsync(
            db,
            holder,
            new("set-default-tracking-domain", domain.Hostname, cluster, new { @default = old },
                new { @default = domain.Hostname }),
            time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (domain, old, null);
    }

    public static async Task<Results<Ok<TrackingDomainResponse>, Problem>> ClearAsync(
        ClusterId cluster,
        string hostname,
        ApiKeyHolder holder,
        TrackingDb db,
        ApplyChange change,
        DescribeDomain describe,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await FindDomain.LockAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return FindDomain.NoSuchDomain(hostname);
        }

        if (!domain.IsDefault && !domain.WantsDefault)
        {
            return TypedResults.Ok(await describe.OfAsync(db, domain, cancellationToken));
        }

        var before = AuditedDomain.Of(domain);
        domain.IsDefault = false;
        domain.WantsDefault = false;
        await db.SaveChangesAsync(cancellationToken);
        await RecordChange.AddAsync(
            db,
            holder,
            new("clear-default-tracking-domain", domain.Hostname, cluster, before, AuditedDomain.Of(domain)),
            time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        await change.ApplyAsync(cluster, hostname: domain.Hostname);
        return TypedResults.Ok(await describe.OfAsync(db, domain, cancellationToken));
    }
}
