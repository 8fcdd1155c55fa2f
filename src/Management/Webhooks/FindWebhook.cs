using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.Management.Webhooks;

/// <summary>Reads endpoints of a cluster.</summary>
internal static class FindWebhook
{
    /// <summary>The part of a path that names an endpoint.</summary>
    public const string Route = "/{id}";

    // A larger number is shown as "many". An exact count of a million rows would read each of them.
    private const int MostCounted = 10_000;

    private const int MostRecent = 1000;

    private const string Columns =
        """
        id, url, description, event_types, people_only, disabled_at, disabled_reason, created_at,
        CASE WHEN previous_until > $2 THEN previous_until END, failures, failing_since, last_error, last_success_at,
        is_slow, CASE WHEN rests_until > $2 THEN rests_until END
        """;

    private const string SelectFigures =
        """
        SELECT
            (SELECT count(*) FROM (SELECT FROM webhooks.deliveries
                WHERE cluster_id = $1 AND endpoint_id = $2 AND status = 0 LIMIT $3) p)::integer,
            (SELECT count(*) FROM (SELECT FROM webhooks.deliveries
                WHERE cluster_id = $1 AND endpoint_id = $2 AND status = 2 LIMIT $3) f)::integer,
            count(*)::integer, (count(*) FILTER (WHERE succeeded))::integer,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY took_ms), percentile_disc(0.99) WITHIN GROUP (ORDER BY took_ms)
        FROM (SELECT succeeded, took_ms FROM webhooks.attempts
            WHERE cluster_id = $1 AND endpoint_id = $2 ORDER BY at DESC LIMIT $4) recent
        """;

    /// <summary>The endpoints of a cluster, the oldest first, without the figures that need counting.</summary>
    public static async Task<List<WebhookResponse>> AllAsync(
        ApiDataSource dataSource, ClusterId cluster, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"SELECT {Columns} FROM webhooks.endpoints WHERE cluster_id = $1 AND deleted_at IS NULL ORDER BY id");
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var endpoints = new List<WebhookResponse>();
        while (await reader.ReadAsync(cancellationToken))
        {
            endpoints.Add(Read(reader));
        }

        return endpoints;
    }

    /// <summary>An endpoint with its figures.</summary>
    public static async Task<WebhookResponse?> ReadAsync(
        ApiDataSource dataSource, ClusterId cluster, string id, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        if (await ReadAsync(connection, cluster, id, now, isLocked: false, cancellationToken) is not { } endpoint)
        {
            return null;
        }

        await using var command = new NpgsqlCommand(SelectFigures, connection)
        {
            Parameters =
            {
                new() { Value = cluster.Value },
                new() { Value = endpoint.Id },
                new() { Value = MostCounted },
                new() { Value = MostRecent },
            },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return endpoint with
        {
            Health = endpoint.Health with
            {
                Pending = reader.GetInt32(0),
                Failed = reader.GetInt32(1),
                Recent = new RecentAttempts(
                    reader.GetInt32(2), reader.GetInt32(3), Number(reader, 4), Number(reader, 5)),
            },
        };
    }

    /// <summary>Reads an endpoint on a connection.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="cluster">The cluster.</param>
    /// <param name="id">The id from the path.</param>
    /// <param name="now">The time.</param>
    /// <param name="isLocked">Whether to lock it until the transaction ends. Of two simultaneous changes, the second
    /// then applies to the result of the first.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    public static async Task<WebhookResponse?> ReadAsync(
        NpgsqlConnection connection,
        ClusterId cluster,
        string id,
        DateTimeOffset now,
        bool isLocked,
        CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(id, out var guid))
        {
            return null;
        }

        await using var command = new NpgsqlCommand(
            $"SELECT {Columns} FROM webhooks.endpoints WHERE cluster_id = $1 AND id = $3 AND deleted_at IS NULL"
                + (isLocked ? " FOR NO KEY UPDATE" : ""),
            connection)
        {
            Parameters =
            {
                new() { Value = cluster.Value },
                new() { Value = now.UtcDateTime },
                new() { Value = guid },
            },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? Read(reader) : null;
    }

    /// <summary>The problem for an id that the cluster does not have.</summary>
    public static Problem NoSuchWebhook(string id) =>
        Problems.NotFound("webhook", id, "GET the list of the cluster's webhooks.");

    private static WebhookResponse Read(NpgsqlDataReader row)
    {
        var (disabledAt, failures, lastSuccess) = (Time(row, 5), row.GetInt32(9), Time(row, 12));
        var state = disabledAt is not null ? WebhookState.Disabled
            : failures > 0 ? WebhookState.Failing
            : row.GetBoolean(13) ? WebhookState.Slow
            : lastSuccess is not null ? WebhookState.Healthy
            : WebhookState.Untried;
        return new WebhookResponse(
            row.GetGuid(0),
            row.GetString(1),
            row.GetString(2),
            row.GetFieldValue<string[]>(3),
            row.GetBoolean(4),
            disabledAt is null,
            row.IsDBNull(6) ? null : (DisabledReason)row.GetInt16(6),
            disabledAt,
            row.GetFieldValue<DateTimeOffset>(7),
            Time(row, 8),
            new WebhookHealth(
                state, lastSuccess, Time(row, 10), row.IsDBNull(11) ? null : row.GetString(11), Time(row, 14),
                null, null, null));
    }

    private static DateTimeOffset? Time(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);

    private static int? Number(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt32(column);
}
