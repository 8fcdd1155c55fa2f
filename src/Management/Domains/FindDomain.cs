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

    /// <summary>The unique index that allows one default for a cluster.</summary>
    public const string OneDefault = "tracking_domains_default";

    /// <summary>The unique index that allows a name once in a cluster.</summary>
    public const string OneName = "tracking_domains_name";

    /// <summary>Reads the domain without a lock.</summary>
    public static async Task<TrackingDomain?> ReadAsync(
        TrackingDb db, ClusterId cluster, string hostname, CancellationToken cancellationToken)
    {
        var name = Fold(hostname);
        return await db.TrackingDomains.AsNoTracking().SingleOrDefaultAsync(
            domain => domain.ClusterId == cluster && domain.Hostname == name && domain.DeletedAt == null,
            cancellationToken);
    }

    /// <summary>Reads the domain and locks it until the transaction's end, so the second of two changes applies to the
    /// result of the first.</summary>
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
        Problems.NotFound("tracking domain", hostname, "GET the list for the tracking domains of the cluster.");

    /// <summary>Whether a change violates a unique index.</summary>
    public static bool Violates(Exception exception, string index) =>
        (exception as PostgresException ?? exception.InnerException as PostgresException)
            is { SqlState: PostgresErrorCodes.UniqueViolation } unique
        && unique.ConstraintName == index;

    // The name may have any form that is accepted when it is added.
    private static string Fold(string hostname) => HostName.TryParse(hostname, out var host) ? host.Value : "";
}
