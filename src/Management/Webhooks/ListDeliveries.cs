using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Events;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;
using Tracking.Webhooks;

namespace Tracking.Management.Webhooks;

/// <summary>A delivery attempt.</summary>
/// <param name="Number">The number of the attempt, from 1, over all replays.</param>
/// <param name="At">When it began.</param>
/// <param name="TookMs">Milliseconds until the end of the answer.</param>
/// <param name="Succeeded">Whether the receiver accepted it.</param>
/// <param name="HttpStatus">The status of the answer; null without an answer.</param>
/// <param name="Error">The error.</param>
/// <param name="Answer">The beginning of the answer, 8 kB at most.</param>
internal sealed record AttemptResponse(
    int Number, DateTimeOffset At, int TookMs, bool Succeeded, int? HttpStatus, string? Error, string? Answer);

/// <summary>A delivery with its attempts.</summary>
/// <param name="Delivery">The delivery.</param>
/// <param name="Attempts">Its latest attempts, the latest first; 100 at most.</param>
internal sealed record DeliveryWithAttempts(DeliveryResponse Delivery, IReadOnlyList<AttemptResponse> Attempts);

/// <summary><c>GET /api/v1/clusters/{cluster}/webhooks/{id}/deliveries[/{delivery}]</c>, newest first.</summary>
internal static class ListDeliveries
{
    /// <summary>The part of a path that names a delivery.</summary>
    public const string Route = FindWebhook.Route + "/deliveries/{delivery}";

    private const int MostAttempts = 100;

    private const string SelectAttempts =
        """
        SELECT number, at, took_ms, succeeded, http_status, error, answer FROM webhooks.attempts
        WHERE cluster_id = $1 AND endpoint_id = $2 AND delivery_id = $3
        ORDER BY number DESC LIMIT $4
        """;

    private static readonly (string Word, DeliveryStatus? Value)[] _statuses =
        [.. ReadQuery.Words<DeliveryStatus>().Select(word => (word.Word, (DeliveryStatus?)word.Value))];

    public static void Map(IEndpointRouteBuilder webhooks)
    {
        webhooks.MapGet(FindWebhook.Route + "/deliveries", ListAsync)
            .RequireClusterAccess()
            .Describe("ListWebhookDeliveries", "Lists the deliveries of a webhook endpoint, newest first.")
            .DescribeProblems(400);
        webhooks.MapGet(Route, GetAsync)
            .RequireClusterAccess()
            .Describe("GetWebhookDelivery", "A delivery with its attempts and the answers to them.");
    }

    private static async Task<Results<Ok<Page<DeliveryResponse>>, Problem>> ListAsync(
        ClusterId cluster,
        string id,
        [AsParameters] ListDeliveriesQuery query,
        HttpRequest request,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ListDeliveriesQuery>(request, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        var where = Where(query, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        if (await FindWebhook.ReadAsync(dataSource, cluster, id, time.GetUtcNow(), cancellationToken)
            is not { } endpoint)
        {
            return FindWebhook.NoSuchWebhook(id);
        }

        return TypedResults.Ok(await ReadPageAsync(
            dataSource, cluster, endpoint.Id, where, after: null, limit, cancellationToken));
    }

    /// <summary>A page of deliveries, the newest first.</summary>
    public static async Task<Page<DeliveryResponse>> ReadPageAsync(
        ApiDataSource dataSource,
        ClusterId cluster,
        Guid endpoint,
        SqlConditions where,
        Guid? after,
        int limit,
        CancellationToken cancellationToken)
    {
        where.And("d.cluster_id = ? AND d.endpoint_id = ?", cluster.Value, endpoint);
        if (after is { } last)
        {
            where.And("d.id < ?", last);
        }

        await using var command = where.Command(
            dataSource,
            $$"""
            SELECT {{FindDelivery.Columns}} FROM webhooks.deliveries d
            WHERE {where} ORDER BY d.id DESC LIMIT {{limit + 1}}
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<DeliveryResponse>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(FindDelivery.Read(reader));
        }

        return new Page<DeliveryResponse>(
            [.. rows.Take(limit)], rows.Count > limit ? Cursor.OfDelivery(rows[limit - 1].Id) : null);
    }

    private static SqlConditions Where(ListDeliveriesQuery query, InputErrors errors)
    {
        var where = new SqlConditions();
        if (ReadQuery.Choice("status", query.Status, null, _statuses, errors) is { } status)
        {
            where.And("d.status = ?", (short)status);
        }

        if (ReadQuery.Choices("type", query.Type, WebhookEventTypes.Words, errors) is { } types)
        {
            where.And("d.event_type = ANY (?)", types.Select(type => (short)type).ToArray());
        }

        var from = ReadQuery.Time("from", query.From, errors);
        var to = ReadQuery.Time("to", query.To, errors);
        ReadQuery.Range(from, to, errors);
        Window(where, from, to);
        if (ReadQuery.After(query.After, Cursor.TryReadDelivery, errors) is { } after)
        {
            where.And("d.id < ?", after);
        }

        return where;
    }

    /// <summary>Selects deliveries of events in a time range.</summary>
    public static void Window(SqlConditions where, DateTimeOffset? from, DateTimeOffset? to)
    {
        // The id bounds the range in the key. The exact time decides.
        if (from is { } first)
        {
            where.And(
                "d.id >= ? AND d.occurred_at >= ?", EventSelection.IdFloor(first - EventSelection.IdSlack), first);
        }

        if (to is { } end)
        {
            where.And("d.id < ? AND d.occurred_at < ?", EventSelection.IdFloor(end + EventSelection.IdSlack), end);
        }
    }

    private static async Task<Results<Ok<DeliveryWithAttempts>, Problem>> GetAsync(
        ClusterId cluster,
        string id,
        string delivery,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (await FindWebhook.ReadAsync(dataSource, cluster, id, time.GetUtcNow(), cancellationToken)
            is not { } endpoint)
        {
            return FindWebhook.NoSuchWebhook(id);
        }

        return await FindAsync(dataSource, cluster, endpoint.Id, delivery, cancellationToken) is { } found
            ? TypedResults.Ok(found)
            : FindDelivery.NoSuchDelivery(delivery);
    }

    /// <summary>A delivery with its attempts.</summary>
    public static async Task<DeliveryWithAttempts?> FindAsync(
        ApiDataSource dataSource,
        ClusterId cluster,
        Guid endpoint,
        string delivery,
        CancellationToken cancellationToken)
    {
        if (await FindDelivery.ReadAsync(dataSource, cluster, endpoint, delivery, cancellationToken) is not { } found)
        {
            return null;
        }

        await using var command = dataSource.CreateCommand(SelectAttempts);
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new() { Value = endpoint });
        command.Parameters.Add(new() { Value = found.Id });
        command.Parameters.Add(new() { Value = MostAttempts });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var attempts = new List<AttemptResponse>();
        while (await reader.ReadAsync(cancellationToken))
        {
            attempts.Add(new AttemptResponse(
                reader.GetInt32(0),
                reader.GetFieldValue<DateTimeOffset>(1),
                reader.GetInt32(2),
                reader.GetBoolean(3),
                reader.IsDBNull(4) ? null : reader.GetInt16(4),
                reader.IsDBNull(5) ? null : reader.GetString(5),
                reader.IsDBNull(6) ? null : reader.GetString(6)));
        }

        return new DeliveryWithAttempts(found, attempts);
    }
}

/// <summary>The query of <see cref="ListDeliveries"/>.</summary>
internal sealed class ListDeliveriesQuery
{
    /// <summary>The states of the deliveries.</summary>
    [FromQuery(Name = "status"), Description("pending, delivered or failed.")]
    public string? Status { get; init; }

    /// <summary>The types of the events.</summary>
    [FromQuery(Name = "type"), Description("Event types such as message.clicked; several with commas.")]
    public string? Type { get; init; }

    /// <summary>The beginning of the time range.</summary>
    [FromQuery(Name = "from"), Description("Events at or after: RFC 3339, or a date (UTC).")]
    public string? From { get; init; }

    /// <summary>The end of the time range (exclusive).</summary>
    [FromQuery(Name = "to"), Description("Events before: RFC 3339, or a date (UTC).")]
    public string? To { get; init; }

    /// <summary>The number of items on the page.</summary>
    [FromQuery(Name = "limit"), Description("Items of the page, 1 to 500; default 50.")]
    public string? Limit { get; init; }

    /// <summary>The position at which the page continues.</summary>
    [FromQuery(Name = "after"), Description("The value of next from the page before.")]
    public string? After { get; init; }
}
