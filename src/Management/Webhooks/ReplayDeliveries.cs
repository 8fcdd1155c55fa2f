using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.Events;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;
using Tracking.Webhooks;

namespace Tracking.Management.Webhooks;

/// <summary>The deliveries that are sent again.</summary>
internal enum ReplayedDeliveries
{
    /// <summary>Deliveries that were given up.</summary>
    Failed,

    /// <summary>Also deliveries that succeeded.</summary>
    All,

    /// <summary>Clicks and opens without a delivery: they came while the endpoint was disabled or did not exist
    /// yet.</summary>
    Missing,
}

/// <summary>The request to send deliveries again.</summary>
/// <param name="Which">failed (default), all, or missing: clicks and opens without a delivery. With all and missing,
/// from is required.</param>
/// <param name="From">Events at or after: RFC 3339, or a date (UTC).</param>
/// <param name="To">Events before: RFC 3339, or a date (UTC).</param>
internal sealed record ReplayRequest(ReplayedDeliveries Which, string? From, string? To);

/// <summary>The result of a replay.</summary>
/// <param name="Count">The number of deliveries that are sent again.</param>
internal sealed record ReplayResponse(int Count);

/// <summary><c>POST …/webhooks/{id}/replay</c> and <c>POST …/webhooks/{id}/deliveries/{delivery}/replay</c>. The
/// deliveries keep their webhook-id and start again with the first attempt.</summary>
internal static class ReplayDeliveries
{
    private const string Again = "UPDATE webhooks.deliveries d SET status = 0, tries = 0, next_attempt_at = {1}, "
        + "finished_at = NULL WHERE {where}";

    private const string Missing =
        """
        INSERT INTO webhooks.deliveries (cluster_id, endpoint_id, id, event_type, occurred_at, next_attempt_at)
        SELECT d.cluster_id, {2}, d.id, CASE d.kind WHEN 1 THEN 0 ELSE 1 END, d.occurred_at, {1}
        FROM ingest.events d WHERE {where}
        ON CONFLICT DO NOTHING
        """;

    private static readonly (WebhookEventType Type, LinkKind Kind)[] _kinds =
        [(WebhookEventType.MessageOpened, LinkKind.Open), (WebhookEventType.MessageClicked, LinkKind.Click)];

    public static void Map(IEndpointRouteBuilder webhooks)
    {
        webhooks.MapPost(FindWebhook.Route + "/replay", HandleManyAsync)
            .RequireClusterAccess()
            .Describe("ReplayWebhookDeliveries", "Sends failed deliveries again, or the deliveries of a time range.")
            .DescribeBody<ReplayRequest>()
            .DescribeProblems(400, 409, 413, 415, 422);
        webhooks.MapPost(ListDeliveries.Route + "/replay", OneAsync)
            .RequireClusterAccess()
            .Describe("ReplayWebhookDelivery", "Sends a delivery again.")
            .DescribeProblems(409);
    }

    private static async Task<Results<Ok<ReplayResponse>, Problem>> HandleManyAsync(
        ClusterId cluster,
        string id,
        HttpRequest request,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (json is null)
        {
            return problem!;
        }

        return await ManyAsync(cluster, id, json, holder, dataSource, time, cancellationToken);
    }

    /// <summary>Sends many deliveries again.</summary>
    public static async Task<Results<Ok<ReplayResponse>, Problem>> ManyAsync(
        ClusterId cluster,
        string id,
        JsonObject json,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        var (which, from, to) = Read(json, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        return await RunAsync(
            cluster, id, holder, dataSource, time,
            endpoint => which == ReplayedDeliveries.Missing
                ? MissingOf(endpoint, cluster, from, to, time.GetUtcNow())
                : AgainOf(endpoint, cluster, which, from, to, time.GetUtcNow()),
            new { which, from, to },
            cancellationToken) switch
        {
            (_, { } refusal) => refusal,
            var (count, _) => TypedResults.Ok(new ReplayResponse(count)),
        };
    }

    /// <summary>Sends one delivery again.</summary>
    public static async Task<Results<Ok<DeliveryResponse>, Problem>> OneAsync(
        ClusterId cluster,
        string id,
        string delivery,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(delivery, out var guid))
        {
            return FindDelivery.NoSuchDelivery(delivery);
        }

        var (count, refusal) = await RunAsync(
            cluster, id, holder, dataSource, time,
            endpoint => new SqlConditions()
                .And("d.cluster_id = ? AND d.endpoint_id = ? AND d.id = ?", cluster.Value, endpoint.Id, guid)
                .BatchCommand(Again, time.GetUtcNow().UtcDateTime),
            new { delivery = guid },
            cancellationToken);
        return refusal is not null ? refusal
            : count == 0 ? FindDelivery.NoSuchDelivery(delivery)
            : TypedResults.Ok((await FindDelivery.ReadAsync(
                dataSource, cluster, Guid.Parse(id), delivery, cancellationToken))!);
    }

    private static async Task<(int Count, Problem? Refusal)> RunAsync(
        ClusterId cluster,
        string id,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        TimeProvider time,
        Func<WebhookResponse, NpgsqlBatchCommand> statement,
        object what,
        CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await FindWebhook.ReadAsync(
            connection, cluster, id, time.GetUtcNow(), isLocked: false, cancellationToken) is not { } endpoint)
        {
            return (0, FindWebhook.NoSuchWebhook(id));
        }

        if (!endpoint.Enabled)
        {
            return (0, Problems.Conflict($"Webhook '{endpoint.Id}' is disabled and gets nothing; enable it first."));
        }

        await using var replay = new NpgsqlBatch(connection) { BatchCommands = { statement(endpoint) } };
        var count = await replay.ExecuteNonQueryAsync(cancellationToken);
        if (count > 0)
        {
            await RecordChange.AddAsync(
                transaction, holder, new("replay-webhook", $"{endpoint.Id}", cluster, After: what), time,
                cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return (count, null);
    }

    private static NpgsqlBatchCommand AgainOf(
        WebhookResponse endpoint,
        ClusterId cluster,
        ReplayedDeliveries which,
        DateTimeOffset? from,
        DateTimeOffset? to,
        DateTimeOffset now)
    {
        var where = new SqlConditions()
            .And("d.cluster_id = ? AND d.endpoint_id = ?", cluster.Value, endpoint.Id)
            .And(which == ReplayedDeliveries.Failed ? "d.status = 2" : "d.status <> 0");
        ListDeliveries.Window(where, from, to);
        return where.BatchCommand(Again, now.UtcDateTime);
    }

    private static NpgsqlBatchCommand MissingOf(
        WebhookResponse endpoint, ClusterId cluster, DateTimeOffset? from, DateTimeOffset? to, DateTimeOffset now)
    {
        var bits = WebhookEventTypes.BitsOf([.. endpoint.EventTypes]);
        var kinds = _kinds.Where(known => (bits & (1 << (int)known.Type)) != 0)
            .Select(known => (short)known.Kind).ToArray();
        var where = new SqlConditions().And("d.cluster_id = ? AND d.kind = ANY (?)", cluster.Value, kinds);
        if (endpoint.PeopleOnly)
        {
            where.And("d.verdict = ANY (?)", EventWords.Numbers(HumanFilter.Human));
        }

        ListDeliveries.Window(where, from, to);
        return where.BatchCommand(Missing, now.UtcDateTime, endpoint.Id);
    }

    private static (ReplayedDeliveries Which, DateTimeOffset? From, DateTimeOffset? To) Read(
        JsonObject json, InputErrors errors)
    {
        ReadJson.RefuseUnknown(json, "", ["which", "from", "to"], errors);
        var which = ReadQuery.Choice(
            "which", Text(json, "which", errors), ReplayedDeliveries.Failed, ReadQuery.Words<ReplayedDeliveries>(),
            errors);
        var from = ReadQuery.Time("from", Text(json, "from", errors), errors);
        var to = ReadQuery.Time("to", Text(json, "to", errors), errors);
        ReadQuery.Range(from, to, errors);
        if (which != ReplayedDeliveries.Failed && from is null && !errors.Any)
        {
            errors.Add("from", $"is missing; it is required with {ReadQuery.Word(which)}.");
        }

        return (which, from, to);
    }

    private static string? Text(JsonObject json, string name, InputErrors errors)
    {
        var node = json[name];
        if (node is null || node.GetValueKind() == JsonValueKind.String)
        {
            return node?.GetValue<string>();
        }

        errors.Add(name, $"{ReadJson.Got(node)}, takes a text.");
        return null;
    }
}
