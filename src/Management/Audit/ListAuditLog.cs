using System.ComponentModel;
using System.Text.Json.Nodes;
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

namespace Tracking.Management.Audit;

/// <summary>An entry of the audit log: one change.</summary>
/// <param name="Id">The id.</param>
/// <param name="At">When.</param>
/// <param name="Cluster">The cluster that was changed; null if the subject belongs to no cluster.</param>
/// <param name="Actor">The name of the API key that made the change, as it was then.</param>
/// <param name="ApiKey">The id of that key; null for a change that the system made by itself.</param>
/// <param name="Action">The kind of change: create-tracking-domain, change-cluster, revoke-api-key and others.</param>
/// <param name="Subject">What was changed: a host name, or the id of a key or a cluster.</param>
/// <param name="Before">The state before; null for something new.</param>
/// <param name="After">The state after; null for something deleted.</param>
internal sealed record AuditEntryResponse(
    Guid Id,
    DateTimeOffset At,
    string? Cluster,
    string Actor,
    Guid? ApiKey,
    string Action,
    string Subject,
    JsonNode? Before,
    JsonNode? After);

/// <summary><c>GET /api/v1/audit-log</c>, newest first: everything for an admin key, its own cluster's for another.
/// </summary>
internal static class ListAuditLog
{
    public static void Map(IEndpointRouteBuilder api) => api.MapGet("/audit-log", HandleAsync)
        .RequireAnyKey()
        .WithTags("Audit log")
        .Describe("ListAuditLog", "Lists the changes with who made them, newest first.")
        .DescribeProblems(400, 404);

    private static async Task<Results<Ok<Page<AuditEntryResponse>>, Problem>> HandleAsync(
        [AsParameters] ListAuditLogQuery query,
        HttpRequest request,
        ApiKeyHolder holder,
        TrackingDb db,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ListAuditLogQuery>(request, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        var from = ReadQuery.Time("from", query.From, errors);
        var to = ReadQuery.Time("to", query.To, errors);
        ReadQuery.Range(from, to, errors);
        var action = ReadQuery.Text("action", query.Action, errors);
        var subject = ReadQuery.Text("subject", query.Subject, errors);
        var after = ReadQuery.After(query.After, Cursor.TryReadAuditEntry, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        // A cluster's key sees nothing of another cluster, not even its existence.
        var cluster = holder.Cluster;
        if (!string.IsNullOrEmpty(query.Cluster))
        {
            if (!ClusterId.TryParse(query.Cluster, out var asked) || (cluster is { } own && own != asked))
            {
                return RequireAccess.NoSuchCluster(query.Cluster);
            }

            cluster = asked;
        }

        return TypedResults.Ok(await ReadPageAsync(
            db, cluster, after, from, to, action, subject, limit, cancellationToken));
    }

    /// <summary>A page of the log. A filter that is <see langword="null"/> is not applied.</summary>
    public static async Task<Page<AuditEntryResponse>> ReadPageAsync(
        TrackingDb db,
        ClusterId? cluster,
        Guid? after,
        DateTimeOffset? from,
        DateTimeOffset? to,
        string? action,
        string? subject,
        int limit,
        CancellationToken cancellationToken)
    {
        var rows = await db.AuditLog.FromSql(
            $"""
            SELECT * FROM management.audit_log
            WHERE ({cluster?.Value}::integer IS NULL OR cluster_id = {cluster?.Value})
              AND ({after}::uuid IS NULL OR id < {after})
              AND ({from}::timestamptz IS NULL OR at >= {from}) AND ({to}::timestamptz IS NULL OR at < {to})
              AND ({action}::text IS NULL OR action = {action}) AND ({subject}::text IS NULL OR subject = {subject})
            ORDER BY id DESC
            LIMIT {limit + 1}
            """).AsNoTracking().ToListAsync(cancellationToken);
        return new Page<AuditEntryResponse>(
            [.. rows.Take(limit).Select(Of)],
            rows.Count > limit ? Cursor.OfAuditEntry(rows[limit - 1].Id) : null);
    }

    private static AuditEntryResponse Of(AuditEntry entry) => new(
        entry.Id,
        entry.At,
        entry.ClusterId?.ToString(),
        entry.Actor,
        entry.ApiKeyId,
        entry.Action,
        entry.Subject,
        entry.Before is { } before ? JsonNode.Parse(before) : null,
        entry.After is { } after ? JsonNode.Parse(after) : null);
}

/// <summary>The query of <see cref="ListAuditLog"/>.</summary>
internal sealed class ListAuditLogQuery
{
    /// <summary>The cluster that was changed.</summary>
    [FromQuery(Name = "cluster"), Description("Only changes of this cluster, by its id; deleted ones too.")]
    public string? Cluster { get; init; }

    /// <summary>The kind of change.</summary>
    [FromQuery(Name = "action"), Description("Only this action, for example delete-tracking-domain.")]
    public string? Action { get; init; }

    /// <summary>The changed host name, key or cluster.</summary>
    [FromQuery(Name = "subject"), Description("Only changes of this host name, key or cluster.")]
    public string? Subject { get; init; }

    /// <summary>First moment.</summary>
    [FromQuery(Name = "from"), Description("At or after: RFC 3339, or a date (UTC).")]
    public string? From { get; init; }

    /// <summary>First moment after.</summary>
    [FromQuery(Name = "to"), Description("Before: RFC 3339, or a date (UTC).")]
    public string? To { get; init; }

    /// <summary>Items of the page.</summary>
    [FromQuery(Name = "limit"), Description("Items of the page, 1 to 500; default 50.")]
    public string? Limit { get; init; }

    /// <summary>Where to continue.</summary>
    [FromQuery(Name = "after"), Description("The value of next from the page before.")]
    public string? After { get; init; }
}
