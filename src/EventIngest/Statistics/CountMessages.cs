using System.Runtime.InteropServices;
using Npgsql;
using NpgsqlTypes;
using Tracking.Database.Entities;
using Tracking.EventIngest.Batches;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>
/// Counts stored events, in the transaction that stores them: the rows of their messages, which say what is the first
/// of its kind, then the changes of the counters. <see cref="LockMessages"/> says why two such transactions never wait
/// for each other in a circle.
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

    // Each message as if nothing had happened to it before: right for most, and put right for the others.
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

    /// <summary>Adds up what can be without the database: beside the COPY of the events.</summary>
    /// <param name="events">Events of a batch; not changed before this has ended.</param>
    /// <param name="attributes">Finds what is known of their messages.</param>
    public static Task<CountMessages> TallyAsync(
        IReadOnlyList<PreparedRow> events,
        Task<IReadOnlyDictionary<(int Cluster, MessageKey Message), MessageAttributes>> attributes) =>
        Task.Run(async () => new CountMessages(events, await attributes));

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

    /// <summary>Counts them, once.</summary>
    /// <param name="transaction">The one that stores them, with <see cref="Lock"/>.</param>
    /// <param name="generations">What <see cref="SelectGenerations"/> said in this transaction.</param>
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

    /// <summary>The order in which messages are locked: that of PostgreSQL's keys.</summary>
    public static int InOrder(MessageTally one, MessageTally other) =>
        (one.Cluster, one.Message).CompareTo((other.Cluster, other.Message));

    /// <summary>Writes rows that are there, and adds their days.</summary>
    public static async Task UpdateAsync(
        NpgsqlConnection connection, MessageTally[] messages, CancellationToken cancellationToken)
    {
        // Not prepared: a plan that was made while a table was small would be kept when it is large.
        await using var update = new NpgsqlBatch(connection) { BatchCommands = { Rows(Update, messages) } };
        await update.ExecuteNonQueryAsync(cancellationToken);
        await AddDaysAsync(connection, messages, cancellationToken);
    }

    // Counters that are being built count the messages that they have reached, beside those that are read.
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
