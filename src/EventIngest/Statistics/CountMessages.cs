using System.Runtime.InteropServices;
using Npgsql;
using NpgsqlTypes;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>
/// Counts stored events, in the transaction that stores them: the rows of their messages, which say what is the first
/// of its kind, then the changes of the counters. First comes the statistics' lock, then messages are locked in the
/// order of their keys, and the changes are nobody else's: two transactions wait for each other, never in a circle.
/// </summary>
internal sealed class CountMessages
{
    /// <summary>Shared by who counts; taken alone by who changes which counters there are.</summary>
    public const string Lock = "hashtext('tracking.ingest.statistics')";

    /// <summary>What <see cref="GenerationsOfAsync"/> reads, after <see cref="Lock"/>.</summary>
    public const string SelectGenerations =
        """
        SELECT cluster_id, generation, coalesce(building, generation) FROM ingest.statistics
        WHERE generation <> 0 OR building IS NOT NULL
        """;

    // Rows that are there are locked and stay as they are, in one statement and in the order of the arrays, with those
    // that are made: nobody can hold a later one and wait for an earlier one.
    private const string Insert =
        """
        INSERT INTO ingest.message_counts AS m (cluster_id, message_key, home_day, clicks_people, clicks_machines,
            opens_people, opens_machines, clicks, opens, weight, firsts, generation)
        SELECT * FROM unnest($1::integer[], $2::bytea[], $3::integer[], $4::integer[], $5::integer[], $6::integer[],
            $7::integer[], $8::integer[], $9::integer[], $10::smallint[], $11::bytea[], $12::integer[])
        ON CONFLICT (cluster_id, message_key) DO UPDATE SET generation = m.generation WHERE false
        """;

    private const string SelectThere =
        """
        SELECT m.cluster_id, m.message_key, m.home_day, m.clicks_people, m.clicks_machines, m.opens_people,
            m.opens_machines, m.clicks, m.opens, m.firsts, m.generation
        FROM unnest($1::integer[], $2::bytea[]) AS wanted (cluster_id, message_key)
        JOIN ingest.message_counts m USING (cluster_id, message_key)
        WHERE m.xmin <> pg_current_xact_id()::xid
        """;

    private const string Update =
        """
        UPDATE ingest.message_counts m SET home_day = u.home_day, clicks_people = u.clicks_people,
            clicks_machines = u.clicks_machines, opens_people = u.opens_people, opens_machines = u.opens_machines,
            clicks = u.clicks, opens = u.opens, weight = u.weight, firsts = u.firsts, generation = u.generation
        FROM unnest($1::integer[], $2::bytea[], $3::integer[], $4::integer[], $5::integer[], $6::integer[],
            $7::integer[], $8::integer[], $9::integer[], $10::smallint[], $11::bytea[], $12::integer[])
            AS u (cluster_id, message_key, home_day, clicks_people, clicks_machines, opens_people, opens_machines,
                clicks, opens, weight, firsts, generation)
        WHERE m.cluster_id = u.cluster_id AND m.message_key = u.message_key
        """;

    private const string AddDays =
        """
        INSERT INTO ingest.message_days AS d (cluster_id, message_key, day, clicks_people, clicks_machines,
            opens_people, opens_machines)
        SELECT * FROM unnest($1::integer[], $2::bytea[], $3::integer[], $4::integer[], $5::integer[], $6::integer[],
            $7::integer[])
        ON CONFLICT (cluster_id, message_key, day) DO UPDATE SET
            clicks_people = d.clicks_people + excluded.clicks_people,
            clicks_machines = d.clicks_machines + excluded.clicks_machines,
            opens_people = d.opens_people + excluded.opens_people,
            opens_machines = d.opens_machines + excluded.opens_machines
        """;

    private readonly Dictionary<(int Cluster, MessageKey Message), MessageTally> _messages = [];
    private readonly AddToCounters _counters = new();

    /// <summary>Reads <see cref="SelectGenerations"/>: the counters that are read and those that are built, where they
    /// are not 0.</summary>
    public static async Task<IReadOnlyDictionary<int, (int Read, int Built)>> GenerationsOfAsync(
        NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        var generations = new Dictionary<int, (int Read, int Built)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            generations.Add(reader.GetInt32(0), (reader.GetInt32(1), reader.GetInt32(2)));
        }

        return generations;
    }

    /// <summary>Counts them.</summary>
    /// <param name="connection">In the transaction that stores them, with <see cref="Lock"/>.</param>
    /// <param name="events">Events that are stored by it.</param>
    /// <param name="attributes">What is known of their messages.</param>
    /// <param name="generations">What <see cref="SelectGenerations"/> said in this transaction.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task RunAsync(
        NpgsqlConnection connection,
        List<CountedEvent> events,
        IReadOnlyDictionary<(int Cluster, MessageKey Message), MessageAttributes> attributes,
        IReadOnlyDictionary<int, (int Read, int Built)> generations,
        CancellationToken cancellationToken)
    {
        var count = new CountMessages();
        foreach (ref readonly var counted in CollectionsMarshal.AsSpan(events))
        {
            ref var tally = ref CollectionsMarshal.GetValueRefOrAddDefault(
                count._messages, (counted.Cluster, counted.Message), out _);
            tally ??= new MessageTally(counted.Cluster, counted.Message)
            {
                Generation = generations.GetValueOrDefault(counted.Cluster).Built,
            };
            tally.Add(counted);
        }

        var messages = count._messages.Values.ToArray();
        Array.Sort(messages, InOrder);
        var before = new Dictionary<(int Cluster, MessageKey Message), FirstMoments>();
        if (await LockAsync(connection, messages, cancellationToken) < messages.Length)
        {
            before = await count.ContinueAsync(connection, messages, cancellationToken);
        }

        count.AddToCounters(events, attributes, generations, before);
        await count.WriteAsync(connection, messages, before, cancellationToken);
    }

    /// <summary>The order in which messages are locked: that of PostgreSQL's keys.</summary>
    public static int InOrder(MessageTally one, MessageTally other) =>
        (one.Cluster, one.Message).CompareTo((other.Cluster, other.Message));

    /// <summary>Makes the rows that are not there, and locks the others as they are.</summary>
    /// <param name="connection">In a transaction.</param>
    /// <param name="messages">In the order of <see cref="InOrder"/>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Rows made.</returns>
    public static Task<int> LockAsync(
        NpgsqlConnection connection, MessageTally[] messages, CancellationToken cancellationToken) =>
        ExecuteAsync(connection, Rows(Insert, messages), cancellationToken);

    /// <summary>Writes rows that are there, and adds their days.</summary>
    public static async Task UpdateAsync(
        NpgsqlConnection connection, MessageTally[] messages, CancellationToken cancellationToken)
    {
        // Not prepared, as above.
        await using var update = new NpgsqlBatch(connection) { BatchCommands = { Rows(Update, messages) } };
        await update.ExecuteNonQueryAsync(cancellationToken);
        await AddDaysAsync(connection, messages, cancellationToken);
    }

    private static NpgsqlBatchCommand Rows(string sql, MessageTally[] messages) => new(sql)
    {
        Parameters =
        {
            Numbers(messages, message => message.Cluster),
            Keys(messages),
            Numbers(messages, message => message.HomeDay),
            Numbers(messages, message => message.Home.ClicksPeople),
            Numbers(messages, message => message.Home.ClicksMachines),
            Numbers(messages, message => message.Home.OpensPeople),
            Numbers(messages, message => message.Home.OpensMachines),
            Numbers(messages, message => message.Clicks),
            Numbers(messages, message => message.Opens),
            new NpgsqlParameter<short[]> { TypedValue = Array.ConvertAll(messages, message => message.Weight) },
            Bytes(Array.ConvertAll(messages, message => message.Firsts.Write())),
            Numbers(messages, message => message.Generation),
        },
    };

    private static async Task AddDaysAsync(
        NpgsqlConnection connection, MessageTally[] messages, CancellationToken cancellationToken)
    {
        var days = messages.SelectMany(message => message.Days.Select(day => (Message: message, Day: day))).ToArray();
        if (days.Length > 0)
        {
            var add = new NpgsqlBatchCommand(AddDays)
            {
                Parameters =
                {
                    Numbers(days, day => day.Message.Cluster),
                    Bytes(Array.ConvertAll(days, day => day.Message.Message.ToBytes())),
                    Numbers(days, day => day.Day.Key),
                    Numbers(days, day => day.Day.Value.ClicksPeople),
                    Numbers(days, day => day.Day.Value.ClicksMachines),
                    Numbers(days, day => day.Day.Value.OpensPeople),
                    Numbers(days, day => day.Day.Value.OpensMachines),
                },
            };
            await ExecuteAsync(connection, add, cancellationToken);
        }
    }

    private async Task<Dictionary<(int Cluster, MessageKey Message), FirstMoments>> ContinueAsync(
        NpgsqlConnection connection, MessageTally[] messages, CancellationToken cancellationToken)
    {
        // Not prepared: a plan that was made while a table was small would be kept when it is large.
        await using var command = new NpgsqlCommand(SelectThere, connection)
        {
            Parameters = { Numbers(messages, message => message.Cluster), Keys(messages) },
        };
        var before = new Dictionary<(int Cluster, MessageKey Message), FirstMoments>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var key = (reader.GetInt32(0), MessageKey.Read(reader.GetFieldValue<byte[]>(1)));
            var firsts = FirstMoments.Read(reader.GetFieldValue<byte[]>(9));
            before.Add(key, firsts.Copy());
            var tally = _messages[key];
            tally.Generation = reader.GetInt32(10);
            tally.Continue(
                reader.GetInt32(2),
                new DayTally
                {
                    ClicksPeople = reader.GetInt32(3),
                    ClicksMachines = reader.GetInt32(4),
                    OpensPeople = reader.GetInt32(5),
                    OpensMachines = reader.GetInt32(6),
                },
                reader.GetInt32(7),
                reader.GetInt32(8),
                firsts);
        }

        return before;
    }

    private void AddToCounters(
        List<CountedEvent> events,
        IReadOnlyDictionary<(int Cluster, MessageKey Message), MessageAttributes> attributes,
        IReadOnlyDictionary<int, (int Read, int Built)> generations,
        Dictionary<(int Cluster, MessageKey Message), FirstMoments> before)
    {
        foreach (ref readonly var counted in CollectionsMarshal.AsSpan(events))
        {
            var key = (counted.Cluster, counted.Message);
            var known = attributes.GetValueOrDefault(key, MessageAttributes.Unknown);
            var (read, built) = generations.GetValueOrDefault(counted.Cluster);
            _counters.AddEvent(read, counted, known);
            if (built != read && _messages[key].Generation == built)
            {
                _counters.AddEvent(built, counted, known);
            }
        }

        foreach (var (key, tally) in _messages)
        {
            var known = attributes.GetValueOrDefault(key, MessageAttributes.Unknown);
            var (read, built) = generations.GetValueOrDefault(key.Cluster);
            _counters.MoveFirsts(read, key.Cluster, before.GetValueOrDefault(key), tally.Firsts, known);
            if (built != read && tally.Generation == built)
            {
                _counters.MoveFirsts(built, key.Cluster, before.GetValueOrDefault(key), tally.Firsts, known);
            }
        }
    }

    private async Task WriteAsync(
        NpgsqlConnection connection,
        MessageTally[] messages,
        Dictionary<(int Cluster, MessageKey Message), FirstMoments> before,
        CancellationToken cancellationToken)
    {
        var isThere = messages.ToLookup(message => before.ContainsKey((message.Cluster, message.Message)));
        if (isThere[true].Any())
        {
            await UpdateAsync(connection, [.. isThere[true]], cancellationToken);
        }

        await AddDaysAsync(connection, [.. isThere[false]], cancellationToken);
        await _counters.WriteAsync(connection, cancellationToken);
    }

    private static async Task<int> ExecuteAsync(
        NpgsqlConnection connection, NpgsqlBatchCommand command, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { command } };
        await batch.PrepareAsync(cancellationToken);
        return await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlParameter<byte[][]> Keys(MessageTally[] messages) =>
        Bytes(Array.ConvertAll(messages, message => message.Message.ToBytes()));

    private static NpgsqlParameter<byte[][]> Bytes(byte[][] values) => new()
    {
        TypedValue = values,
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
    };

    private static NpgsqlParameter<int[]> Numbers<T>(T[] rows, Converter<T, int> number) =>
        new() { TypedValue = Array.ConvertAll(rows, number) };
}
