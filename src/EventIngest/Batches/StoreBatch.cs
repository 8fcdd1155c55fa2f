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

/// <summary>How storing a batch ended; either way it is stored now and may be acknowledged.</summary>
internal enum StoreOutcome
{
    /// <summary>Stored by this call.</summary>
    Stored,

    /// <summary>Stored before; nothing was done.</summary>
    SeenBefore,

    /// <summary>Somebody withdrew since it was read what may be kept; nothing was done, and it is read again.</summary>
    Withdrawn,
}

/// <summary>
/// Stores a batch exactly once, in one transaction: its key, its rows by COPY, its refused events, its webhooks, its
/// counters.
/// <para>The key goes first and the word of <c>ingest.edges</c> is asked after it, in a statement of its own with a
/// snapshot of its own. <see cref="PruneBatches"/> writes that word before it deletes keys, in one transaction. So a
/// replay meets either the key, or, when its insert went through because the key has been deleted, the word that was
/// committed with the deletion.</para>
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

    // Whatever is looked for in this transaction is looked for by its key. Of a few thousand keys PostgreSQL would
    // rather read a table of some hundred thousand rows as a whole, with every batch.
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

    /// <summary>Stores a batch, or finds that it is stored.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="sampled">Takes the stored events whose trace was sampled.</param>
    /// <param name="cancellationToken">Before the commit: nothing is stored.</param>
    /// <exception cref="NpgsqlException">The database is away or refuses; nothing is stored. When the connection breaks
    /// during the commit it may be stored all the same: the next attempt finds out.</exception>
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

        // Asked for meanwhile, on a connection of its own: the answer is needed when the rows are stored.
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

    // As a whole; when it repeats ids, without those; when there is still a row that cannot be, row by row. A repeat
    // may be committed by another batch between the question for it and the COPY: that one is found row by row.
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

        // Said here and not left to the server's default: under a transaction-wide snapshot the second statement would
        // not see what pruning committed while the first one waited.
        await using var transaction = await connection.BeginTransactionAsync(
            IsolationLevel.ReadCommitted, cancellationToken);
        if (await BeginAsync(connection, batch, prepared.Count, cancellationToken) is not var (generations, withdrawal))
        {
            return StoreOutcome.SeenBefore;
        }

        // Read under the lock that whoever anonymises takes alone: a later withdrawal finds these rows.
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

    // Rows of a whole batch are added up while PostgreSQL takes them; rows that may be set aside, after that.
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
            // It reads the list that the next attempt changes.
            await ((Task)tally).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        return await tally;
    }

    // The generations of counters to write, and the last withdrawal; null: the batch was stored before.
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

    // Counters follow, last: a busy cluster's stay locked until the commit.
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
        Message = "Looking for a row of batch {Sequence} of edge {Edge} that PostgreSQL refuses: {SqlState} {Reason}")]
    private partial void LogRowRefused(Guid edge, long sequence, string sqlState, string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "{Count} events of batch {Sequence} of edge {Edge} were not stored: {Refusal}")]
    private partial void LogRejected(Guid edge, long sequence, int count, Refusal refusal);
}
