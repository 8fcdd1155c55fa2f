using Npgsql;

namespace Tracking.Certificates.Renewal;

/// <summary>
/// Enters every name that wants a certificate: the operator's own hosts, and each tracking domain that became active.
/// Each query reads only the rows that changed since the last query, by the number of the transaction that changed
/// them. So no change is missed, and a million unchanged names cost nothing.
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

    // A name is due at once if it was not wanted before, if another cluster has it now, if its domain has no
    // certificate, or if it was verified again after its last failure. All of this is read from the rows, so neither a
    // restart nor a second process restarts the retries. Leased names are included: a process that is about to release
    // the name as unwanted sees the changed date.
    private const string EnterChanged =
        """
        INSERT INTO certificates.names AS n (hostname, cluster_id, due_at)
        SELECT d.hostname, d.cluster_id, $1 FROM domains.tracking_domains d
        WHERE d.changed_in >= $2::text::xid8 AND d.status = 1 AND d.deleted_at IS NULL
        ON CONFLICT (hostname) DO UPDATE SET due_at = $1, cluster_id = excluded.cluster_id,
            failures = CASE WHEN n.leased_by IS NULL OR n.cluster_id IS DISTINCT FROM excluded.cluster_id THEN 0
                ELSE n.failures END,
            last_failure = CASE WHEN n.cluster_id IS NOT DISTINCT FROM excluded.cluster_id THEN n.last_failure END,
            paused_url = CASE WHEN n.cluster_id IS NOT DISTINCT FROM excluded.cluster_id THEN n.paused_url END
        WHERE n.due_at IS NULL OR n.due_at = 'infinity' OR n.cluster_id IS DISTINCT FROM excluded.cluster_id
            OR n.leased_by IS NOT NULL
            OR n.failures > 0 AND n.last_failed_at < (SELECT d.status_since FROM domains.tracking_domains d
                WHERE d.hostname = n.hostname AND d.status = 1 AND d.deleted_at IS NULL)
            OR n.certificate_id IS NOT NULL AND n.failures = 0 AND EXISTS (SELECT FROM domains.tracking_domains d
                WHERE d.hostname = n.hostname AND d.status = 1 AND d.deleted_at IS NULL
                    AND d.certificate_until IS NULL)
        """;

    private const string Snapshot = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";

    private string? _since;

    /// <summary>Enters the names that became active since the last call.</summary>
    /// <returns>The number of entered names.</returns>
    /// <exception cref="NpgsqlException">The database is away. The next call enters the names.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        // The transaction number is read before the rows, so a transaction that commits in between is read again the
        // next time.
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
