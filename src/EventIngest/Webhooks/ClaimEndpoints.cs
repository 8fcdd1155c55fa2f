using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>
/// Leases endpoints with due deliveries, and reads these deliveries. The endpoint is leased, not its deliveries. So one
/// process at a time visits an endpoint, and a million deliveries of an endpoint that does not answer are one row here.
/// </summary>
internal sealed class ClaimEndpoints(
    NpgsqlDataSource dataSource, WebhookConnections connections, IOptions<WebhookOptions> options, TimeProvider time)
{
    // The index is read endpoint by endpoint: one probe for each endpoint with pending deliveries, no matter how many
    // there are.
    private const string Claim =
        """
        WITH RECURSIVE pending AS (
            (SELECT cluster_id, endpoint_id, next_attempt_at FROM webhooks.deliveries
             WHERE status = 0 ORDER BY cluster_id, endpoint_id, next_attempt_at LIMIT 1)
            UNION ALL
            SELECT next.* FROM pending p, LATERAL (
                SELECT d.cluster_id, d.endpoint_id, d.next_attempt_at FROM webhooks.deliveries d
                WHERE d.status = 0 AND (d.cluster_id, d.endpoint_id) > (p.cluster_id, p.endpoint_id)
                ORDER BY d.cluster_id, d.endpoint_id, d.next_attempt_at LIMIT 1) next
        ), due AS MATERIALIZED (
            SELECT e.cluster_id, e.id FROM pending p
            JOIN webhooks.endpoints e ON e.cluster_id = p.cluster_id AND e.id = p.endpoint_id
            WHERE p.next_attempt_at <= $1 AND e.is_slow = $5 AND e.disabled_at IS NULL AND e.deleted_at IS NULL
                AND (e.leased_until IS NULL OR e.leased_until <= $1)
                AND (e.rests_until IS NULL OR e.rests_until <= $1)
                AND EXISTS (SELECT FROM management.clusters c WHERE c.id = e.cluster_id AND c.deleted_at IS NULL)
            ORDER BY p.next_attempt_at
            LIMIT $4
            FOR UPDATE OF e SKIP LOCKED
        )
        UPDATE webhooks.endpoints e SET leased_by = $2, leased_until = $3
        FROM due WHERE e.cluster_id = due.cluster_id AND e.id = due.id
        RETURNING e.cluster_id, e.id, e.url, e.sealed_secret,
            CASE WHEN e.previous_until > $1 THEN e.previous_sealed_secret END, e.failures, e.failing_since
        """;

    private const string SelectDue =
        """
        SELECT d.id, d.event_type, d.payload, d.next_attempt_at, d.tries, d.attempts, e.id IS NOT NULL,
            d.cluster_id, e.occurred_at, e.message_key, m.message_id, m.recipient, m.tags, e.link_id, l.url, m.link_map,
            e.ordinal, e.client_address, e.user_agent, e.verdict, e.vendor, e.reasons, e.uncounted
        FROM (
            SELECT * FROM webhooks.deliveries
            WHERE cluster_id = $1 AND endpoint_id = $2 AND status = 0 AND next_attempt_at <= $3
            ORDER BY next_attempt_at, id LIMIT $4) d
        LEFT JOIN ingest.events e ON d.payload IS NULL AND e.id = d.id AND e.cluster_id = d.cluster_id
        LEFT JOIN rewrite.messages m ON m.cluster_id = e.cluster_id AND m.message_key = e.message_key
        LEFT JOIN links.destinations l ON l.cluster_id = e.cluster_id AND l.link_id = e.link_id
        ORDER BY d.next_attempt_at, d.id
        """;

    private const string GiveBack =
        """
        UPDATE webhooks.endpoints SET leased_by = NULL, leased_until = NULL, rests_until = coalesce($4, rests_until)
        WHERE cluster_id = $1 AND id = $2 AND leased_by = $3
        """;

    /// <summary>Leases endpoints with due deliveries. Endpoints whose deliveries have waited longest come
    /// first.</summary>
    /// <param name="most">The largest number of endpoints.</param>
    /// <param name="areSlow">Whether to lease slow and failing endpoints, or the others.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<List<LeasedEndpoint>> RunAsync(int most, bool areSlow, CancellationToken cancellationToken)
    {
        using var place = await connections.TakeAsync(cancellationToken);
        var now = time.GetUtcNow();
        var lease = Guid.CreateVersion7(now);
        await using var command = dataSource.CreateCommand(Claim);
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new() { Value = lease });
        command.Parameters.Add(new() { Value = (now + options.Value.Lease).UtcDateTime });
        command.Parameters.Add(new() { Value = most });
        command.Parameters.Add(new() { Value = areSlow });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var endpoints = new List<LeasedEndpoint>();
        while (await reader.ReadAsync(cancellationToken))
        {
            endpoints.Add(new LeasedEndpoint
            {
                Cluster = new ClusterId(reader.GetInt32(0)),
                Id = reader.GetGuid(1),
                Lease = lease,
                Url = reader.GetString(2),
                SealedSecrets = reader.IsDBNull(4)
                    ? [reader.GetFieldValue<byte[]>(3)]
                    : [reader.GetFieldValue<byte[]>(3), reader.GetFieldValue<byte[]>(4)],
                Failures = reader.GetInt32(5),
                FailingSince = reader.IsDBNull(6) ? null : reader.GetFieldValue<DateTimeOffset>(6),
            });
        }

        return endpoints;
    }

    /// <summary>The due deliveries of an endpoint. Deliveries that have been due longest come first.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<List<DueDelivery>> DueAsync(
        LeasedEndpoint endpoint, int most, CancellationToken cancellationToken)
    {
        using var place = await connections.TakeAsync(cancellationToken);
        var now = time.GetUtcNow();
        await using var command = dataSource.CreateCommand(SelectDue);
        command.Parameters.Add(new() { Value = endpoint.Cluster.Value });
        command.Parameters.Add(new() { Value = endpoint.Id });
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new() { Value = most });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var due = new List<DueDelivery>();
        while (await reader.ReadAsync(cancellationToken))
        {
            due.Add(new DueDelivery(
                reader.GetGuid(0),
                WebhookBody.Read(reader, now),
                reader.GetFieldValue<DateTimeOffset>(3),
                reader.GetInt16(4),
                reader.GetInt32(5)));
        }

        return due;
    }

    /// <summary>Ends the lease without storing the outcome of any attempt.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable; the lease expires.</exception>
    public async Task GiveBackAsync(
        LeasedEndpoint endpoint, DateTimeOffset? restsUntil, CancellationToken cancellationToken)
    {
        using var place = await connections.TakeAsync(cancellationToken);
        await using var command = dataSource.CreateCommand(GiveBack);
        command.Parameters.Add(new() { Value = endpoint.Cluster.Value });
        command.Parameters.Add(new() { Value = endpoint.Id });
        command.Parameters.Add(new() { Value = endpoint.Lease });
        command.Parameters.Add(new NpgsqlParameter<DateTime?> { TypedValue = restsUntil?.UtcDateTime });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
