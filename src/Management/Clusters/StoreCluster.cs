using Microsoft.EntityFrameworkCore;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Clusters;

/// <summary>The common part of creating and changing a cluster: its sending domains, and conflicts with other
/// clusters.</summary>
internal static class StoreCluster
{
    /// <summary>Makes the stored sending domains those of the document.</summary>
    public static async Task StoreSendingDomainsAsync(
        TrackingDb db, ClusterId cluster, IReadOnlyList<string> wanted, CancellationToken cancellationToken)
    {
        var stored = await db.SendingDomains.Where(domain => domain.ClusterId == cluster)
            .ToListAsync(cancellationToken);
        db.SendingDomains.RemoveRange(stored.Where(domain => !wanted.Contains(domain.Domain)));
        db.SendingDomains.AddRange(wanted.Except(stored.Select(domain => domain.Domain))
            .Select(domain => new SendingDomain { Domain = domain, ClusterId = cluster }));
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Whether a name or sending domain belongs to another cluster.</summary>
    public static bool IsTaken(DbUpdateException exception) =>
        exception.InnerException is PostgresException { ConstraintName: "clusters_name" or "sending_domains_pkey" };

    /// <summary>The problem for <see cref="IsTaken"/>, naming what is taken.</summary>
    public static async Task<Problem> TakenAsync(
        DbUpdateException exception,
        ClusterDocument document,
        ClusterId cluster,
        IDbContextFactory<TrackingDb> database,
        CancellationToken cancellationToken)
    {
        if (exception.InnerException is PostgresException { ConstraintName: "clusters_name" })
        {
            return Problems.Conflict(
$"name: another cluster is called '{document.Name}'; takes a name that no other cluster has.");
        }

        await using var db = await database.CreateDbContextAsync(cancellationToken);
        var taken = await db.SendingDomains
            .Where(domain => document.SendingDomains.Contains(domain.Domain) && domain.ClusterId != cluster)
            .OrderBy(domain => domain.Domain).Select(domain => domain.Domain).ToListAsync(cancellationToken);
        return Problems.Conflict(
$"sendingDomains: {string.Join(", ", taken)} belongs to another cluster; a domain has one cluster, "
                            + "remove it there first.");
    }

    /// <summary>Whether a random cluster number was already given.</summary>
    public static bool IsIdTaken(DbUpdateException exception) =>
        exception.InnerException is PostgresException { ConstraintName: "clusters_pkey" };
}
