using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Destinations;

/// <summary><c>GET</c> and <c>DELETE /api/v1/clusters/{cluster}/repairs[/{id}]</c>: lists repairs and undoes them.
/// Undone repairs stay in the list.</summary>
internal static class ListRepairs
{
    private const string Undo =
        "UPDATE links.repairs SET undone_at = $3 WHERE cluster_id = $1 AND id = $2 AND undone_at IS NULL";

    public static void Map(IEndpointRouteBuilder repairs)
    {
        repairs.MapGet("/", ListAsync)
            .RequireClusterAccess()
            .Describe("ListRepairs", "Lists repaired destinations, the newest first, with undone repairs.")
            .DescribeProblems(400);
        repairs.MapDelete("/{id}", DeleteAsync)
            .RequireClusterAccess()
            .Describe("UndoRepair", "Undoes a repair: the link leads to the destination in the mail again.");
    }

    /// <summary>A page of repairs, the newest first.</summary>
    public static async Task<Page<RepairResponse>> ReadPageAsync(
        ApiDataSource dataSource, ClusterId cluster, Guid? after, int limit, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"""
            {RepairResponse.Select}
            WHERE r.cluster_id = $1 AND ($2::uuid IS NULL OR r.id < $2) ORDER BY r.id DESC LIMIT $3
            """);
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new() { Value = (object?)after ?? DBNull.Value });
        command.Parameters.Add(new() { Value = limit + 1 });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<RepairResponse>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(RepairResponse.Read(reader));
        }

        return new Page<RepairResponse>(
            [.. rows.Take(limit)], rows.Count > limit ? Cursor.OfRepair(rows[limit - 1].Id) : null);
    }

    /// <summary>A repair of a cluster.</summary>
    public static async Task<RepairResponse?> FindAsync(
        NpgsqlConnection connection, ClusterId cluster, Guid id, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"{RepairResponse.Select}\nWHERE r.cluster_id = $1 AND r.id = $2", connection)
        {
            Parameters =
            {
                new() { Value = cluster.Value },
                new() { Value = id },
            },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? RepairResponse.Read(reader) : null;
    }

    /// <summary>Undoes a repair.</summary>
    /// <returns>Whether the repair was in force.</returns>
    public static async Task<bool> UndoAsync(
        ClusterId cluster,
        Guid id,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var undo = new NpgsqlCommand(Undo, connection)
        {
            Parameters =
            {
                new() { Value = cluster.Value },
                new() { Value = id },
                new() { Value = time.GetUtcNow().UtcDateTime },
            },
        };
        if (await undo.ExecuteNonQueryAsync(cancellationToken) == 0)
        {
            return false;
        }

        var undone = (await FindAsync(connection, cluster, id, cancellationToken))!;
        await RecordChange.AddAsync(
            transaction, holder, new("undo-repair", undone.Link, cluster, Before: undone), time, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        changes.AnnounceRules(cluster);
        return true;
    }

    private static async Task<Results<Ok<Page<RepairResponse>>, Problem>> ListAsync(
        ClusterId cluster,
        [AsParameters] ListRepairsQuery query,
        HttpRequest request,
        ApiDataSource dataSource,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ListRepairsQuery>(request, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        var after = ReadQuery.After(query.After, Cursor.TryReadRepair, errors);
        return errors.Any
            ? errors.ToProblem()
            : TypedResults.Ok(await ReadPageAsync(dataSource, cluster, after, limit, cancellationToken));
    }

    private static async Task<Results<NoContent, Problem>> DeleteAsync(
        ClusterId cluster,
        string id,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken) =>
        Guid.TryParse(id, out var guid)
            && await UndoAsync(cluster, guid, holder, dataSource, changes, time, cancellationToken)
                ? TypedResults.NoContent()
                : Problems.NotFound("repair in force", id, "GET the list of the cluster's repairs.");
}

/// <summary>The query of <see cref="ListRepairs"/>.</summary>
internal sealed class ListRepairsQuery
{
    /// <summary>The number of items on the page.</summary>
    [FromQuery(Name = "limit"), Description("Items of the page, 1 to 500; default 50.")]
    public string? Limit { get; init; }

    /// <summary>The position at which the page continues.</summary>
    [FromQuery(Name = "after"), Description("The value of next from the page before.")]
    public string? After { get; init; }
}
