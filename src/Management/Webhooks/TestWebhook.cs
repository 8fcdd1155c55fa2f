using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.OpenApi;
using Tracking.Webhooks;

namespace Tracking.Management.Webhooks;

/// <summary><c>POST /api/v1/clusters/{cluster}/webhooks/{id}/test</c>: sends a <c>webhook.test</c> in the same way as
/// all other webhooks. The answer does not wait for the delivery.</summary>
internal static class TestWebhook
{
    private const string Insert =
        """
        INSERT INTO webhooks.deliveries (cluster_id, endpoint_id, id, event_type, occurred_at, payload, next_attempt_at)
        VALUES ($1, $2, $3, $4, $5, $6, $5)
        """;

    public static void Map(IEndpointRouteBuilder webhooks) => webhooks.MapPost(FindWebhook.Route + "/test", HandleAsync)
        .RequireClusterAccess()
        .Describe("TestWebhook", "Sends a test. GET its delivery to see the outcome.")
        .DescribeProblems(409);

    /// <summary>Sends a test.</summary>
    public static async Task<Results<Ok<DeliveryResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        string id,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        if (await FindWebhook.ReadAsync(connection, cluster, id, now, isLocked: false, cancellationToken)
            is not { } stored)
        {
            return FindWebhook.NoSuchWebhook(id);
        }

        if (!stored.Enabled)
        {
            return Problems.Conflict($"Webhook '{stored.Id}' is disabled and gets nothing; enable it first.");
        }

        var test = Guid.CreateVersion7(now);
        var payload = JsonSerializer.Serialize(new
        {
            type = WebhookEventTypes.NameOf(WebhookEventType.Test),
            timestamp = Rfc3339Time.Format(now),
            data = new { cluster = cluster.ToString(), webhook = stored.Id },
        });
        await using var insert = new NpgsqlCommand(Insert, connection)
        {
            Parameters =
            {
                new() { Value = cluster.Value },
                new() { Value = stored.Id },
                new() { Value = test },
                new() { Value = (short)WebhookEventType.Test },
                new() { Value = now.UtcDateTime },
                new() { Value = payload },
            },
        };
        await insert.ExecuteNonQueryAsync(cancellationToken);
        return TypedResults.Ok((await FindDelivery.ReadAsync(
            dataSource, cluster, stored.Id, test.ToString(), cancellationToken))!);
    }
}
