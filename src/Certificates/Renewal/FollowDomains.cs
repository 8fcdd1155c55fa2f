using Npgsql;

namespace Tracking.Certificates.Renewal;

/// <summary>
/// Enters every name that wants a certificate: the operator's own hosts, and each tracking domain that became active.
/// Asks only for what changed since the last time, by the transactions that changed it, so that nothing is missed and
/// a million names cost nothing.
/// </summary>
internal sealed class FollowDomains(NpgsqlDataSource dataSource, OwnHosts own, TimeProvider time)
{
    private const string EnterOwn =
        """
        INSERT INTO certificates.names (hostname, cluster_id, due_at)
        SELECT unnest($1::text[]), NULL, $2
        ON CONFLICT (hostname) DO UPDATE SET due_at = $2
        WHERE certificates.names.due_at IS NULL OR certificates.names.due_at = 'infinity'
        """;

    // What is there already and has its certificate stays as it is; who lost its name and got it again is due at once.
    private const string EnterChanged =
        """
        INSERT INTO certificates.names AS n (hostname, cluster_id, due_at)
        SELECT d.hostname, d.cluster_id, $1 FROM domains.tracking_domains d
        WHERE d.changed_in >= $2::text::xid8 AND d.status = 1 AND d.deleted_at IS NULL
        ON CONFLICT (hostname) DO UPDATE SET due_at = $1, failures = 0
        WHERE n.due_at IS NULL OR n.due_at = 'infinity' OR n.cluster_id IS DISTINCT FROM excluded.cluster_id
            OR n.certificate_id IS NULL AND n.order_id IS NULL AND n.failures > 0
        RETURNING 1
        """;

    private const string Snapshot = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";

    private string? _since;

    /// <summary>Enters what became active since the last time.</summary>
    /// <returns>How many were entered.</returns>
    /// <exception cref="NpgsqlException">The database is away; nothing is missed.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        // Before the question: a transaction that commits between both is asked for again next time.
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var snapshot = new NpgsqlCommand(Snapshot, connection);
        var next = (string)(await snapshot.ExecuteScalarAsync(cancellationToken))!;
        var entered = 0;
        if (_since is null && own.Names.Count > 0)
        {
            await using var enterOwn = new NpgsqlCommand(EnterOwn, connection);
            enterOwn.Parameters.Add(new() { Value = own.Names.ToArray() });
            enterOwn.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
            entered += await enterOwn.ExecuteNonQueryAsync(cancellationToken);
        }

        await using var enter = new NpgsqlCommand(EnterChanged, connection);
        enter.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
        enter.Parameters.Add(new() { Value = _since ?? "0" });
        entered += await enter.ExecuteNonQueryAsync(cancellationToken);
        _since = next;
        return entered;
    }
}
