using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Statistics;

/// <summary>The state of the rebuild of a cluster's counters.</summary>
/// <param name="State"><c>requested</c>, <c>running</c>, <c>done</c>, or <c>never</c>: no rebuild was
/// requested.</param>
/// <param name="RequestedAt">The time of the last request.</param>
/// <param name="RebuiltAt">The beginning of the last rebuild that has ended.</param>
/// <param name="Messages">The number of messages that the running or the last rebuild has counted.</param>
internal sealed record RebuildResponse(
    string State, DateTimeOffset? RequestedAt, DateTimeOffset? RebuiltAt, long Messages);

/// <summary><c>POST</c> and <c>GET /api/v1/clusters/{cluster}/stats/rebuild</c>: requests that ingest counts a
/// cluster's events again.</summary>
internal static class RebuildStatistics
{
    private const string Request =
        """
        INSERT INTO ingest.statistics AS s (cluster_id, requested_at, requested_from) VALUES ($1, now(), $2)
        ON CONFLICT (cluster_id) DO UPDATE SET requested_at = now(), requested_from = $2
        """;

    public static void Map(IEndpointRouteBuilder cluster)
    {
        cluster.MapPost("/stats/rebuild", RequestAsync)
            .RequireClusterAdmin()
            .Describe("RebuildStatistics", "Requests that the cluster's events are counted again, beside the counters "
                + "that are read. Meanwhile events are stored and counted as always.")
            .DescribeProblems(400);
        cluster.MapGet("/stats/rebuild", GetAsync)
            .RequireClusterAdmin()
            .Describe("GetStatisticsRebuild", "The state of the rebuild of the cluster's counters.");
    }

    private static async Task<Results<Accepted<RebuildResponse>, Problem>> RequestAsync(
        ClusterId cluster,
        [FromQuery(Name = "from"), Description("The first day (UTC) to count again: RFC 3339, or a date; default the "
            + "day of the first stored event. Earlier counts stay.")]
        string? from,
        ApiDataSource dataSource,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        var first = ReadQuery.Time("from", from, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        await using var command = dataSource.CreateCommand(Request);
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new()
        {
            Value = (object?)first?.ToUniversalTime() ?? DBNull.Value,
            NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz,
        });
        await command.ExecuteNonQueryAsync(cancellationToken);
        return TypedResults.Accepted((string?)null, await ReadAsync(dataSource, cluster, cancellationToken));
    }

    private static async Task<Ok<RebuildResponse>> GetAsync(
        ClusterId cluster, ApiDataSource dataSource, CancellationToken cancellationToken) =>
        TypedResults.Ok(await ReadAsync(dataSource, cluster, cancellationToken));

    private static async Task<RebuildResponse> ReadAsync(
        ApiDataSource dataSource, ClusterId cluster, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT requested_at, rebuilt_at, building IS NOT NULL, messages,
                requested_at IS NOT NULL AND (rebuilt_at IS NULL OR rebuilt_at < requested_at)
            FROM ingest.statistics WHERE cluster_id = $1
            """);
        command.Parameters.Add(new() { Value = cluster.Value });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return new RebuildResponse("never", null, null, 0);
        }

        DateTimeOffset? requestedAt = reader.IsDBNull(0) ? null : reader.GetFieldValue<DateTimeOffset>(0);
        DateTimeOffset? rebuiltAt = reader.IsDBNull(1) ? null : reader.GetFieldValue<DateTimeOffset>(1);
        var state = reader.GetBoolean(2) ? "running"
            : reader.GetBoolean(4) ? "requested"
            : rebuiltAt is null ? "never"
            : "done";
        return new RebuildResponse(state, requestedAt, rebuiltAt, reader.GetInt64(3));
    }
}
