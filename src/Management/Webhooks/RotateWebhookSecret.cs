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
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;
using Tracking.Webhooks;

namespace Tracking.Management.Webhooks;

/// <summary>The request to rotate a secret.</summary>
/// <param name="OverlapHours">The number of hours for which the previous secret signs too, 0 to 168; default
/// 24.</param>
internal sealed record RotateSecretRequest(int OverlapHours);

/// <summary><c>POST /api/v1/clusters/{cluster}/webhooks/{id}/secret</c>: creates a new secret. Both secrets sign while
/// the receiver is changed.</summary>
internal static class RotateWebhookSecret
{
    private const int DefaultOverlap = 24;

    private const int LongestOverlap = 7 * 24;

    private const string Rotate =
        """
        UPDATE webhooks.endpoints SET sealed_secret = $3, previous_sealed_secret = CASE WHEN $5 THEN sealed_secret END,
            previous_until = CASE WHEN $5 THEN $4::timestamptz END
        WHERE cluster_id = $1 AND id = $2
        """;

    public static void Map(IEndpointRouteBuilder webhooks) =>
        webhooks.MapPost(FindWebhook.Route + "/secret", HandleAsync)
        .RequireClusterAccess()
        .Describe("RotateWebhookSecret", "Creates a new secret, shown once. The previous secret signs too for a while.")
        .DescribeBody<RotateSecretRequest>()
        .DescribeProblems(400, 413, 415);

    private static async Task<Results<Ok<WebhookSecretResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        string id,
        HttpRequest request,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        MasterKey masterKey,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (json is null)
        {
            return problem!;
        }

        var errors = new InputErrors();
        ReadJson.RefuseUnknown(json, "", ["overlapHours"], errors);
        var overlap = Overlap(json, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        var (now, secret) = (time.GetUtcNow(), WebhookSecret.Create());
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await FindWebhook.ReadAsync(connection, cluster, id, now, isLocked: true, cancellationToken)
            is not { } stored)
        {
            return FindWebhook.NoSuchWebhook(id);
        }

        await using var rotate = new NpgsqlCommand(Rotate, connection)
        {
            Parameters =
            {
                new() { Value = cluster.Value },
                new() { Value = stored.Id },
                new() { Value = WebhookSecret.Seal(masterKey, stored.Id, secret) },
                new() { Value = now.AddHours(overlap).UtcDateTime },
                new() { Value = overlap > 0 },
            },
        };
        await rotate.ExecuteNonQueryAsync(cancellationToken);
        await RecordChange.AddAsync(
            transaction, holder,
            new("rotate-webhook-secret", $"{stored.Id}", cluster, After: new { OverlapHours = overlap }), time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.Ok(new WebhookSecretResponse(
            stored.Id, WebhookSecret.Write(secret), overlap > 0 ? now.AddHours(overlap) : null));
    }

    private static int Overlap(JsonObject json, InputErrors errors)
    {
        if (!json.TryGetPropertyValue("overlapHours", out var given))
        {
            return DefaultOverlap;
        }

        if (given is JsonValue value && value.TryGetValue<int>(out var hours) && hours is >= 0 and <= LongestOverlap)
        {
            return hours;
        }

        errors.Add("overlapHours", $"{ReadJson.Got(given)}, takes a whole number of hours from 0 to {LongestOverlap}.");
        return 0;
    }
}
