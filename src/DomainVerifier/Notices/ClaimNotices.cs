using System.Text.Json;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.DomainVerifier.Notices;

/// <summary>The outbox: leases notices that are due, and stores which recipients have been told. The lease is in the
/// notice's row.</summary>
internal sealed class ClaimNotices(NpgsqlDataSource dataSource, IOptions<NoticeOptions> options, TimeProvider time)
{
    // A deleted cluster has no recipients of mail. The bus event is still published.
    private const string Claim =
        """
        WITH due AS MATERIALIZED (
            SELECT id FROM domains.notices
            WHERE (mailed_at IS NULL OR published_at IS NULL) AND next_attempt_at <= $1
                AND (leased_until IS NULL OR leased_until <= $1)
            ORDER BY next_attempt_at
            LIMIT $4
            FOR UPDATE SKIP LOCKED
        )
        UPDATE domains.notices n SET leased_by = $2, leased_until = $3
        FROM due
        WHERE n.id = due.id
        RETURNING n.id, n.cluster_id, n.hostname, n.kind, n.at, n.facts::text, n.mailed_to, n.mailed_at IS NULL,
            n.published_at IS NULL, n.attempts,
            coalesce((SELECT c.name FROM management.clusters c WHERE c.id = n.cluster_id), ''),
            coalesce((SELECT c.notify_emails FROM management.clusters c
                WHERE c.id = n.cluster_id AND c.deleted_at IS NULL), '{}')
        """;

    private const string KeepRecipient =
        """
        UPDATE domains.notices SET mailed_to = array_append(mailed_to, $3), leased_until = $4
        WHERE id = $1 AND leased_by = $2
        """;

    private const string KeepPublished =
        "UPDATE domains.notices SET published_at = $3 WHERE id = $1 AND leased_by = $2";

    private const string Finish =
        """
        UPDATE domains.notices SET mailed_at = coalesce(mailed_at, $3), next_attempt_at = $4, last_error = $5,
            attempts = attempts + 1, leased_by = NULL, leased_until = NULL
        WHERE id = $1 AND leased_by = $2
        """;

    private const string DeleteOld =
        """
        DELETE FROM domains.notices WHERE id IN (
            SELECT id FROM domains.notices
            WHERE mailed_at IS NOT NULL AND published_at IS NOT NULL AND at < $1 LIMIT 1000)
        """;

    /// <summary>Leases notices that are due. Those that have waited longest come first.</summary>
    /// <param name="most">The largest number of notices.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async Task<List<ClaimedNotice>> RunAsync(int most, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var lease = Guid.CreateVersion7(now);
        await using var command = dataSource.CreateCommand(Claim);
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new() { Value = lease });
        command.Parameters.Add(new() { Value = (now + options.Value.Lease).UtcDateTime });
        command.Parameters.Add(new() { Value = most });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var notices = new List<ClaimedNotice>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var told = reader.GetFieldValue<string[]>(6);
            notices.Add(new ClaimedNotice
            {
                Id = reader.GetGuid(0),
                Lease = lease,
                LeasedUntil = now + options.Value.Lease,
                Cluster = new ClusterId(reader.GetInt32(1)),
                Hostname = reader.GetString(2),
                Kind = (NoticeKind)reader.GetInt16(3),
                At = reader.GetFieldValue<DateTimeOffset>(4),
                Facts = Read(reader.GetString(5)),
                WaitsForMail = reader.GetBoolean(7),
                WaitsForBus = reader.GetBoolean(8),
                Attempts = reader.GetInt32(9),
                ClusterName = reader.GetString(10),
                Recipients = [.. reader.GetFieldValue<string[]>(11).Distinct(StringComparer.Ordinal).Except(told)],
            });
        }

        // RETURNING gives no order, so the notices are sorted here: earlier events are told first.
        return [.. notices.OrderBy(notice => notice.Id)];
    }

    /// <summary>Stores that a recipient has the mail or will never get it. The lease is extended.</summary>
    /// <returns>Whether the notice is still ours.</returns>
    public Task<bool> KeepRecipientAsync(ClaimedNotice notice, string recipient, CancellationToken cancellationToken) =>
        ChangeAsync(
            KeepRecipient, notice, cancellationToken, recipient, (time.GetUtcNow() + options.Value.Lease).UtcDateTime);

    /// <summary>Stores that the bus event is published.</summary>
    /// <returns>Whether the notice is still ours.</returns>
    public Task<bool> KeepPublishedAsync(ClaimedNotice notice, CancellationToken cancellationToken) =>
        ChangeAsync(KeepPublished, notice, cancellationToken, time.GetUtcNow().UtcDateTime);

    /// <summary>Ends the lease.</summary>
    /// <param name="notice">The notice.</param>
    /// <param name="isMailed">Whether every recipient has been told.</param>
    /// <param name="nextAttemptAt">The time of the next attempt, if a recipient is left.</param>
    /// <param name="error">Why the attempt failed; <see langword="null"/> after a success.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    public Task FinishAsync(
        ClaimedNotice notice,
        bool isMailed,
        DateTimeOffset nextAttemptAt,
        string? error,
        CancellationToken cancellationToken) =>
        ChangeAsync(
            Finish, notice, cancellationToken,
            isMailed ? time.GetUtcNow().UtcDateTime : DBNull.Value,
            nextAttemptAt.UtcDateTime,
            (object?)error ?? DBNull.Value);

    /// <summary>Deletes notices that were delivered to everybody long ago.</summary>
    /// <returns>The number of deleted notices.</returns>
    public async Task<int> DeleteOldAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(DeleteOld);
        command.Parameters.Add(new() { Value = (time.GetUtcNow() - options.Value.KeptFor).UtcDateTime });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    // A notice with unreadable facts must not hold up the others. Its kind and name still say what happened.
    private static NoticeFacts Read(string json)
    {
        try
        {
            return NoticeFacts.FromJson(json);
        }
        catch (JsonException)
        {
            return new NoticeFacts { Domain = Guid.Empty };
        }
    }

    private async Task<bool> ChangeAsync(
        string sql, ClaimedNotice notice, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = dataSource.CreateCommand(sql);
        command.Parameters.Add(new() { Value = notice.Id });
        command.Parameters.Add(new() { Value = notice.Lease });
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        return await command.ExecuteNonQueryAsync(cancellationToken) > 0;
    }
}
