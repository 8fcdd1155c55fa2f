using Npgsql;
using NpgsqlTypes;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.EventIngest.Bots;
using Tracking.EventIngest.Statistics;
using Tracking.EventIngest.Webhooks;
using Tracking.Links;

namespace Tracking.EventIngest.Review;

/// <summary>
/// Changes the verdicts of stored events and adapts the counters, in one transaction. The locks are those of
/// <see cref="CountMessages"/>: the statistics' lock, then the messages' rows in the order of their keys. While a
/// message's row is locked, every counted event of the message is readable, and no other event of it is counted. So the
/// counters are afterwards the same as a rebuild would compute from the events.
/// </summary>
internal sealed class ReviseVerdicts(
    FindAttributes findAttributes, EnqueueRevisions enqueue, ClassifyEvent classify, TimeProvider time)
{
    private const string SelectEvents =
        """
        SELECT e.id, e.cluster_id, e.message_key, e.occurred_at, e.kind, e.link_id, e.ordinal, e.client_address,
            e.user_agent, e.verdict, e.vendor, e.reasons, e.score, e.uncounted
        FROM unnest($1::integer[], $2::bytea[]) AS w (cluster_id, message_key)
        JOIN ingest.events e USING (cluster_id, message_key)
        """;

    private const string UpdateEvents =
        """
        WITH changed AS (
            SELECT * FROM unnest($1::integer[], $2::uuid[], $3::smallint[], $4::text[], $5::smallint[])
                AS c (cluster_id, id, verdict, reasons, score)
        ), kept AS (
            INSERT INTO ingest.revisions (cluster_id, event_id, revised_at, verdict_before, vendor_before,
                reasons_before, score_before, verdict)
            SELECT e.cluster_id, e.id, $6, e.verdict, e.vendor, e.reasons, e.score, c.verdict
            FROM changed c JOIN ingest.events e ON e.id = c.id AND e.cluster_id = c.cluster_id
        )
        UPDATE ingest.events e
        SET verdict = c.verdict, reasons = string_to_array(c.reasons, ' '), score = c.score, rules = $7, revised_at = $6
        FROM changed c WHERE e.id = c.id AND e.cluster_id = c.cluster_id
        """;

    private const string UpdateMessage =
        """
        UPDATE ingest.message_counts SET firsts = $3, clicks_people = clicks_people - $4,
            clicks_machines = clicks_machines + $4, opens_people = opens_people - $5, opens_machines = opens_machines + $5
        WHERE cluster_id = $1 AND message_key = $2
        """;

    private const string UpdateDay =
        """
        UPDATE ingest.message_days SET clicks_people = clicks_people - $4, clicks_machines = clicks_machines + $4,
            opens_people = opens_people - $5, opens_machines = opens_machines + $5
        WHERE cluster_id = $1 AND message_key = $2 AND day = $3
        """;

    /// <summary>Changes the verdicts.</summary>
    /// <param name="connection">A connection in a transaction.</param>
    /// <param name="opinions">The events and their new verdicts.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The number of changed events. An event that another transaction has changed in the meantime is left
    /// unchanged.</returns>
    public async Task<int> RunAsync(
        NpgsqlConnection connection,
        IReadOnlyCollection<KeyValuePair<StoredEvent, Opinion>> opinions,
        CancellationToken cancellationToken)
    {
        (int Cluster, MessageKey Message)[] wanted =
            [.. opinions.Select(pair => (pair.Key.Cluster, pair.Key.Message)).Distinct().Order()];
        var attributes = await findAttributes.RunAsync(wanted, cancellationToken);
        var generations = await ShareAsync(connection, cancellationToken);
        var messages = (await LockMessages.ThereAsync(connection, wanted, cancellationToken))
            .ToDictionary(stored => (stored.Cluster, stored.Message));
        var events = await EventsAsync(connection, wanted, cancellationToken);
        var (read, built) = (new AddToCounters(), new AddToCounters());
        var revised = new List<Revised>();
        await using var update = new NpgsqlBatch(connection);
        var byMessage = opinions.ToLookup(pair => (pair.Key.Cluster, pair.Key.Message));
        foreach (var key in wanted)
        {
            // A message without a row was never counted: it was stored before counters existed.
            if (!messages.TryGetValue(key, out var message))
            {
                continue;
            }

            var now = events[key].ToDictionary(one => one.Id);
            var changes = byMessage[key].Where(pair =>
                now.TryGetValue(pair.Key.Id, out var row) && row.Verdict == pair.Key.Verdict
                && row.Score == pair.Key.Score).Select(pair => new Revised(now[pair.Key.Id], pair.Value)).ToList();
            if (changes.Count > 0)
            {
                revised.AddRange(changes);

                // A rebuild that has not reached the message yet will read the changed event.
                var generation = generations.GetValueOrDefault(key.Cluster);
                var isInBuilt = generation.Built != generation.Read && message.Generation == generation.Built;
                Move(
                    isInBuilt ? [read, built] : [read], update, message,
                    [.. now.Values.Where(one => !one.IsUncounted)],
                    [.. changes.Where(change => !change.Event.IsUncounted)],
                    attributes.GetValueOrDefault(key, MessageAttributes.Unknown));
            }
        }

        if (revised.Count > 0)
        {
            var at = time.GetUtcNow().UtcDateTime;
            update.BatchCommands.Add(ToCommand(revised, at));
            await enqueue.AddToAsync(update, revised, at, cancellationToken);
            await update.ExecuteNonQueryAsync(cancellationToken);
            await read.WriteAsync(
                connection, cluster => generations.GetValueOrDefault(cluster).Read, cancellationToken);
            await built.WriteAsync(connection, cluster => generations[cluster].Built, cancellationToken);
        }

        return revised.Count;
    }

    private static async Task<IReadOnlyDictionary<int, (int Read, int Built)>> ShareAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var share = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand($"SELECT pg_advisory_xact_lock_shared({CountMessages.Lock})"),
                new NpgsqlBatchCommand(CountMessages.SelectGenerations),
            },
        };
        await using var reader = await share.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        return await CountMessages.GenerationsOfAsync(reader, cancellationToken);
    }

    private static async Task<ILookup<(int Cluster, MessageKey Message), StoredEvent>> EventsAsync(
        NpgsqlConnection connection,
        (int Cluster, MessageKey Message)[] wanted,
        CancellationToken cancellationToken)
    {
        await using var select = Command(connection, SelectEvents, wanted);
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        var events = new List<StoredEvent>();
        while (await reader.ReadAsync(cancellationToken))
        {
            events.Add(ReviewMessages.Read(reader));
        }

        return events.ToLookup(one => (one.Cluster, one.Message));
    }

    private static NpgsqlCommand Command(
        NpgsqlConnection connection, string sql, (int Cluster, MessageKey Message)[] wanted) => new(sql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<int[]> { TypedValue = Array.ConvertAll(wanted, key => key.Cluster) },
                new NpgsqlParameter<byte[][]>
                {
                    TypedValue = Array.ConvertAll(wanted, key => key.Message.ToBytes()),
                    NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
                },
            },
        };

    // Moves events from people to machines or back. Other changes of verdicts do not change the counters.
    private static void Move(
        AddToCounters[] generations,
        NpgsqlBatch update,
        StoredMessage message,
        IReadOnlyCollection<StoredEvent> all,
        List<Revised> changes,
        MessageAttributes attributes)
    {
        var moved = changes
            .Where(change => change.Event.Verdict.IsMachine() != change.Opinion.Verdict.IsMachine()).ToList();
        if (moved.Count == 0)
        {
            return;
        }

        var isMachine = all.ToDictionary(one => one.Id, one => one.Verdict.IsMachine());
        moved.ForEach(change => isMachine[change.Event.Id] = !isMachine[change.Event.Id]);

        // First moments before the first stored event belong to events that are deleted. They stay.
        var firsts = message.Firsts.Before(all.Min(one => one.Micros));
        foreach (var one in all)
        {
            var counted = Counted(one, isMachine[one.Id]);
            firsts.Add(
                counted.Kind, counted.IsMachine, new FirstMoment(counted.TimeMicros, counted.Client), counted.Ordinal,
                counted.Link);
        }

        foreach (var counters in generations)
        {
            foreach (var change in moved)
            {
                counters.AddEvent(Counted(change.Event, !isMachine[change.Event.Id]), attributes, -1);
                counters.AddEvent(Counted(change.Event, isMachine[change.Event.Id]), attributes);
            }

            counters.MoveFirsts(message.Cluster, message.Firsts, firsts, attributes);
        }

        AddUpdates(update, message, moved, isMachine, firsts);
    }

    private static void AddUpdates(
        NpgsqlBatch update,
        StoredMessage message,
        List<Revised> moved,
        Dictionary<Guid, bool> isMachine,
        FirstMoments firsts)
    {
        var days = moved.ToLookup(change => MessageTally.DayOf(change.Event.Micros));
        int ToMachines(int day, LinkKind kind) =>
            days[day].Where(change => change.Event.Kind == kind).Sum(change => isMachine[change.Event.Id] ? 1 : -1);

        NpgsqlBatchCommand Command(string sql, NpgsqlParameter third, int day) => new(sql)
        {
            Parameters =
            {
                new() { Value = message.Cluster },
                new() { Value = message.Message.ToBytes() },
                third,
                new() { Value = ToMachines(day, LinkKind.Click) },
                new() { Value = ToMachines(day, LinkKind.Open) },
            },
        };

        update.BatchCommands.Add(Command(UpdateMessage, new() { Value = firsts.Write() }, message.HomeDay));
        foreach (var day in days.Select(day => day.Key).Where(day => day != message.HomeDay))
        {
            update.BatchCommands.Add(Command(UpdateDay, new() { Value = day }, day));
        }
    }

    private static CountedEvent Counted(StoredEvent one, bool isMachine) => new(
        one.Cluster, one.Message, one.Kind, isMachine, one.Link, one.Ordinal, one.Micros,
        NameClient.Of(one.Vendor, one.UserAgent));

    private NpgsqlBatchCommand ToCommand(List<Revised> revised, DateTime at) => new(UpdateEvents)
    {
        Parameters =
        {
            new NpgsqlParameter<int[]> { TypedValue = [.. revised.Select(change => change.Event.Cluster)] },
            new NpgsqlParameter<Guid[]> { TypedValue = [.. revised.Select(change => change.Event.Id)] },
            new NpgsqlParameter<short[]> { TypedValue = [.. revised.Select(change => (short)change.Opinion.Verdict)] },
            // An array of arrays must be rectangular, so the codes are joined. A code contains no blank.
            new NpgsqlParameter<string[]>
            {
                TypedValue = [.. revised.Select(change => string.Join(' ', change.Opinion.Reasons))],
            },
            new NpgsqlParameter<short[]> { TypedValue = [.. revised.Select(change => (short)change.Opinion.Score)] },
            new NpgsqlParameter<DateTime> { TypedValue = at },
            new() { Value = classify.Rules.Number },
        },
    };
}

/// <summary>An event whose verdict changes.</summary>
/// <param name="Event">The event before the change.</param>
/// <param name="Opinion">The new verdict.</param>
internal sealed record Revised(StoredEvent Event, Opinion Opinion);
