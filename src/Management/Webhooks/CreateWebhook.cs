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

/// <summary><c>POST /api/v1/clusters/{cluster}/webhooks</c>: the answer has the secret, this once.</summary>
internal static class CreateWebhook
{
    /// <summary>The largest number of endpoints of a cluster. Ingest compares each click with each of them.</summary>
    public const int MaxEndpoints = 100;

    // The cluster is locked, so that two simultaneous requests cannot both take the last place.
    private const string Insert =
        """
        INSERT INTO webhooks.endpoints (cluster_id, id, url, description, event_types, people_only, sealed_secret,
            created_at, disabled_at, disabled_reason)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $9 THEN NULL ELSE $8 END, CASE WHEN $9 THEN NULL ELSE 0 END
        WHERE (SELECT count(*) FROM webhooks.endpoints WHERE cluster_id = $1 AND deleted_at IS NULL) < $10
        """;

    public static void Map(IEndpointRouteBuilder webhooks) => webhooks.MapPost("/", HandleAsync)
        .RequireClusterAccess()
        .Describe("CreateWebhook", "Creates a webhook endpoint. The secret is shown once.")
        .DescribeBody<WebhookDocument>(required: "url")
        .DescribeProblems(400, 409, 413, 415);

    private static async Task<Results<Created<WebhookSecretResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        HttpRequest request,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        ReceiverAddress addresses,
        MasterKey masterKey,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (json is null)
        {
            return problem!;
        }

        var (made, refusal) = await CreateAsync(
            cluster, json, holder, dataSource, addresses, masterKey, time, cancellationToken);
        return made is null ? refusal! : TypedResults.Created($"{request.Path}/{made.Id}", made);
    }

    /// <summary>Creates an endpoint.</summary>
    public static async Task<(WebhookSecretResponse? Made, Problem? Refusal)> CreateAsync(
        ClusterId cluster,
        JsonObject json,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        ReceiverAddress addresses,
        MasterKey masterKey,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        var document = WebhookDocument.Read(json, addresses, errors);
        if (errors.Any)
        {
            return (null, errors.ToProblem());
        }

        var (now, secret) = (time.GetUtcNow(), WebhookSecret.Create());
        var id = Guid.CreateVersion7(now);
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (!await InsertAsync(
            connection, cluster, id, document, WebhookSecret.Seal(masterKey, id, secret), now, cancellationToken))
        {
            return (null, Problems.Conflict(
                $"There are {MaxEndpoints} webhooks, the most there may be; delete one that is not used."));
        }

        await RecordChange.AddAsync(
            transaction, holder, new("create-webhook", $"{id}", cluster, After: document), time, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (new WebhookSecretResponse(id, WebhookSecret.Write(secret), null), null);
    }

    private static async Task<bool> InsertAsync(
        NpgsqlConnection connection,
        ClusterId cluster,
        Guid id,
        WebhookDocument document,
        byte[] sealedSecret,
        DateTimeOffset now,
        CancellationToken cancellationToken)
    {
        await using (var wait = new NpgsqlCommand(
            "SELECT pg_advisory_xact_lock(hashtext('tracking.webhooks.create'), $1)", connection)
        {
            Parameters = { new() { Value = cluster.Value } },
        })
        {
            await wait.ExecuteNonQueryAsync(cancellationToken);
        }

        await using var insert = new NpgsqlCommand(Insert, connection)
        {
            Parameters =
            {
                new() { Value = cluster.Value },
                new() { Value = id },
                new() { Value = document.Url },
                new() { Value = document.Description },
                new() { Value = document.EventTypes.ToArray() },
                new() { Value = document.PeopleOnly },
                new() { Value = sealedSecret },
                new() { Value = now.UtcDateTime },
                new() { Value = document.Enabled },
                new() { Value = MaxEndpoints },
            },
        };
        return await insert.ExecuteNonQueryAsync(cancellationToken) == 1;
    }
}
