using Npgsql;
using NpgsqlTypes;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>Stores the outcome of a visit in one transaction: the attempts, the deliveries, the state of the endpoint,
/// and the end of its lease. A visit that lost its lease stores nothing; the webhooks that it sent are sent again under
/// the same ids.</summary>
internal sealed class KeepVisit(NpgsqlDataSource dataSource, WebhookConnections connections, TimeProvider time)
{
    private const string KeepEndpoint =
        """
        UPDATE webhooks.endpoints SET leased_by = NULL, leased_until = NULL, failures = $4, failing_since = $5,
            last_error = coalesce($6, last_error), last_success_at = coalesce($7, last_success_at), is_slow = $8,
            rests_until = $9
        WHERE cluster_id = $1 AND id = $2 AND leased_by = $3
        """;

    private const string InsertAttempts =
        """
        INSERT INTO webhooks.attempts (cluster_id, endpoint_id, delivery_id, number, at, took_ms, succeeded, http_status,
            error, answer)
        SELECT $1, $2, * FROM unnest($3::uuid[], $4::integer[], $5::timestamptz[], $6::integer[], $7::boolean[],
            $8::smallint[], $9::text[], $10::text[])
        """;

    private const string KeepDeliveries =
        """
        UPDATE webhooks.deliveries d SET status = v.status, tries = d.tries + 1, attempts = d.attempts + 1,
            next_attempt_at = coalesce(v.next_at, d.next_attempt_at),
            finished_at = CASE WHEN v.status = 0 THEN NULL ELSE $6::timestamptz END
        FROM unnest($3::uuid[], $4::smallint[], $5::timestamptz[]) v (id, status, next_at)
        WHERE d.cluster_id = $1 AND d.endpoint_id = $2 AND d.id = v.id
        """;

    private const string Disable =
        """
        WITH disabled AS (
            UPDATE webhooks.endpoints SET disabled_at = $3, disabled_reason = $4, changed_in = pg_current_xact_id()
            WHERE cluster_id = $1 AND id = $2 AND disabled_at IS NULL
            RETURNING id
        )
        INSERT INTO management.audit_log (id, at, cluster_id, actor, action, subject, after)
        SELECT $5, $3, $1, '', 'disable-webhook', id::text, jsonb_build_object('reason', $6::text) FROM disabled
        """;

    /// <summary>Stores the outcome.</summary>
    /// <returns>Whether this process still had the lease.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable. Sent webhooks are sent again.</exception>
    public async Task<bool> RunAsync(
        LeasedEndpoint endpoint,
        IReadOnlyList<VisitedDelivery> visited,
        EndpointState state,
        CancellationToken cancellationToken)
    {
        using var place = await connections.TakeAsync(cancellationToken);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var keep = ToCommand(KeepEndpoint, connection, endpoint))
        {
            keep.Parameters.Add(new() { Value = endpoint.Lease });
            keep.Parameters.Add(new() { Value = state.Failures });
            keep.Parameters.Add(Time(state.FailingSince));
            keep.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = state.LastError });
            keep.Parameters.Add(Time(state.SucceededAt));
            keep.Parameters.Add(new() { Value = state.IsSlow });
            keep.Parameters.Add(Time(state.RestsUntil));
            if (await keep.ExecuteNonQueryAsync(cancellationToken) == 0)
            {
                return false;
            }
        }

        await InsertAsync(connection, endpoint, visited, cancellationToken);
        await UpdateAsync(connection, endpoint, visited, cancellationToken);
        if (state.Disabled is { } reason)
        {
            await DisableAsync(connection, endpoint, reason, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    private static async Task InsertAsync(
        NpgsqlConnection connection,
        LeasedEndpoint endpoint,
        IReadOnlyList<VisitedDelivery> visited,
        CancellationToken cancellationToken)
    {
        await using var insert = ToCommand(InsertAttempts, connection, endpoint);
        insert.Parameters.Add(new() { Value = visited.Select(v => v.Delivery.Id).ToArray() });
        insert.Parameters.Add(new() { Value = visited.Select(v => v.Delivery.Attempts + 1).ToArray() });
        insert.Parameters.Add(new() { Value = visited.Select(v => v.Attempt.At.UtcDateTime).ToArray() });
        insert.Parameters.Add(new()
        {
            Value = visited.Select(v => (int)Math.Min(v.Attempt.Took.TotalMilliseconds, int.MaxValue)).ToArray(),
        });
        insert.Parameters.Add(new()
        {
            Value = visited.Select(v => v.Attempt.Outcome == AttemptOutcome.Delivered).ToArray(),
        });
        insert.Parameters.Add(new() { Value = visited.Select(v => (short?)v.Attempt.Status).ToArray() });
        insert.Parameters.Add(new() { Value = visited.Select(v => v.Attempt.Error).ToArray() });
        insert.Parameters.Add(new() { Value = visited.Select(v => v.Attempt.Answer).ToArray() });
        await insert.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task UpdateAsync(
        NpgsqlConnection connection,
        LeasedEndpoint endpoint,
        IReadOnlyList<VisitedDelivery> visited,
        CancellationToken cancellationToken)
    {
        await using var update = ToCommand(KeepDeliveries, connection, endpoint);
        update.Parameters.Add(new() { Value = visited.Select(v => v.Delivery.Id).ToArray() });
        update.Parameters.Add(new() { Value = visited.Select(StatusOf).ToArray() });
        update.Parameters.Add(new() { Value = visited.Select(v => v.NextAttemptAt?.UtcDateTime).ToArray() });
        update.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
        await update.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task DisableAsync(
        NpgsqlConnection connection,
        LeasedEndpoint endpoint,
        DisabledReason reason,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var disable = ToCommand(Disable, connection, endpoint);
        disable.Parameters.Add(new() { Value = now.UtcDateTime });
        disable.Parameters.Add(new() { Value = (short)reason });
        disable.Parameters.Add(new() { Value = Guid.CreateVersion7(now) });
        disable.Parameters.Add(new() { Value = WordOf(reason) });
        await disable.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The name of a reason in the audit log and in the metrics.</summary>
    public static string WordOf(DisabledReason reason) => reason switch
    {
        DisabledReason.Gone => "gone",
        DisabledReason.Failing => "failing",
        _ => "asked",
    };

    private static short StatusOf(VisitedDelivery visited) =>
        visited.Attempt.Outcome == AttemptOutcome.Delivered ? (short)1 : visited.NextAttemptAt is null ? (short)2
            : (short)0;

    private static NpgsqlCommand ToCommand(string sql, NpgsqlConnection connection, LeasedEndpoint endpoint) =>
        new(sql, connection)
        {
            Parameters = { new() { Value = endpoint.Cluster.Value }, new() { Value = endpoint.Id } },
        };

    private static NpgsqlParameter Time(DateTimeOffset? at) =>
        new() { Value = (object?)at?.UtcDateTime ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz };
}
