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
/// Takes a recipient out of what is kept, in two transactions.
/// <para>1. The withdrawal and the level of the recipient's messages. From its commit on nothing personal of them is
/// stored any more: ingest looks for withdrawals again in the transaction that stores a batch, and edges are
/// told.</para>
/// <para>2. After the transactions that were under way have ended, what is stored is anonymised, and the receipt is
/// written. A process that dies between the two leaves a withdrawal without a receipt; <see cref="FinishWithdrawals"/>
/// goes on with it.</para>
/// </summary>
internal sealed partial class WithdrawConsent(
    ApiDataSource dataSource,
    WithdrawnRecipient recipients,
    SignReceipt sign,
    DirectoryChanges changes,
    TimeProvider time,
    ILogger<WithdrawConsent> logger)
{
    // Withdrawals are numbered in the order of their commits: one at a time.
    private const string LockAlone = "SELECT pg_advisory_xact_lock(hashtext('tracking.withdrawals'))";

    // Ingest holds it, shared, while it stores a batch (CountMessages.Lock there).
    private const string LockStoring = "SELECT pg_advisory_xact_lock(hashtext('tracking.ingest.statistics'))";

    private const string Insert =
        """
        INSERT INTO rewrite.withdrawals (cluster_id, id, recipient_hash, withdrawn_at) VALUES ($1, $2, $3, $4)
        RETURNING pg_current_xact_id()
        """;

    // A bounce address may hold the recipient's, and so may the id that the sender gave.
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

    // A frame's message stands behind its header of 8 bytes and 32 more (EventRecord, version 1).
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

    // Registering and storing take milliseconds; whoever takes longer is met by the checks of ingest.
    private static readonly TimeSpan _longestWait = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Withdraws.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="recipient">The address.</param>
    /// <param name="holder">Who asks.</param>
    /// <param name="cancellationToken">Before the first commit: nothing is withdrawn.</param>
    public async Task<WithdrawalResponse> RunAsync(
        ClusterId cluster, string recipient, ApiKeyHolder holder, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        // As PostgreSQL keeps it: the messages of a withdrawal are found by its time.
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

        // Not cancelled with the request: it is withdrawn now, whoever asked may have gone.
        await AwaitEndedAsync(connection, transactionId);
        await ExecuteAsync(
            connection, _restrict, CancellationToken.None, cluster.Value, now.UtcDateTime, recipient);
        var signed = await FinishAsync(cluster, id, now, CancellationToken.None);
        return WithdrawalResponse.Of(id, now, signed, sign);
    }

    /// <summary>Anonymises what is stored of a withdrawal's messages and writes its receipt.</summary>
    /// <returns>The receipt, as it was signed.</returns>
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

    // Whoever began to register or store before the withdrawal was committed may not have seen it.
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
        Message = "A transaction from before a withdrawal is still under way; what it stores is found by ingest")]
    private partial void LogStillUnderWay();
}
