using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;

namespace Tracking.EventIngest.Statistics;

/// <summary>
/// Merges the changes that batches write to <c>ingest.count_changes</c> into <c>ingest.counts</c>. It merges the
/// changes of many batches at once: a key that twenty batches changed is written once. Readers read both tables in one
/// statement, so their results do not depend on when the merge runs; only the amount of data to read does. One copy of
/// this service merges at a time.
/// </summary>
internal sealed partial class MergeChanges(
    NpgsqlDataSource dataSource,
    IOptions<EventIngestOptions> options,
    TimeProvider time,
    ILogger<MergeChanges> logger) : BackgroundService
{
    // A few megabytes: mostly the batches of one second.
    private const int ChangesAtOnce = 1000;

    /// <summary>The lock of the transaction that writes <c>ingest.counts</c>.</summary>
    public const string Lock = "hashtext('tracking.ingest.merge_changes')";

    // The rows are listed before any row is deleted, and only the holder of the lock deletes. The sums of days are sums
    // of integers: PostgreSQL adds integers up as bigint, but bigint as numeric, which takes half of the statement's
    // time.
    private const string Merge =
        """
        WITH taken AS (
            SELECT cluster_id, id FROM ingest.count_changes ORDER BY cluster_id, id LIMIT $1
        ), deleted AS (
            DELETE FROM ingest.count_changes d USING taken t WHERE d.cluster_id = t.cluster_id AND d.id = t.id
            RETURNING d.*
        ), changed AS (
            SELECT c.cluster_id, c.generation, u.*
            FROM deleted c,
                unnest(c.dimension, c.bucket, c.key, c.clicks_people, c.clicks_machines, c.opens_people,
                    c.opens_machines, c.others, c.first_clicks_people, c.first_clicks_machines, c.first_clicks,
                    c.first_opens_people, c.first_opens_machines, c.first_opens, c.openers)
                AS u (dimension, bucket, key, cp, cm, op, om, o, fcp, fcm, fc, fop, fom, fo, r)
        ), quarters AS MATERIALIZED (
            SELECT cluster_id, generation, dimension, bucket, key COLLATE "C" AS key, sum(cp) AS cp, sum(cm) AS cm,
                sum(op) AS op, sum(om) AS om, sum(o) AS o, sum(fcp) AS fcp, sum(fcm) AS fcm, sum(fc) AS fc,
                sum(fop) AS fop, sum(fom) AS fom, sum(fo) AS fo,
                -- Not there in changes of a version that did not count them.
                coalesce(sum(r), 0) AS r
            FROM changed GROUP BY 1, 2, 3, 4, 5
        ), rows AS (
            SELECT cluster_id, generation, dimension, 1::smallint AS grain, bucket, key,
                cp, cm, op, om, o, fcp, fcm, fc, fop, fom, fo, r
            FROM quarters
            UNION ALL
            SELECT cluster_id, generation, dimension, 0::smallint, bucket - bucket % 96, key,
                sum(cp::integer), sum(cm::integer), sum(op::integer), sum(om::integer), sum(o::integer),
                sum(fcp::integer), sum(fcm::integer), sum(fc::integer), sum(fop::integer), sum(fom::integer),
                sum(fo::integer), sum(r::integer)
            FROM quarters WHERE dimension <> 0 GROUP BY 1, 2, 3, 5, 6
        ), merged AS (
            INSERT INTO ingest.counts AS c (cluster_id, generation, dimension, grain, bucket, key, clicks_people,
                clicks_machines, opens_people, opens_machines, others, first_clicks_people, first_clicks_machines,
                first_clicks, first_opens_people, first_opens_machines, first_opens, openers)
            SELECT * FROM rows ORDER BY 1, 2, 3, 4, 5, 6
            ON CONFLICT (cluster_id, generation, dimension, grain, bucket, key) DO UPDATE SET
                clicks_people = c.clicks_people + excluded.clicks_people,
                clicks_machines = c.clicks_machines + excluded.clicks_machines,
                opens_people = c.opens_people + excluded.opens_people,
                opens_machines = c.opens_machines + excluded.opens_machines,
                others = c.others + excluded.others,
                first_clicks_people = c.first_clicks_people + excluded.first_clicks_people,
                first_clicks_machines = c.first_clicks_machines + excluded.first_clicks_machines,
                first_clicks = c.first_clicks + excluded.first_clicks,
                first_opens_people = c.first_opens_people + excluded.first_opens_people,
                first_opens_machines = c.first_opens_machines + excluded.first_opens_machines,
                first_opens = c.first_opens + excluded.first_opens,
                openers = c.openers + excluded.openers
        )
        SELECT count(*)::integer FROM deleted
        """;

    /// <summary>Merges all changes.</summary>
    /// <returns>The number of merged changes; 0 also if another copy of the service is merging.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable; the other changes are merged later.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var merged = 0;
        while (true)
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using var tryLock = new NpgsqlCommand($"SELECT pg_try_advisory_xact_lock({Lock})", connection);
            if (await tryLock.ExecuteScalarAsync(cancellationToken) is not true)
            {
                return merged;
            }

            var count = await MergeAsync(connection, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            merged += count;
            if (count < ChangesAtOnce)
            {
                return merged;
            }
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.MergeInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RunAsync(stoppingToken);
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogNotMerged(exception.Message);
            }
        }
    }

    /// <summary>Merges all changes, in a transaction that holds <see cref="Lock"/>.</summary>
    public static async Task MergeAllAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        while (await MergeAsync(connection, cancellationToken) == ChangesAtOnce)
        {
        }
    }

    private static async Task<int> MergeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var merge = new NpgsqlCommand(Merge, connection)
        {
            Parameters = { new NpgsqlParameter<int> { TypedValue = ChangesAtOnce } },
        };
        return (int)(await merge.ExecuteScalarAsync(cancellationToken))!;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Changes of counters were not merged: {Reason}")]
    private partial void LogNotMerged(string reason);
}
