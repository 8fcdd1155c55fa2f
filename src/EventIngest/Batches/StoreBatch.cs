using System.Data;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Contracts;
using Tracking.EventIngest.Bots;
using Tracking.EventIngest.Privacy;
using Tracking.EventIngest.Statistics;
using Tracking.EventIngest.Webhooks;
using Tracking.Links;

namespace Tracking.EventIngest.Batches;

/// <summary>The outcome of an attempt to store a batch. Except after <see cref="Withdrawn"/>, the batch is in the
/// database and may be acknowledged.</summary>
internal enum StoreOutcome
{
    /// <summary>This call stored the batch.</summary>
    Stored,

    /// <summary>The batch was stored before. Nothing was done.</summary>
    SeenBefore,

    /// <summary>A withdrawal was committed after the batch was read. Nothing is stored; the batch is read
    /// again.</summary>
    Withdrawn,
}

/// <summary>
/// Stores a batch exactly once, in one transaction: its key, its rows by COPY, its refused events, its webhooks, its
/// counters.
/// <para>The key is inserted first. The row of <c>ingest.edges</c> is read after it, in a separate statement with its
/// own snapshot. <see cref="PruneBatches"/> writes that row before it deletes keys, in one transaction. So a repeated
/// batch meets the key; or, if the key was deleted and the insert succeeded, it meets the row that was committed
/// together with the deletion.</para>
/// </summary>
internal sealed partial class StoreBatch(
    NpgsqlDataSource dataSource,
    FindPolicies findPolicies,
    FindAttributes findAttributes,
    ClassifyEvent classify,
    EnqueueDeliveries enqueue,
    IngestTelemetry telemetry,
    TimeProvider time,
    IOptions<EventIngestOptions> options,
    IOptions<ClassificationOptions> reviewing,
    ILogger<StoreBatch> logger)
{
    private const string Copy = $"COPY ingest.events ({PrepareBatch.Columns}) FROM STDIN (FORMAT BINARY)";

    private const string InsertKey =
        """
        INSERT INTO ingest.batches (edge_id, sequence, acknowledged_below, event_count) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        """;

    private const string SelectForgotten =
        "SELECT true FROM ingest.edges WHERE edge_id = $1 AND acknowledged_below > $2";

    // This transaction looks up every row by its key. For a few thousand keys, PostgreSQL's planner would rather read a
    // whole table of some hundred thousand rows, with every batch.
    private const string LookUpByKey =
        """
        SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
            set_config('enable_mergejoin', 'off', true)
        """;

    private const string InsertRejected =
        """
        INSERT INTO ingest.rejected_events (edge_id, sequence, position, event_id, cluster_id, reason, raw)
        SELECT $1, $2, * FROM unnest($3::integer[], $4::uuid[], $5::integer[], $6::text[], $7::bytea[])
        """;

    /// <summary>Stores a batch, or finds that it is already stored.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="sampled">Receives the stored events whose trace was sampled.</param>
    /// <param name="cancellationToken">If cancelled before the commit, nothing is stored.</param>
    /// <exception cref="NpgsqlException">The database is unavailable or refuses the batch; nothing is stored. If the
    /// connection breaks during the commit, the batch may be stored. The next attempt finds out.</exception>
    public async Task<StoreOutcome> RunAsync(
        StoreEventBatch batch, List<int> sampled, CancellationToken cancellationToken)
    {
        StoreOutcome outcome;
        do
        {
            outcome = await TryAsync(batch, sampled, cancellationToken);
        }
        while (outcome == StoreOutcome.Withdrawn);
        return outcome;
    }

    private async Task<StoreOutcome> TryAsync(
        StoreEventBatch batch, List<int> sampled, CancellationToken cancellationToken)
    {
        var policies = await findPolicies.RunAsync(batch.Events, cancellationToken);
        using var prepared = new PreparedBatch(batch);
        new PrepareBatch(batch, prepared, policies, classify, time.GetUtcNow(), options.Value).Run();

        // This look-up runs at the same time on its own connection. Its result is needed when the rows are stored.
        var attributes = findAttributes.RunAsync(
            prepared.Events.Select(stored => (stored.Counted.Cluster, stored.Counted.Message)), cancellationToken);
        StoreOutcome outcome;
        try
        {
            outcome = await StoreAsync(batch, prepared, policies, attributes, cancellationToken);
        }
        finally
        {
            await ((Task)attributes).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (outcome == StoreOutcome.Withdrawn)
        {
            return outcome;
        }

        if (outcome == StoreOutcome.SeenBefore)
        {
            telemetry.Duplicate();
            return outcome;
        }

        telemetry.Stored(prepared, time.GetUtcNow());
        sampled.AddRange(prepared.SampledFrames);
        foreach (var (refusal, count) in prepared.Rejected.CountBy(rejected => rejected.Refusal))
        {
            LogRejected(batch.EdgeId, batch.Sequence, count, refusal);
        }

        return outcome;
    }

    // The batch is stored as a whole. If it repeats ids, it is stored without them. If PostgreSQL still refuses a row,
    // the batch is stored part by part. Another batch may commit a repeated id between the look-up and the COPY; that
    // repeat is also found part by part.
    private async Task<StoreOutcome> StoreAsync(
        StoreEventBatch batch,
        PreparedBatch prepared,
        BatchPolicies policies,
        Task<IReadOnlyDictionary<(int Cluster, MessageKey Message), MessageAttributes>> attributes,
        CancellationToken cancellationToken)
    {
        PostgresException refused;
        try
        {
            return await StoreAsync(
                batch, prepared, policies, attributes, CopyAllAsync, isWhole: true, cancellationToken);
        }
        catch (PostgresException exception) when (SetAsideBadRows.IsDataError(exception))
        {
            refused = exception;
        }

        if (SetAsideRepeats.IsRepeat(refused))
        {
            try
            {
                return await StoreAsync(
                    batch,
                    prepared,
                    policies,
                    attributes,
                    async transaction =>
                    {
                        await SetAsideRepeats.RunAsync(transaction.Connection!, batch, prepared, cancellationToken);
                        await CopyAllAsync(transaction);
                    },
                    isWhole: false,
                    cancellationToken);
            }
            catch (PostgresException exception) when (SetAsideBadRows.IsDataError(exception))
            {
                refused = exception;
            }
        }

        LogRowRefused(batch.EdgeId, batch.Sequence, refused.SqlState, refused.MessageText);
        return await StoreAsync(
            batch,
            prepared,
            policies,
            attributes,
            transaction => new SetAsideBadRows(transaction, CopyAsync).RunAsync(
                batch, prepared, policies, cancellationToken),
            isWhole: false,
            cancellationToken);

        Task CopyAllAsync(NpgsqlTransaction transaction) => prepared.Events.Count == 0
            ? Task.CompletedTask
            : CopyAsync(transaction.Connection!, prepared.Rows, cancellationToken);
    }

    private async Task<StoreOutcome> StoreAsync(
        StoreEventBatch batch,
        PreparedBatch prepared,
        BatchPolicies policies,
        Task<IReadOnlyDictionary<(int Cluster, MessageKey Message), MessageAttributes>> attributes,
        Func<NpgsqlTransaction, Task> copyRows,
        bool isWhole,
        CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);

        // The isolation level is set here, because the server's default may be another one. With one snapshot for the
        // whole transaction, the second statement would not see what pruning committed while the first statement
        // waited.
        await using var transaction = await connection.BeginTransactionAsync(
            IsolationLevel.ReadCommitted, cancellationToken);
        if (await BeginAsync(connection, batch, prepared.Count, cancellationToken) is not var (generations, withdrawal))
        {
            return StoreOutcome.SeenBefore;
        }

        // This is read under the shared lock; anonymising takes the exclusive lock. So a later withdrawal finds these
        // rows.
        if (withdrawal != policies.Withdrawal)
        {
            return StoreOutcome.Withdrawn;
        }

        var tally = await CopyAndTallyAsync(transaction, prepared, attributes, copyRows, isWhole);
        foreach (var (uncounted, _) in tally.Uncounted)
        {
            prepared.Clicked.Suspect(uncounted.Counted);
        }

        await FinishAsync(connection, batch, prepared, tally, cancellationToken);
        if (prepared.Events.Count > 0)
        {
            await tally.WriteAsync(transaction, generations, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return StoreOutcome.Stored;
    }

    // The rows of a whole batch are counted while PostgreSQL stores them. If rows may be set aside, counting follows
    // afterwards.
    private static async Task<CountMessages> CopyAndTallyAsync(
        NpgsqlTransaction transaction,
        PreparedBatch prepared,
        Task<IReadOnlyDictionary<(int Cluster, MessageKey Message), MessageAttributes>> attributes,
        Func<NpgsqlTransaction, Task> copyRows,
        bool isWhole)
    {
        if (!isWhole)
        {
            await copyRows(transaction);
            return await CountMessages.TallyAsync(prepared.Events, attributes);
        }

        var tally = CountMessages.TallyAsync(prepared.Events, attributes);
        try
        {
            await copyRows(transaction);
        }
        catch
        {
            // The tally reads the list that the next attempt changes.
            await ((Task)tally).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        return await tally;
    }

    // Returns the generations of counters to write and the number of the last withdrawal; null if the batch was stored
    // before.
    private static async Task<Begun?> BeginAsync(
        NpgsqlConnection connection, StoreEventBatch batch, int count, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand(InsertKey)
                {
                    Parameters =
                    {
                        new NpgsqlParameter<Guid> { TypedValue = batch.EdgeId },
                        new NpgsqlParameter<long> { TypedValue = batch.Sequence },
                        new NpgsqlParameter<long> { TypedValue = batch.AcknowledgedBelow },
                        new NpgsqlParameter<int> { TypedValue = count },
                    },
                },
                new NpgsqlBatchCommand(SelectForgotten)
                {
                    Parameters =
                    {
                        new NpgsqlParameter<Guid> { TypedValue = batch.EdgeId },
                        new NpgsqlParameter<long> { TypedValue = batch.Sequence },
                    },
                },
                new NpgsqlBatchCommand($"SELECT pg_advisory_xact_lock_shared({CountMessages.Lock})"),
                new NpgsqlBatchCommand(FindPolicies.SelectWithdrawal),
                new NpgsqlBatchCommand(CountMessages.SelectGenerations),
                new NpgsqlBatchCommand(LookUpByKey),
            },
        };
        await command.PrepareAsync(cancellationToken);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var isForgotten = await reader.ReadAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var withdrawal = reader.GetInt64(0);
        await reader.NextResultAsync(cancellationToken);
        var generations = await CountMessages.GenerationsOfAsync(reader, cancellationToken);
        await reader.CloseAsync();
        return isForgotten || command.BatchCommands[0].RecordsAffected == 0 ? null : new Begun(generations, withdrawal);
    }

    private sealed record Begun(IReadOnlyDictionary<int, (int Read, int Built)> Generations, long Withdrawal);

    private static async Task CopyAsync(
        NpgsqlConnection connection, ReadOnlyMemory<byte> rows, CancellationToken cancellationToken)
    {
        await using var copy = await connection.BeginRawBinaryCopyAsync(Copy, cancellationToken);
        copy.Write(CopyRow.Header);
        await copy.WriteAsync(rows, cancellationToken);
        copy.Write(CopyRow.Trailer);
    }

    // The counters are written after this, because the counters of a busy cluster stay locked until the commit.
    private async Task FinishAsync(
        NpgsqlConnection connection, StoreEventBatch batch, PreparedBatch prepared, CountMessages tally,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlBatch(connection);
        if (MarkUncounted.ToCommand(batch, tally.Uncounted) is { } mark)
        {
            command.BatchCommands.Add(mark);
        }

        if (prepared.Rejected.Count > 0)
        {
            command.BatchCommands.Add(ToCommand(batch, prepared.Rejected));
        }

        if (prepared.Clicked.ToCommand(time.GetUtcNow() + reviewing.Value.ReviewAfter) is { } review)
        {
            command.BatchCommands.Add(review);
        }

        if (prepared.Events.Count > 0)
        {
            command.BatchCommands.Add(KeepOrder.ToCommand(batch, prepared));
        }

        await enqueue.AddToAsync(command, batch, prepared, cancellationToken);
        if (command.BatchCommands.Count > 0)
        {
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static NpgsqlBatchCommand ToCommand(StoreEventBatch batch, List<RefusedEvent> rejected) =>
        new(InsertRejected)
        {
            Parameters =
            {
                new() { Value = batch.EdgeId },
                new() { Value = batch.Sequence },
                new() { Value = rejected.Select(r => r.Position).ToArray() },
                new() { Value = rejected.Select(r => r.EventId).ToArray() },
                new() { Value = rejected.Select(r => r.Cluster).ToArray() },
                new() { Value = rejected.Select(r => r.Reason).ToArray() },
                new() { Value = rejected.Select(r => r.Raw).ToArray() },
            },
        };

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "PostgreSQL refuses a row of batch {Sequence} of edge {Edge}: {SqlState} {Reason}")]
    private partial void LogRowRefused(Guid edge, long sequence, string sqlState, string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "{Count} events of batch {Sequence} of edge {Edge} were not stored: {Refusal}")]
    private partial void LogRejected(Guid edge, long sequence, int count, Refusal refusal);
}
