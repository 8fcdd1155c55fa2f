using Microsoft.EntityFrameworkCore;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Domains;

/// <summary>Finds the tracking domain that a path names.</summary>
internal static class FindDomain
{
    /// <summary>The name of the route value.</summary>
    public const string Route = "/{hostname}";

    /// <summary>Holds that a cluster has one default.</summary>
    public const string OneDefault = "tracking_domains_default";

    /// <summary>Holds that a cluster has a name once.</summary>
    public const string OneName = "tracking_domains_name";

    /// <summary>The domain, for reading.</summary>
    public static async Task<TrackingDomain?> ReadAsync(
        TrackingDb db, ClusterId cluster, string hostname, CancellationToken cancellationToken)
    {
        var name = Fold(hostname);
        return await db.TrackingDomains.AsNoTracking().SingleOrDefaultAsync(
            domain => domain.ClusterId == cluster && domain.Hostname == name && domain.DeletedAt == null,
            cancellationToken);
    }

    /// <summary>The domain, locked until the transaction's end: of two changes at once, the second applies to what the
    /// first left.</summary>
    public static async Task<TrackingDomain?> LockAsync(
        TrackingDb db, ClusterId cluster, string hostname, CancellationToken cancellationToken) =>
        (await db.TrackingDomains.FromSql(
            $"""
            SELECT * FROM domains.tracking_domains
            WHERE cluster_id = {cluster.Value} AND hostname = {Fold(hostname)} AND deleted_at IS NULL
            FOR NO KEY UPDATE
            """).ToListAsync(cancellationToken)).SingleOrDefault();

    /// <summary>The problem for a name that the cluster does not have.</summary>
    public static Problem NoSuchDomain(string hostname) =>
        Problems.NotFound("tracking domain", hostname, "GET the list for those of the cluster.");

    /// <summary>Whether a change met what a unique index holds.</summary>
    public static bool Violates(Exception exception, string index) =>
        (exception as PostgresException ?? exception.InnerException as PostgresException)
            is { SqlState: PostgresErrorCodes.UniqueViolation } unique
        && unique.ConstraintName == index;

    // In any of its forms, as it was when it was added.
    private static string Fold(string hostname) => HostName.TryParse(hostname, out var host) ? host.Value : "";
}
