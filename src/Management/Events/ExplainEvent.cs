using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using Tracking.Api;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Events;

/// <summary>A reason for a verdict. If the rules of a reason are no longer known, only its code is given.</summary>
/// <param name="Code">The stable name.</param>
/// <param name="Verdict">The verdict that the reason supports.</param>
/// <param name="Weight">The strength: above 0 for a machine, below 0 for a person.</param>
/// <param name="Source">The origin: our rules of agents, the request's shape, behaviour, the network, or a
/// list.</param>
/// <param name="Version">The version of the source.</param>
/// <param name="Meaning">The meaning, in one sentence.</param>
internal sealed record ExplainedReason(
    string Code, string? Verdict, int? Weight, string? Source, string? Version, string? Meaning);

/// <summary>The shape of the request.</summary>
/// <param name="FetchMetadata">noneOverHttp, noneOverHttps, fits, or other: the content of Sec-Fetch-Mode and
/// Sec-Fetch-Dest.</param>
/// <param name="ClientHints">none, agree, or contradict: Sec-CH-UA compared with the user agent.</param>
/// <param name="Prefetch">Whether the request said that the browser prefetches.</param>
/// <param name="Language">Whether the request named languages.</param>
internal sealed record ExplainedShape(
    FetchMetadata FetchMetadata, ClientHints ClientHints, bool Prefetch, bool Language);

/// <summary>An earlier verdict.</summary>
/// <param name="At">When it was revised.</param>
/// <param name="Verdict">The earlier verdict.</param>
/// <param name="Vendor">The earlier vendor.</param>
/// <param name="Score">The earlier score.</param>
/// <param name="Reasons">The codes of the earlier reasons.</param>
internal sealed record VerdictBefore(
    DateTimeOffset At, Verdict Verdict, string? Vendor, int? Score, IReadOnlyList<string> Reasons);

/// <summary>The explanation of an event's verdict.</summary>
/// <param name="Event">The event with its verdict and score.</param>
/// <param name="MachineAt">The score from which on an event is a machine's.</param>
/// <param name="Reasons">The reasons for the verdict.</param>
/// <param name="Shape">The shape of the request; null if it was not recorded.</param>
/// <param name="Before">The earlier verdicts, the first verdict first.</param>
internal sealed record EventExplanation(
    EventResponse Event,
    int MachineAt,
    IReadOnlyList<ExplainedReason> Reasons,
    ExplainedShape? Shape,
    IReadOnlyList<VerdictBefore> Before);

/// <summary><c>GET /api/v1/clusters/{cluster}/events/{id}/explanation</c>.</summary>
internal static class ExplainEvent
{
    private static readonly string _select =
        $"""
        SELECT {EventResponse.Columns}, e.shape, r.content::text
        FROM ingest.events e
        LEFT JOIN rewrite.messages m ON m.cluster_id = e.cluster_id AND m.message_key = e.message_key
        LEFT JOIN links.destinations d ON d.cluster_id = e.cluster_id AND d.link_id = e.link_id
        LEFT JOIN ingest.rule_sets r ON r.number = e.rules
        WHERE e.cluster_id = $1 AND e.id = $2
        """;

    private const string SelectBefore =
        """
        SELECT revised_at, verdict_before, vendor_before, score_before, reasons_before FROM ingest.revisions
        WHERE cluster_id = $1 AND event_id = $2 ORDER BY revised_at
        """;

    public static void Map(IEndpointRouteBuilder events) => events.MapGet("/{id}/explanation", HandleAsync)
        .RequireClusterAccess()
        .Describe("ExplainEvent", "Explains why an event counts as a person's or as a machine's.");

    private static async Task<Results<Ok<EventExplanation>, Problem>> HandleAsync(
        ClusterId cluster, string id, ApiDataSource dataSource, CancellationToken cancellationToken) =>
        Guid.TryParse(id, out var guid)
            && await ReadAsync(dataSource, cluster, guid, cancellationToken) is { } explanation
            ? TypedResults.Ok(explanation)
            : Problems.NotFound("event", id, "Takes the id of a listed event.");

    /// <summary>The explanation; <see langword="null"/> if the cluster has no such event.</summary>
    public static async Task<EventExplanation?> ReadAsync(
        ApiDataSource dataSource, ClusterId cluster, Guid id, CancellationToken cancellationToken)
    {
        await using var batch = dataSource.CreateBatch();
        foreach (var sql in new[] { _select, SelectBefore })
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(sql)
            {
                Parameters = { new() { Value = cluster.Value }, new() { Value = id } },
            });
        }

        await using var row = await batch.ExecuteReaderAsync(cancellationToken);
        if (!await row.ReadAsync(cancellationToken))
        {
            return null;
        }

        var tracked = EventResponse.Read(row);
        var shape = row.IsDBNull(EventResponse.ColumnCount)
            ? null
            : RequestShape.Unpack((byte)row.GetInt16(EventResponse.ColumnCount));
        var rules = row.IsDBNull(EventResponse.ColumnCount + 1) ? "[]" : row.GetString(EventResponse.ColumnCount + 1);
        var known = JsonSerializer.Deserialize<ExplainedReason[]>(rules, ClusterSettings.Json)!
            .ToDictionary(reason => reason.Code);
        await row.NextResultAsync(cancellationToken);
        var before = new List<VerdictBefore>();
        while (await row.ReadAsync(cancellationToken))
        {
            before.Add(new VerdictBefore(
                row.GetFieldValue<DateTimeOffset>(0),
                (Verdict)row.GetInt16(1),
                row.IsDBNull(2) ? null : row.GetString(2),
                row.IsDBNull(3) ? null : row.GetInt16(3),
                row.GetFieldValue<string[]>(4)));
        }

        return new EventExplanation(
            tracked,
            Verdicts.MachineAt,
            [
                .. tracked.Classification.Reasons.Select(
                    code => known.GetValueOrDefault(code, new ExplainedReason(code, null, null, null, null, null))),
            ],
            shape is { } seen ? new ExplainedShape(seen.Fetch, seen.Hints, seen.IsPrefetch, seen.HasLanguage) : null,
            before);
    }
}
