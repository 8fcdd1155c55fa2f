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

/// <summary><c>PATCH</c> and <c>DELETE /api/v1/clusters/{cluster}/webhooks/{id}</c>: a JSON merge patch (RFC 7396). An
/// endpoint that is enabled again, or gets another URL, starts without its earlier failures.</summary>
internal static class ChangeWebhook
{
    private const string Update =
        """
        UPDATE webhooks.endpoints SET url = $3, description = $4, event_types = $5, people_only = $6,
            disabled_at = CASE WHEN $7 THEN NULL ELSE coalesce(disabled_at, $8) END,
            disabled_reason = CASE WHEN $7 THEN NULL ELSE coalesce(disabled_reason, 0) END,
            changed_in = pg_current_xact_id(),
            failures = CASE WHEN $9 THEN 0 ELSE failures END,
            failing_since = CASE WHEN $9 THEN NULL ELSE failing_since END,
            last_error = CASE WHEN $9 THEN NULL ELSE last_error END,
            is_slow = is_slow AND NOT $9,
            rests_until = CASE WHEN $9 THEN NULL ELSE rests_until END
        WHERE cluster_id = $1 AND id = $2
        """;

    // The secrets are deleted at once. Ingest deletes the row when no delivery of it is left.
    private const string MarkDeleted =
        """
        UPDATE webhooks.endpoints SET deleted_at = $3, sealed_secret = '', previous_sealed_secret = NULL,
            previous_until = NULL, changed_in = pg_current_xact_id()
        WHERE cluster_id = $1 AND id = $2
        """;

    public static void Map(IEndpointRouteBuilder webhooks)
    {
        webhooks.MapPatch(FindWebhook.Route, HandleAsync)
            .RequireClusterAccess()
            .Describe("ChangeWebhook", "Changes the given members and keeps the others (JSON merge patch, RFC 7396).")
            .DescribeBody<WebhookDocument>(mergePatch: true)
            .DescribeProblems(400, 413, 415);
        webhooks.MapDelete(FindWebhook.Route, DeleteAsync)
            .RequireClusterAccess()
            .Describe("DeleteWebhook", "Deletes a webhook endpoint with its deliveries. Cannot be undone.");
    }

    private static async Task<Results<Ok<WebhookResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        string id,
        HttpRequest request,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        ReceiverAddress addresses,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (patch, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (patch is null)
        {
            return problem!;
        }

        return await ChangeAsync(cluster, id, patch, holder, dataSource, addresses, time, cancellationToken);
    }

    /// <summary>Applies a merge patch.</summary>
    public static async Task<Results<Ok<WebhookResponse>, Problem>> ChangeAsync(
        ClusterId cluster,
        string id,
        JsonObject patch,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        ReceiverAddress addresses,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await FindWebhook.ReadAsync(connection, cluster, id, now, isLocked: true, cancellationToken)
            is not { } stored)
        {
            return FindWebhook.NoSuchWebhook(id);
        }

        var before = stored.ToDocument();
        var errors = new InputErrors();
        var after = WebhookDocument.Read((JsonObject)MergePatch.Apply(before.ToJson(), patch)!, addresses, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        await UpdateAsync(connection, cluster, stored, after, now, cancellationToken);
        await RecordChange.AddAsync(
            transaction, holder, new("change-webhook", $"{stored.Id}", cluster, before, after), time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.Ok(
            (await FindWebhook.ReadAsync(dataSource, cluster, id, now, cancellationToken))!);
    }

    private static async Task UpdateAsync(
        NpgsqlConnection connection,
        ClusterId cluster,
        WebhookResponse stored,
        WebhookDocument after,
        DateTimeOffset now,
        CancellationToken cancellationToken)
    {
        await using var update = new NpgsqlCommand(Update, connection)
        {
            Parameters =
            {
                new() { Value = cluster.Value },
                new() { Value = stored.Id },
                new() { Value = after.Url },
                new() { Value = after.Description },
                new() { Value = after.EventTypes.ToArray() },
                new() { Value = after.PeopleOnly },
                new() { Value = after.Enabled },
                new() { Value = now.UtcDateTime },
                new() { Value = (after.Enabled && !stored.Enabled) || after.Url != stored.Url },
            },
        };
        await update.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<Results<NoContent, Problem>> DeleteAsync(
        ClusterId cluster,
        string id,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await FindWebhook.ReadAsync(connection, cluster, id, now, isLocked: true, cancellationToken)
            is not { } stored)
        {
            return FindWebhook.NoSuchWebhook(id);
        }

        await using var delete = new NpgsqlCommand(MarkDeleted, connection)
        {
            Parameters =
            {
                new() { Value = cluster.Value },
                new() { Value = stored.Id },
                new() { Value = now.UtcDateTime },
            },
        };
        await delete.ExecuteNonQueryAsync(cancellationToken);
        await RecordChange.AddAsync(
            transaction, holder, new("delete-webhook", $"{stored.Id}", cluster, stored.ToDocument()), time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.NoContent();
    }
}
