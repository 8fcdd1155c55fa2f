using System.Runtime.InteropServices;
using Npgsql;
using NpgsqlTypes;
using Tracking.Database.Entities;
using Tracking.EventIngest.Batches;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>
/// Counts stored events, in the transaction that stores them. First it locks and changes the rows of their messages,
/// which hold the first moment of each kind. Then it writes the changes of the counters. <see cref="LockMessages"/>
/// explains why two such transactions never deadlock.
/// </summary>
internal sealed class CountMessages
{
    /// <summary>The lock that counting shares. A transaction that changes which counters exist takes it
    /// exclusively.</summary>
    public const string Lock = "hashtext('tracking.ingest.statistics')";

    /// <summary>The statement whose result <see cref="GenerationsOfAsync"/> reads; run it after
    /// <see cref="Lock"/>.</summary>
    public const string SelectGenerations =
        """
        SELECT cluster_id, generation, coalesce(building, generation) FROM ingest.statistics
        WHERE generation <> 0 OR building IS NOT NULL
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

    private readonly IReadOnlyList<PreparedRow> _events;
    private readonly Dictionary<(int Cluster, MessageKey Message), MessageTally> _byKey;
    private readonly MessageTally[] _messages;
    private readonly AddToCounters _counters = new();
    private readonly List<(PreparedRow Event, WhyUncounted Why)> _uncounted = [];

    // Counts each message as if it had no earlier events. This is right for most messages, and corrected later for the
    // others.
    private CountMessages(
        IReadOnlyList<PreparedRow> events,
        IReadOnlyDictionary<(int Cluster, MessageKey Message), MessageAttributes> attributes)
    {
        _events = events;
        _byKey = new(events.Count);
        foreach (var stored in events)
        {
            var counted = stored.Counted;
            var key = (counted.Cluster, counted.Message);
            ref var tally = ref CollectionsMarshal.GetValueRefOrAddDefault(_byKey, key, out _);
            tally ??= new MessageTally(
                counted.Cluster, counted.Message, attributes.GetValueOrDefault(key, MessageAttributes.Unknown));
            if (tally.Attributes.WhyUncounted(counted.Kind, counted.Ordinal) is { } why)
            {
                tally.See(counted);
                _uncounted.Add((stored, why));
                continue;
            }

            tally.Add(counted);
            _counters.AddEvent(counted, tally.Attributes);
        }

        _messages = [.. _byKey.Values];
        Array.Sort(_messages, InOrder);
        foreach (var message in _messages)
        {
            _counters.MoveFirsts(message.Cluster, null, message.Firsts, message.Attributes);
        }
    }

    /// <summary>Events that count nowhere.</summary>
    public IReadOnlyList<(PreparedRow Event, WhyUncounted Why)> Uncounted => _uncounted;

    /// <summary>Adds up all that needs no database, at the same time as the COPY of the events.</summary>
    /// <param name="events">The events of a batch. They must not change before the task has ended.</param>
    /// <param name="attributes">The look-up of their messages' attributes.</param>
    public static Task<CountMessages> TallyAsync(
        IReadOnlyList<PreparedRow> events,
        Task<IReadOnlyDictionary<(int Cluster, MessageKey Message), MessageAttributes>> attributes) =>
        Task.Run(async () => new CountMessages(events, await attributes));

    /// <summary>Reads the result of <see cref="SelectGenerations"/>: the generation that is read and the generation
    /// that is built, for clusters where one of them is not 0.</summary>
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

    /// <summary>Counts the events, once.</summary>
    /// <param name="transaction">The transaction that stores the events and holds <see cref="Lock"/>.</param>
    /// <param name="generations">The result of <see cref="SelectGenerations"/> in this transaction.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task WriteAsync(
        NpgsqlTransaction transaction,
        IReadOnlyDictionary<int, (int Read, int Built)> generations,
        CancellationToken cancellationToken)
    {
        foreach (var message in _messages)
        {
            message.Generation = generations.GetValueOrDefault(message.Cluster).Built;
        }

        var connection = transaction.Connection!;
        var there = await LockMessages.RunAsync(transaction, _messages, cancellationToken);
        foreach (var stored in there)
        {
            var message = _byKey[(stored.Cluster, stored.Message)];
            message.Continue(stored);
            _counters.MoveFirsts(message.Cluster, message.Added, null, message.Attributes);
            _counters.MoveFirsts(message.Cluster, message.Before, message.Firsts, message.Attributes);
        }

        if (there.Count > 0)
        {
            await UpdateAsync(
                connection, Array.FindAll(_messages, message => message.Before is not null), cancellationToken);
        }

        await AddDaysAsync(connection, Array.FindAll(_messages, message => message.Before is null), cancellationToken);
        await _counters.WriteAsync(
            connection, cluster => generations.GetValueOrDefault(cluster).Read, cancellationToken);
        if (generations.Any(generation => generation.Value.Read != generation.Value.Built))
        {
            await CountInBuilt(generations).WriteAsync(
                connection, cluster => generations[cluster].Built, cancellationToken);
        }
    }

    /// <summary>The order in which messages are locked: the order of PostgreSQL's keys.</summary>
    public static int InOrder(MessageTally one, MessageTally other) =>
        (one.Cluster, one.Message).CompareTo((other.Cluster, other.Message));

    /// <summary>Updates existing rows, and adds their days.</summary>
    public static async Task UpdateAsync(
        NpgsqlConnection connection, MessageTally[] messages, CancellationToken cancellationToken)
    {
        // Not prepared: a plan that was made for a small table would be kept when the table is large.
        await using var update = new NpgsqlBatch(connection) { BatchCommands = { Rows(Update, messages) } };
        await update.ExecuteNonQueryAsync(cancellationToken);
        await AddDaysAsync(connection, messages, cancellationToken);
    }

    // Counters that are being built count the messages that the rebuild has reached, in addition to the counters that
    // are read.
    private AddToCounters CountInBuilt(IReadOnlyDictionary<int, (int Read, int Built)> generations)
    {
        var counters = new AddToCounters();
        foreach (var stored in _events)
        {
            var counted = stored.Counted;
            var message = _byKey[(counted.Cluster, counted.Message)];
            if (IsInBuilt(message) && message.Attributes.WhyUncounted(counted.Kind, counted.Ordinal) is null)
            {
                counters.AddEvent(counted, message.Attributes);
            }
        }

        foreach (var message in _messages.Where(IsInBuilt))
        {
            counters.MoveFirsts(message.Cluster, message.Before, message.Firsts, message.Attributes);
        }

        return counters;

        bool IsInBuilt(MessageTally message) =>
            generations.TryGetValue(message.Cluster, out var generation)
            && generation.Read != generation.Built
            && message.Generation == generation.Built;
    }

    private static NpgsqlBatchCommand Rows(string sql, MessageTally[] messages) => new(sql)
    {
        Parameters =
        {
            Numbers(messages, message => message.Cluster),
            Bytes(Array.ConvertAll(messages, message => message.Message.ToBytes())),
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
            await using var add = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    new NpgsqlBatchCommand(AddDays)
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
                    },
                },
            };
            await add.PrepareAsync(cancellationToken);
            await add.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static NpgsqlParameter<byte[][]> Bytes(byte[][] values) => new()
    {
        TypedValue = values,
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
    };

    private static NpgsqlParameter<int[]> Numbers<T>(T[] rows, Converter<T, int> number) =>
        new() { TypedValue = Array.ConvertAll(rows, number) };
}
