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

namespace Tracking.Management.Domains;

/// <summary><c>GET /api/v1/clusters/{cluster}/tracking-domains</c>, by name.</summary>
internal static class ListTrackingDomains
{
    private static readonly (string Word, DomainStatus? Value)[] _statuses =
        [("pending", DomainStatus.Pending), ("active", DomainStatus.Active)];

    public static void Map(IEndpointRouteBuilder domains) => domains.MapGet("/", HandleAsync)
        .RequireClusterAccess()
        .Describe("ListTrackingDomains", "Lists the cluster's tracking domains by name; lastCheck without its "
            + "hops.")
        .DescribeProblems(400);

    private static async Task<Results<Ok<Page<TrackingDomainResponse>>, Problem>> HandleAsync(
        ClusterId cluster,
        [AsParameters] ListTrackingDomainsQuery query,
        HttpRequest request,
        TrackingDb db,
        DescribeDomain describe,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ListTrackingDomainsQuery>(request, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        var status = (short?)ReadQuery.Choice("status", query.Status, null, _statuses, errors);
        var text = ReadQuery.Text("q", query.Q, errors);
        var after = "";
        if (!string.IsNullOrEmpty(query.After) && !Cursor.TryReadHostname(query.After, out after))
        {
            errors.Add("after", Cursor.Wrong);
        }

        if (errors.Any)
        {
            return errors.ToProblem();
        }

        // Text in other scripts is found only if it makes whole labels, because names are stored as A-labels.
        var part = text is null ? null
            : System.Text.Ascii.IsValid(text) ? text.Trim().ToLowerInvariant()
            : HostName.TryParse(text.Trim(), out var name) ? name.Value
            : text;
        var rows = await db.TrackingDomains.FromSql(
            part is not null && status is null
                ? Containing(cluster, part, after, limit + 1)
                : $"""
                SELECT * FROM domains.tracking_domains
                WHERE cluster_id = {cluster.Value} AND deleted_at IS NULL AND hostname > {after}
                  AND ({status}::smallint IS NULL OR status = {status})
                  AND ({part}::text IS NULL OR strpos(hostname, {part}) > 0)
                ORDER BY hostname
                LIMIT {limit + 1}
                """).AsNoTracking().ToListAsync(cancellationToken);
        return TypedResults.Ok(new Page<TrackingDomainResponse>(
            await describe.InListAsync(db, cluster, [.. rows.Take(limit)], cancellationToken),
            rows.Count > limit ? Cursor.OfHostname(rows[limit - 1].Hostname) : null));
    }

    // The names are looked through in the index. Only the rows of the page are read, which contain whole checks.
    private static FormattableString Containing(ClusterId cluster, string part, string after, int limit) =>
        $"""
        SELECT * FROM domains.tracking_domains
        WHERE cluster_id = {cluster.Value} AND deleted_at IS NULL AND hostname = ANY (ARRAY(
            SELECT hostname FROM domains.tracking_domains
            WHERE cluster_id = {cluster.Value} AND deleted_at IS NULL AND hostname > {after}
              AND strpos(hostname, {part}) > 0
            ORDER BY hostname
            LIMIT {limit}))
        ORDER BY hostname
        """;
}

/// <summary>The query of <see cref="ListTrackingDomains"/>.</summary>
internal sealed class ListTrackingDomainsQuery
{
    /// <summary>The status of the domains.</summary>
    [FromQuery(Name = "status"), Description("pending or active; not given: both.")]
    public string? Status { get; init; }

    /// <summary>A part of the name.</summary>
    [FromQuery(Name = "q"), Description("A part of the name, any case; letters of other scripts as whole labels.")]
    public string? Q { get; init; }

    /// <summary>Items of the page.</summary>
    [FromQuery(Name = "limit"), Description("Items of the page, 1 to 500; default 50.")]
    public string? Limit { get; init; }

    /// <summary>Where to continue.</summary>
    [FromQuery(Name = "after"), Description("The value of next from the page before.")]
    public string? After { get; init; }
}
