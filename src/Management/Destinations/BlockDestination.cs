using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Management.Audit;
using Tracking.Management.Domains;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Destinations;

/// <summary>A blocked destination.</summary>
/// <param name="Pattern">A host, or <c>*.</c> and a host for everything below it; each may have a path.</param>
/// <param name="Reason">The reason, for admins. Recipients do not see it.</param>
/// <param name="CreatedAt">When it was blocked.</param>
internal sealed record BlockedDestinationResponse(string Pattern, string Reason, DateTimeOffset CreatedAt)
{
    public static BlockedDestinationResponse Of(BlockedDestination blocked) =>
        new(blocked.Pattern, blocked.Reason, blocked.CreatedAt);
}

/// <summary>The request to block a destination.</summary>
/// <param name="Pattern">example.com, or *.example.com for everything below it; each may have a path:
/// example.com/account, example.com/acc*.</param>
/// <param name="Reason">The reason, for admins.</param>
internal sealed record BlockDestinationRequest(string Pattern, string Reason);

/// <summary>
/// <c>POST</c>, <c>GET</c> and <c>DELETE /api/v1/blocked-destinations[/{pattern}]</c>: no link of any cluster leads to
/// a blocked destination, including links in mail that is already sent. Edges apply it within two seconds.
/// </summary>
internal static class BlockDestination
{
    /// <summary>The largest number of patterns: each edge holds all of them.</summary>
    public const int MaxPatterns = 10_000;

    private const int MaxReason = 500;

    public static void Map(IEndpointRouteBuilder blocked)
    {
        blocked.MapPost("/", PostAsync)
            .RequireAdmin()
            .Describe("BlockDestination", "Blocks destinations within seconds, also for links in sent mail.")
            .DescribeBody<BlockDestinationRequest>(required: "pattern")
            .DescribeProblems(400, 409, 413, 415);
        blocked.MapGet("/", ListAsync)
            .RequireAdmin()
            .Describe("ListBlockedDestinations", "Lists blocked destinations, by pattern.")
            .DescribeProblems(400);
        blocked.MapDelete("/{pattern}", DeleteAsync)
            .RequireAdmin()
            .Describe("UnblockDestination", "Unblocks destinations; links lead there again. A slash is %2F.")
            .DescribeProblems(404);
    }

    /// <summary>Reads the request and blocks the destination.</summary>
    public static async Task<Results<Ok<BlockedDestinationResponse>, Problem>> BlockAsync(
        JsonObject json,
        ApiKeyHolder holder,
        TrackingDb db,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadJson.RefuseUnknown(json, "", ["pattern", "reason"], errors);
        var pattern = ReadPattern(json, errors);
        var reason = json["reason"] is null ? "" : ReadJson.Name(json, "reason", MaxReason, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await db.BlockedDestinations.CountAsync(cancellationToken) >= MaxPatterns)
        {
            return Problems.Conflict($"There are {MaxPatterns} blocked destinations, the most there may be; *. before a "
                + "host blocks everything below it at once.");
        }

        var stored = (await db.BlockedDestinations.FromSql(
            $"""
            INSERT INTO links.blocked_destinations (pattern, reason, created_at)
            VALUES ({pattern}, {reason}, {time.GetUtcNow()})
            ON CONFLICT (pattern) DO UPDATE SET reason = excluded.reason
            RETURNING *
            """).AsNoTracking().ToListAsync(cancellationToken)).Single();
        var response = BlockedDestinationResponse.Of(stored);
        await RecordChange.AddAsync(
            db, holder, new("block-destination", stored.Pattern, After: response), time, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        changes.AnnounceRules(cluster: null);
        return TypedResults.Ok(response);
    }

    /// <summary>Unblocks a destination.</summary>
    /// <returns>Whether it was blocked.</returns>
    public static async Task<bool> UnblockAsync(
        string pattern,
        ApiKeyHolder holder,
        TrackingDb db,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var stored = (await db.BlockedDestinations.FromSql(
            $"DELETE FROM links.blocked_destinations WHERE pattern = {pattern} RETURNING *")
            .AsNoTracking().ToListAsync(cancellationToken)).SingleOrDefault();
        if (stored is null)
        {
            return false;
        }

        await RecordChange.AddAsync(
            db,
            holder,
            new("unblock-destination", stored.Pattern, Before: BlockedDestinationResponse.Of(stored)),
            time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        changes.AnnounceRules(cluster: null);
        return true;
    }

    /// <summary>A page of blocked destinations, by pattern.</summary>
    public static async Task<Page<BlockedDestinationResponse>> ReadPageAsync(
        TrackingDb db, string? after, int limit, CancellationToken cancellationToken)
    {
        var rows = await db.BlockedDestinations.FromSql(
            $"""
            SELECT * FROM links.blocked_destinations
            WHERE {after}::text IS NULL OR pattern > {after} COLLATE "C"
            ORDER BY pattern
            LIMIT {limit + 1}
            """).AsNoTracking().ToListAsync(cancellationToken);
        return new Page<BlockedDestinationResponse>(
            [.. rows.Take(limit).Select(BlockedDestinationResponse.Of)],
            rows.Count > limit ? Cursor.OfName(rows[limit - 1].Pattern) : null);
    }

    private static async Task<Results<Ok<BlockedDestinationResponse>, Problem>> PostAsync(
        HttpRequest request,
        ApiKeyHolder holder,
        TrackingDb db,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        return json is null
            ? problem!
            : await BlockAsync(json, holder, db, changes, time, cancellationToken);
    }

    private static async Task<Results<Ok<Page<BlockedDestinationResponse>>, Problem>> ListAsync(
        [AsParameters] ListBlockedDestinationsQuery query,
        HttpRequest request,
        TrackingDb db,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ListBlockedDestinationsQuery>(request, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        string? after = null;
        if (!string.IsNullOrEmpty(query.After) && !Cursor.TryReadName(query.After, out after))
        {
            errors.Add("after", Cursor.Wrong);
        }

        return errors.Any
            ? errors.ToProblem()
            : TypedResults.Ok(await ReadPageAsync(db, after, limit, cancellationToken));
    }

    private static async Task<Results<NoContent, Problem>> DeleteAsync(
        string pattern,
        ApiKeyHolder holder,
        TrackingDb db,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        // A slash in a path is %2F and stays so in a route value.
        var text = pattern.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        return DestinationPattern.Read(text) is { } stored
            && await UnblockAsync(stored, holder, db, changes, time, cancellationToken)
                ? TypedResults.NoContent()
                : Problems.NotFound("blocked destination", text, "GET the list of blocked destinations.");
    }

    private static string? ReadPattern(JsonObject json, InputErrors errors)
    {
        if (json["pattern"] is JsonValue value && value.TryGetValue<string>(out var text)
            && DestinationPattern.Read(text) is { } pattern)
        {
            return pattern;
        }

        errors.Add("pattern", $"{ReadJson.Got(json["pattern"])}, takes {DestinationPattern.Takes}.");
        return null;
    }
}

/// <summary>The query of <see cref="BlockDestination"/>'s list.</summary>
internal sealed class ListBlockedDestinationsQuery
{
    /// <summary>The number of items on the page.</summary>
    [FromQuery(Name = "limit"), System.ComponentModel.Description("Items of the page, 1 to 500; default 50.")]
    public string? Limit { get; init; }

    /// <summary>The position at which the page continues.</summary>
    [FromQuery(Name = "after"), System.ComponentModel.Description("The value of next from the page before.")]
    public string? After { get; init; }
}
