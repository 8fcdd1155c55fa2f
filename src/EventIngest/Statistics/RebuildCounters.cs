using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>
/// Counts a cluster's events again, in a new generation of counters, while ingest continues:
/// <list type="number">
/// <item>A new generation begins. From now on, a message whose first event arrives counts in both generations.</item>
/// <item>Messages are counted again, a thousand at a time (<see cref="RecountMessages"/>), under the lock of their
/// rows. The events that exist at that moment are the events that have been counted. From then on the message counts in
/// both generations.</item>
/// <item>Counts from before the first stored event are copied, a month at a time.</item>
/// <item>The new generation is read from now on, and the old generation is deleted in pieces.</item>
/// </list>
/// A process that dies in the middle leaves a generation that is never read. The next rebuild begins another
/// generation.
/// </summary>
internal sealed partial class RebuildCounters(
    NpgsqlDataSource dataSource, FindAttributes findAttributes, ILogger<RebuildCounters> logger)
{
    private const int RowsAtOnce = 10_000;
    private const int MonthOfBuckets = 31 * CountBucket.PerDay;

    private const string TryLock = "SELECT pg_try_advisory_lock(hashtext('tracking.ingest.rebuild'), $1)";
    private const string Unlock = "SELECT pg_advisory_unlock(hashtext('tracking.ingest.rebuild'), $1)";
    private const string LockAlone = $"SELECT pg_advisory_xact_lock({CountMessages.Lock})";
    private const string LockMerging = $"SELECT pg_advisory_xact_lock({MergeChanges.Lock})";

    private const string Begin =
        """
        INSERT INTO ingest.statistics AS s (cluster_id, building, began_at) VALUES ($1, 1, now())
        ON CONFLICT (cluster_id) DO UPDATE SET
            building = greatest(s.generation, coalesce(s.building, 0)) + 1, began_at = now(), messages = 0
        RETURNING generation, building, date_trunc('day', coalesce(requested_from, (
            SELECT occurred_at FROM ingest.events WHERE cluster_id = $1 ORDER BY id LIMIT 1)), 'UTC')
        """;

    private const string TakeOver =
        """
        INSERT INTO ingest.counts (cluster_id, generation, dimension, grain, bucket, key, clicks_people,
            clicks_machines, opens_people, opens_machines, others, first_clicks_people, first_clicks_machines,
            first_clicks, first_opens_people, first_opens_machines, first_opens, openers)
        SELECT cluster_id, $3, dimension, grain, bucket, key, clicks_people, clicks_machines, opens_people,
            opens_machines, others, first_clicks_people, first_clicks_machines, first_clicks, first_opens_people,
            first_opens_machines, first_opens, openers
        FROM ingest.counts
        WHERE cluster_id = $1 AND generation = $2 AND dimension = ANY ('{0,1,2,3,4,5,6}') AND grain = ANY ('{0,1}')
            AND bucket >= $4 AND bucket < $5
        """;

    private const string DeleteTaken =
        """
        DELETE FROM ingest.counts
        WHERE cluster_id = $1 AND generation = $2 AND dimension = ANY ('{0,1,2,3,4,5,6}') AND grain = ANY ('{0,1}')
            AND bucket >= $3 AND bucket < $4
        """;

    private const string Finish =
        """
        UPDATE ingest.statistics SET generation = building, building = NULL, rebuilt_at = began_at, requested_from = NULL
        WHERE cluster_id = $1 AND building = $2
        """;

    private const string DeleteChanges =
        "DELETE FROM ingest.count_changes WHERE cluster_id = $1 AND generation <> ALL ($2)";

    private const string DeleteOld =
        """
        DELETE FROM ingest.counts WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM ingest.counts WHERE cluster_id = $1 AND generation <> ALL ($2) LIMIT $3))
        """;

    /// <summary>Rebuilds a cluster's counters.</summary>
    /// <returns>The number of counted messages; <see langword="null"/> if another process is rebuilding these
    /// counters.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable. The counters that are read have not
    /// changed.</exception>
    public async Task<long?> RunAsync(ClusterId cluster, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        if (await ScalarAsync(connection, TryLock, cancellationToken, cluster.Value) is not true)
        {
            return null;
        }

        try
        {
            return await RebuildAsync(connection, cluster, cancellationToken);
        }
        finally
        {
            // The session may go back to the pool, and the lock must not go with it. A broken session holds no lock.
            if (connection.State == System.Data.ConnectionState.Open)
            {
                await ScalarAsync(connection, Unlock, CancellationToken.None, cluster.Value);
            }
        }
    }

    private async Task<long> RebuildAsync(
        NpgsqlConnection connection, ClusterId cluster, CancellationToken cancellationToken)
    {
        var (old, built, from) = await BeginAsync(connection, cluster, cancellationToken);
        LogBegan(cluster, built, from);
        await DeleteAsync(connection, cluster, [old, built], cancellationToken);
        var messages = await new RecountMessages(connection, findAttributes, cluster, built, from)
            .RunAsync(cancellationToken);
        await TakeOverAsync(connection, cluster, old, built, from, cancellationToken);
        await AloneAsync(
            connection,
            () => ScalarAsync(connection, Finish, cancellationToken, cluster.Value, built),
            cancellationToken);
        await DeleteAsync(connection, cluster, [built], cancellationToken);
        LogEnded(cluster, messages);
        return messages;
    }

    // Under the exclusive lock: every later transaction counts in both generations.
    private static async Task<(int Old, int Built, DateTime From)> BeginAsync(
        NpgsqlConnection connection, ClusterId cluster, CancellationToken cancellationToken)
    {
        var begun = (Old: 0, Built: 0, From: DateTime.MaxValue);
        await AloneAsync(
            connection,
            async () =>
            {
                await using var command = Command(connection, Begin, cluster.Value);
                await using var reader = await command.ExecuteReaderAsync(cancellationToken);
                await reader.ReadAsync(cancellationToken);
                begun = (
                    reader.GetInt32(0), reader.GetInt32(1),
                    // Without an event, all counts stay as they are.
                    reader.IsDBNull(2) ? DateTime.MaxValue : reader.GetDateTime(2));
            },
            cancellationToken);
        return begun;
    }

    private static async Task TakeOverAsync(
        NpgsqlConnection connection, ClusterId cluster, int old, int built, DateTime from,
        CancellationToken cancellationToken)
    {
        var end = from == DateTime.MaxValue ? int.MaxValue : CountBucket.Of(new DateTimeOffset(from, TimeSpan.Zero));
        while (true)
        {
            // Changes that are not merged yet may be the newest.
            await MergeAsync(connection, cancellationToken);
            var found = await ScalarAsync(
                connection,
                "SELECT max(bucket) FROM ingest.counts WHERE cluster_id = $1 AND generation = $2 AND bucket < $3",
                cancellationToken, cluster.Value, old, end);
            if (found is not int newest)
            {
                return;
            }

            var begin = newest - MonthOfBuckets;
            await AloneAsync(
                connection,
                async () =>
                {
                    await ScalarAsync(connection, LockMerging, cancellationToken);
                    await MergeChanges.MergeAllAsync(connection, cancellationToken);
                    await ScalarAsync(connection, DeleteTaken, cancellationToken, cluster.Value, built, begin, end);
                    await ScalarAsync(connection, TakeOver, cancellationToken, cluster.Value, old, built, begin, end);
                },
                cancellationToken);
            end = begin;
        }
    }

    private static async Task MergeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ScalarAsync(connection, LockMerging, cancellationToken);
        await MergeChanges.MergeAllAsync(connection, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    // Deletes all rows of other generations, in pieces.
    private static async Task DeleteAsync(
        NpgsqlConnection connection, ClusterId cluster, int[] kept, CancellationToken cancellationToken)
    {
        int deleted;
        do
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await ScalarAsync(connection, LockMerging, cancellationToken);
            await ScalarAsync(connection, DeleteChanges, cancellationToken, cluster.Value, kept);
            await using var delete = Command(connection, DeleteOld, cluster.Value, kept, RowsAtOnce);
            deleted = await delete.ExecuteNonQueryAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
        while (deleted > 0);
    }

    private static async Task AloneAsync(
        NpgsqlConnection connection, Func<Task> work, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ScalarAsync(connection, LockAlone, cancellationToken);
        await work();
        await transaction.CommitAsync(cancellationToken);
    }

    private static async Task<object?> ScalarAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(connection, sql, values);
        return await command.ExecuteScalarAsync(cancellationToken) is var value && value is DBNull ? null : value;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params object[] values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return command;
    }

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Rebuilding the counters of cluster {Cluster} from {From:yyyy-MM-dd} as generation {Generation}")]
    private partial void LogBegan(ClusterId cluster, int generation, DateTime from);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Rebuilt the counters of cluster {Cluster}: {Messages} messages")]
    private partial void LogEnded(ClusterId cluster, long messages);
}
