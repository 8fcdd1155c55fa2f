using System.Text.Json;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.Messages;

namespace Tracking.Management.Withdrawals;

/// <summary>
/// Removes a recipient from the stored data, in two transactions.
/// <para>1. The withdrawal is written, and the tracking level of the recipient's messages is changed. After this commit
/// nothing personal of these messages is stored: ingest reads the withdrawals again in the transaction that stores a
/// batch, and edges are told.</para>
/// <para>2. After the transactions that were running have ended, the stored data is anonymised, and the receipt is
/// written. A process that dies between the two transactions leaves a withdrawal without a receipt.
/// <see cref="FinishWithdrawals"/> finishes it.</para>
/// </summary>
internal sealed partial class WithdrawConsent(
    ApiDataSource dataSource,
    WithdrawnRecipient recipients,
    SignReceipt sign,
    DirectoryChanges changes,
    TimeProvider time,
    ILogger<WithdrawConsent> logger)
{
    // Withdrawals are numbered in the order of their commits, so only one is written at a time.
    private const string LockAlone = "SELECT pg_advisory_xact_lock(hashtext('tracking.withdrawals'))";

    // Ingest shares this lock while it stores a batch (CountMessages.Lock there).
    private const string LockStoring = "SELECT pg_advisory_xact_lock(hashtext('tracking.ingest.statistics'))";

    private const string Insert =
        """
        INSERT INTO rewrite.withdrawals (cluster_id, id, recipient_hash, withdrawn_at) VALUES ($1, $2, $3, $4)
        RETURNING pg_current_xact_id()
        """;

    // A bounce address may contain the recipient's address. So may the message id that the sender gave.
    private static readonly string _restrict =
        $"""
        WITH restricted AS (
            UPDATE rewrite.messages m
            SET tracking_level = CASE m.tracking_level WHEN {(short)TrackingLevel.Off} THEN {(short)TrackingLevel.Off}
                    ELSE {(short)TrackingLevel.Anonymous} END,
                recipient = NULL,
                sender = CASE WHEN strpos(lower(m.sender), split_part(lower($3), '@', 1)) = 0 THEN m.sender END,
                message_id = CASE WHEN strpos(lower(m.message_id), lower($3)) = 0 THEN m.message_id
                    ELSE encode(m.message_key, 'hex') END
            WHERE m.cluster_id = $1 AND {MessageResponse.IsRecipient("m").Replace("?", "$3", StringComparison.Ordinal)}
            RETURNING m.message_key
        )
        INSERT INTO rewrite.withdrawn_messages (cluster_id, message_key, withdrawn_at)
        SELECT $1, message_key, $2 FROM restricted ON CONFLICT DO NOTHING
        """;

    private const string HaveEnded = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > $1";

    private const string SelectMessages =
        "SELECT message_key FROM rewrite.withdrawn_messages WHERE cluster_id = $1 AND withdrawn_at = $2";

    private const string AnonymiseEvents =
        """
        UPDATE ingest.events SET client_address = NULL, user_agent = NULL
        WHERE cluster_id = $1 AND message_key = ANY ($2) AND (client_address IS NOT NULL OR user_agent IS NOT NULL)
        """;

    // In a frame, the message's key follows the header of 8 bytes and 32 other bytes (EventRecord, version 1).
    private const string EmptyRejected =
        """
        UPDATE ingest.rejected_events SET raw = NULL
        WHERE cluster_id = $1 AND raw IS NOT NULL AND substr(raw, 41, 9) = ANY ($2)
        """;

    private const string DeleteBodies =
        """
        WITH gone AS (
            DELETE FROM rewrite.message_bodies WHERE cluster_id = $1 AND message_key = ANY ($2) RETURNING message_key, hash
        ), orphans AS (
            DELETE FROM rewrite.bodies b USING gone
            WHERE b.cluster_id = $1 AND b.hash = gone.hash AND NOT EXISTS (
                SELECT FROM rewrite.message_bodies other WHERE other.cluster_id = $1 AND other.hash = gone.hash
                    AND other.message_key <> ALL ($2))
        )
        SELECT count(*) FROM gone
        """;

    private const string SelectTold =
        """
        SELECT e.id, e.url, count(*), max(d.finished_at)
        FROM webhooks.endpoints e
        CROSS JOIN (SELECT id FROM ingest.events WHERE cluster_id = $1 AND message_key = ANY ($2)) told
        JOIN webhooks.deliveries d ON d.cluster_id = e.cluster_id AND d.endpoint_id = e.id AND d.id = told.id
        WHERE e.cluster_id = $1 AND d.attempts > 0
        GROUP BY e.id, e.url ORDER BY e.id
        """;

    private const string SelectExports =
        """
        SELECT at, actor, subject FROM management.audit_log
        WHERE cluster_id = $1 AND action = 'export-events' AND at >= (
            SELECT min(registered_at) FROM rewrite.messages WHERE cluster_id = $1 AND message_key = ANY ($2))
        ORDER BY id DESC LIMIT 100
        """;

    private const string KeepReceipt =
        "UPDATE rewrite.withdrawals SET receipt = $3 WHERE cluster_id = $1 AND id = $2 AND receipt IS NULL";

    // Registering and storing take milliseconds. The checks of ingest cover a transaction that takes longer.
    private static readonly TimeSpan _longestWait = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Withdraws consent.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="recipient">The recipient's address.</param>
    /// <param name="holder">The key that asks.</param>
    /// <param name="cancellationToken">If cancelled before the first commit, nothing is withdrawn.</param>
    public async Task<WithdrawalResponse> RunAsync(
        ClusterId cluster, string recipient, ApiKeyHolder holder, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        // Rounded as PostgreSQL stores it, because the messages of a withdrawal are found by its time.
        now = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
        var id = Guid.CreateVersion7(now);
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        ulong transactionId;
        await using (var transaction = await connection.BeginTransactionAsync(cancellationToken))
        {
            await ExecuteAsync(connection, LockAlone, cancellationToken);
            await using (var insert = Command(
                connection, Insert, cluster.Value, id, recipients.Hash(cluster, recipient), now.UtcDateTime))
            {
                transactionId = (ulong)(await insert.ExecuteScalarAsync(cancellationToken))!;
            }

            await ExecuteAsync(connection, _restrict, cancellationToken, cluster.Value, now.UtcDateTime, recipient);
            await RecordChange.AddAsync(
                transaction, holder, new("withdraw-consent", $"{id}", cluster), time, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        changes.AnnounceRules(cluster);

        // From here on the request's cancellation is ignored: the consent is withdrawn, even if the client has gone.
        await AwaitEndedAsync(connection, transactionId);
        await ExecuteAsync(
            connection, _restrict, CancellationToken.None, cluster.Value, now.UtcDateTime, recipient);
        var signed = await FinishAsync(cluster, id, now, CancellationToken.None);
        return WithdrawalResponse.Of(id, now, signed, sign);
    }

    /// <summary>Anonymises the stored data of a withdrawal's messages and writes the receipt.</summary>
    /// <returns>The receipt as it was signed.</returns>
    public async Task<string> FinishAsync(
        ClusterId cluster, Guid id, DateTimeOffset withdrawnAt, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(connection, LockStoring, cancellationToken);
        var messages = await ReadAsync(
            connection, SelectMessages, row => row.GetFieldValue<byte[]>(0), cancellationToken,
            cluster.Value, withdrawnAt.UtcDateTime);
        var keys = messages.ToArray();
        var events = await ExecuteAsync(connection, AnonymiseEvents, cancellationToken, cluster.Value, keys);
        var rejected = await ExecuteAsync(connection, EmptyRejected, cancellationToken, cluster.Value, keys);
        var bodies = (await ReadAsync(
            connection, DeleteBodies, row => row.GetInt32(0), cancellationToken, cluster.Value, keys)).Single();
        var told = await ReadAsync(
            connection,
            SelectTold,
            row => new ToldEndpoint(
                row.GetGuid(0), row.GetString(1), row.GetInt32(2),
                row.IsDBNull(3) ? null : row.GetFieldValue<DateTimeOffset>(3)),
            cancellationToken,
            cluster.Value,
            keys);
        var exports = await ReadAsync(
            connection,
            SelectExports,
            row => new TakenExport(row.GetFieldValue<DateTimeOffset>(0), row.GetString(1), row.GetString(2)),
            cancellationToken,
            cluster.Value,
            keys);
        var receipt = new WithdrawalReceipt(
            id,
            cluster.ToString(),
            withdrawnAt,
            time.GetUtcNow(),
            new AnonymisedData(keys.Length, events, rejected, bodies),
            new DataThatLeft(told, exports));
        var signed = JsonSerializer.Serialize(receipt, ClusterSettings.Json);
        await ExecuteAsync(connection, KeepReceipt, cancellationToken, cluster.Value, id, signed);
        await transaction.CommitAsync(cancellationToken);
        return signed;
    }

    // A transaction that began to register or store before the withdrawal was committed may not have seen it.
    private async Task AwaitEndedAsync(NpgsqlConnection connection, ulong transactionId)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            await using var ask = new NpgsqlCommand(HaveEnded, connection)
            {
                Parameters =
                {
                    new() { Value = transactionId, NpgsqlDbType = NpgsqlDbType.Xid8 },
                },
            };
            if (await ask.ExecuteScalarAsync() is true)
            {
                return;
            }

            if (time.GetElapsedTime(began) >= _longestWait)
            {
                LogStillUnderWay();
                return;
            }

            await Task.Delay(_pause, time);
        }
    }

    private static async Task<int> ExecuteAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(connection, sql, values);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<List<T>> ReadAsync<T>(
        NpgsqlConnection connection,
        string sql,
        Func<NpgsqlDataReader, T> read,
        CancellationToken cancellationToken,
        params object[] values)
    {
        await using var command = Command(connection, sql, values);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params object[] values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        return command;
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "A transaction that began before a withdrawal has not ended; ingest checks what it stores")]
    private partial void LogStillUnderWay();
}
