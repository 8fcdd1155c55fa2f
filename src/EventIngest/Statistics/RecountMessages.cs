using Npgsql;
using NpgsqlTypes;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>
/// Counts the messages of a cluster again, a thousand in a transaction. The lock of a message's row decides which
/// events are counted here. An event that exists when the lock has been taken was stored by a transaction that has
/// ended. Any other event is counted, in both generations, by the transaction that waits for the lock.
/// </summary>
/// <param name="connection">A connection that only this class uses.</param>
/// <param name="findAttributes">Finds the attributes of messages.</param>
/// <param name="cluster">The cluster.</param>
/// <param name="generation">The generation that is built.</param>
/// <param name="from">The first day (UTC) that is counted again. Earlier counts stay, because their events may be
/// deleted.</param>
internal sealed class RecountMessages(
    NpgsqlConnection connection, FindAttributes findAttributes, ClusterId cluster, int generation, DateTime from)
{
    private const int MessagesAtOnce = 1000;
    private const int EventsAtOnce = 4 * MessagesAtOnce;

    private const string SelectCounted =
        """
        SELECT message_key FROM ingest.message_counts WHERE cluster_id = $1 AND message_key > $2
        ORDER BY message_key LIMIT $3
        """;

    private const string SelectStored =
        """
        SELECT message_key FROM ingest.events WHERE cluster_id = $1 AND message_key > $2
        ORDER BY message_key LIMIT $3
        """;

    private const string SelectRows =
        """
        SELECT m.message_key, m.home_day, m.clicks_people, m.clicks_machines, m.opens_people, m.opens_machines, m.firsts,
            coalesce(sum(d.clicks_people + d.clicks_machines), 0)::integer,
            coalesce(sum(d.opens_people + d.opens_machines), 0)::integer
        FROM ingest.message_counts m
        LEFT JOIN ingest.message_days d
            ON d.cluster_id = m.cluster_id AND d.message_key = m.message_key AND d.day < $4
        WHERE m.cluster_id = $1 AND m.message_key > $2 AND m.message_key <= $3
            AND (m.generation <> $5 OR m.home_day < 0)
        GROUP BY m.cluster_id, m.message_key
        """;

    // A range of keys is read from the index. With a list of so many keys, PostgreSQL would read the whole table.
    private const string SelectEvents =
        """
        SELECT e.message_key, e.occurred_at, e.kind, e.verdict, e.link_id, e.ordinal, e.vendor, e.user_agent,
            e.uncounted
        FROM ingest.events e
        WHERE e.cluster_id = $1 AND e.message_key > $2 AND e.message_key <= $3 AND e.occurred_at >= $4
        ORDER BY e.message_key, e.id
        """;

    private const string DeleteDays =
        "DELETE FROM ingest.message_days WHERE cluster_id = $1 AND message_key = ANY ($2) AND day >= $3";

    private const string Progress = "UPDATE ingest.statistics SET messages = messages + $2 WHERE cluster_id = $1";

    private readonly long _fromMicros = from == DateTime.MaxValue
        ? long.MaxValue
        : (from - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Counts all messages of the cluster.</summary>
    /// <returns>The number of messages.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<long> RunAsync(CancellationToken cancellationToken)
    {
        var (count, after) = (0L, Array.Empty<byte>());
        while (await NextAsync(after, cancellationToken) is { Length: > 0 } keys)
        {
            await RecountAsync(after, keys, cancellationToken);
            count += keys.Length;
            after = keys[^1].ToBytes();
        }

        return count;
    }

    // The next keys of counted messages and of messages with events, up to the key that both lists have reached.
    private async Task<MessageKey[]> NextAsync(byte[] after, CancellationToken cancellationToken)
    {
        var counted = await KeysAsync(SelectCounted, after, MessagesAtOnce, cancellationToken);
        var stored = await KeysAsync(SelectStored, after, EventsAtOnce, cancellationToken);
        var end = new MessageKey(ulong.MaxValue, byte.MaxValue);
        if (counted.Count == MessagesAtOnce)
        {
            end = counted[^1];
        }

        if (stored.Count == EventsAtOnce && stored[^1].CompareTo(end) < 0)
        {
            end = stored[^1];
        }

        return [.. counted.Concat(stored).Where(key => key.CompareTo(end) <= 0).Distinct().Order()];
    }

    private async Task<List<MessageKey>> KeysAsync(
        string sql, byte[] after, int limit, CancellationToken cancellationToken)
    {
        await using var command = Command(sql, cluster.Value, after, limit);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var keys = new List<MessageKey>(limit);
        while (await reader.ReadAsync(cancellationToken))
        {
            keys.Add(MessageKey.Read(reader.GetFieldValue<byte[]>(0)));
        }

        return keys;
    }

    private async Task RecountAsync(byte[] after, MessageKey[] keys, CancellationToken cancellationToken)
    {
        var attributes = await findAttributes.RunAsync(keys.Select(key => (cluster.Value, key)), cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var share = Command($"SELECT pg_advisory_xact_lock_shared({CountMessages.Lock})"))
        {
            await share.ExecuteNonQueryAsync(cancellationToken);
        }

        await LockMessages.RunAsync(
            transaction, [.. keys.Select(key => NewTally(key, MessageAttributes.Unknown))], cancellationToken);
        var last = keys[^1].ToBytes();
        var kept = await KeptAsync(after, last, cancellationToken);
        var tallies = kept.Keys.ToDictionary(key => key, key => NewTally(
            key, attributes.GetValueOrDefault((cluster.Value, key), MessageAttributes.Unknown)));
        var counters = new AddToCounters();
        await CountAsync(after, last, tallies, counters, cancellationToken);
        foreach (var (key, tally) in tallies)
        {
            if (kept[key] is { } row)
            {
                tally.Continue(row.HomeDay, row.Home, row.Clicks, row.Opens, row.Firsts);
            }

            counters.MoveFirsts(cluster.Value, tally.Before, tally.Firsts, tally.Attributes);
        }

        await using var delete = Command(
            DeleteDays, cluster.Value, Bytes([.. kept.Keys]), MessageTally.DayOf(_fromMicros));
        await delete.ExecuteNonQueryAsync(cancellationToken);
        await CountMessages.UpdateAsync(
            connection, [.. tallies.Values.Order(Comparer<MessageTally>.Create(CountMessages.InOrder))],
            cancellationToken);
        await counters.WriteAsync(connection, _ => generation, cancellationToken);
        await using var progress = Command(Progress, cluster.Value, keys.Length);
        await progress.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private MessageTally NewTally(MessageKey key, MessageAttributes attributes) =>
        new(cluster.Value, key, attributes) { Generation = generation };

    // Reads the part of each row that stays: the counts from before the first day. A row that was just created for its
    // lock has no such part. A message whose first event came after the rebuild began is left out: it counts in both
    // generations from its first event on.
    private async Task<Dictionary<MessageKey, Kept?>> KeptAsync(
        byte[] after, byte[] last, CancellationToken cancellationToken)
    {
        var kept = new Dictionary<MessageKey, Kept?>();
        var fromDay = MessageTally.DayOf(_fromMicros);
        await using var rows = Command(SelectRows, cluster.Value, after, last, fromDay, generation);
        await using var reader = await rows.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var homeDay = reader.GetInt32(1);
            var home = homeDay >= fromDay
                ? default
                : new DayTally
                {
                    ClicksPeople = reader.GetInt32(2),
                    ClicksMachines = reader.GetInt32(3),
                    OpensPeople = reader.GetInt32(4),
                    OpensMachines = reader.GetInt32(5),
                };
            kept.Add(MessageKey.Read(reader.GetFieldValue<byte[]>(0)), homeDay < 0 ? null : new Kept(
                homeDay, home, home.Clicks + reader.GetInt32(7), home.Opens + reader.GetInt32(8),
                FirstMoments.Read(reader.GetFieldValue<byte[]>(6)).Before(_fromMicros)));
        }

        return kept;
    }

    private async Task CountAsync(
        byte[] after,
        byte[] last,
        Dictionary<MessageKey, MessageTally> tallies,
        AddToCounters counters,
        CancellationToken cancellationToken)
    {
        if (from == DateTime.MaxValue)
        {
            return;
        }

        await using var select = Command(SelectEvents, cluster.Value, after, last, from);
        await using var events = await select.ExecuteReaderAsync(cancellationToken);
        while (await events.ReadAsync(cancellationToken))
        {
            var counted = Read(events);
            if (tallies.TryGetValue(counted.Message, out var tally))
            {
                if (!events.IsDBNull(8))
                {
                    tally.See(counted);
                    continue;
                }

                tally.Add(counted);
                counters.AddEvent(counted, tally.Attributes);
            }
        }
    }

    private CountedEvent Read(NpgsqlDataReader events)
    {
        var agent = events.IsDBNull(7) ? null : events.GetString(7);
        return new CountedEvent(
            cluster.Value,
            MessageKey.Read(events.GetFieldValue<byte[]>(0)),
            (LinkKind)events.GetInt16(2),
            ((Verdict)events.GetInt16(3)).IsMachine(),
            LinkId.FromInt64(events.GetInt64(4)).Value,
            (ushort)events.GetInt16(5),
            (events.GetDateTime(1) - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
            NameClient.Of(events.IsDBNull(6) ? null : events.GetString(6), agent));
    }

    private static NpgsqlParameter<byte[][]> Bytes(MessageKey[] keys) => new()
    {
        TypedValue = Array.ConvertAll(keys, key => key.ToBytes()),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
    };

    private NpgsqlCommand Command(string sql, params object[] values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
        {
            command.Parameters.Add(value as NpgsqlParameter ?? new NpgsqlParameter { Value = value });
        }

        return command;
    }

    private sealed record Kept(int HomeDay, DayTally Home, int Clicks, int Opens, FirstMoments Firsts);
}
