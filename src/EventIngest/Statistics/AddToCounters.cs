using System.Runtime.InteropServices;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>
/// Adds up the changes that a batch, or a part of a rebuild, makes to the counters, and writes them to
/// <c>ingest.count_changes</c>. There, no transaction waits for a row that another transaction changes.
/// <see cref="MergeChanges"/> merges the changes of many batches into <c>ingest.counts</c>.
/// </summary>
internal sealed class AddToCounters
{
    private const string Insert =
        """
        INSERT INTO ingest.count_changes (cluster_id, generation, dimension, bucket, key, clicks_people,
            clicks_machines, opens_people, opens_machines, others, first_clicks_people, first_clicks_machines,
            first_clicks, first_opens_people, first_opens_machines, first_opens, openers)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        """;

    private readonly Dictionary<int, Dictionary<CountKey, Counts>> _clusters = [];
    private int _lastCluster;
    private Dictionary<CountKey, Counts>? _last;

    /// <summary>Counts an event, or subtracts it before it is counted differently.</summary>
    /// <param name="counted">The event.</param>
    /// <param name="message">Its message.</param>
    /// <param name="number">1 to add, -1 to subtract.</param>
    public void AddEvent(in CountedEvent counted, MessageAttributes message, int number = 1)
    {
        var counts = Of(counted.Cluster);
        var bucket = BucketOf(counted.TimeMicros);
        AddEvent(counts, counted, number, new(CountDimension.Total, bucket, 0, ""));
        if (counted.Kind > LinkKind.Open)
        {
            return;
        }

        if (counted.Kind == LinkKind.Click)
        {
            AddEvent(counts, counted, number, new(CountDimension.Link, bucket, counted.Link, ""));
            if (message.PlaceOf(counted.Ordinal) is { } place)
            {
                AddEvent(counts, counted, number, new(CountDimension.Position, bucket, place, ""));
            }
        }

        AddEvent(counts, counted, number, new(CountDimension.Client, bucket, 0, counted.Client));
        AddEvent(counts, counted, number, new(CountDimension.RecipientDomain, bucket, 0, message.RecipientDomain));
        AddEvent(counts, counted, number, new(CountDimension.Host, bucket, 0, message.Host));
        foreach (var tag in message.Tags)
        {
            AddEvent(counts, counted, number, new(CountDimension.Tag, bucket, 0, tag));
        }
    }

    /// <summary>Moves the first moments of a message: the old moments are subtracted, the new moments are
    /// added.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="before">The first moments as they are counted.</param>
    /// <param name="after">The first moments as they must be counted.</param>
    /// <param name="message">The message.</param>
    public void MoveFirsts(int cluster, FirstMoments? before, FirstMoments? after, MessageAttributes message)
    {
        var counts = Of(cluster);
        foreach (var kind in (ReadOnlySpan<LinkKind>)[LinkKind.Click, LinkKind.Open])
        {
            Move(counts, kind, Firsts.Of(before, kind), Firsts.Of(after, kind), message);
        }

        MovePlaces(counts, before?.Places ?? [], after?.Places ?? [], message);
    }

    /// <summary>Writes the changes, one row for each cluster.</summary>
    /// <param name="connection">A connection in the transaction that stores the events.</param>
    /// <param name="generationOf">The generation of a cluster's counters to which the changes belong.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task WriteAsync(
        NpgsqlConnection connection, Func<int, int> generationOf, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var (cluster, counts) in _clusters)
        {
            var columns = new Columns(counts);
            if (columns.Length > 0)
            {
                batch.BatchCommands.Add(columns.ToCommand(cluster, generationOf(cluster)));
            }
        }

        if (batch.BatchCommands.Count > 0)
        {
            await batch.PrepareAsync(cancellationToken);
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static int BucketOf(long micros) => (int)(micros / CountBucket.Micros);

    // Consecutive events mostly belong to the same cluster.
    private Dictionary<CountKey, Counts> Of(int cluster)
    {
        if (_last is null || _lastCluster != cluster)
        {
            ref var counts = ref CollectionsMarshal.GetValueRefOrAddDefault(_clusters, cluster, out _);
            (_lastCluster, _last) = (cluster, counts ??= []);
        }

        return _last;
    }

    private static void AddEvent(
        Dictionary<CountKey, Counts> counts, in CountedEvent counted, int number, in CountKey key) =>
        CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _)
            .AddEvent(counted.Kind, counted.IsMachine, number);

    private static void AddFirst(
        Dictionary<CountKey, Counts> counts, LinkKind kind, Who who, int number, in CountKey key) =>
        CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _).AddFirst(kind, who, number);

    private static void Move(
        Dictionary<CountKey, Counts> counts,
        LinkKind kind,
        in Firsts from,
        in Firsts to,
        MessageAttributes message)
    {
        if (from == to)
        {
            return;
        }

        AddFirsts(counts, kind, from, -1, message);
        AddFirsts(counts, kind, to, 1, message);
    }

    // The earlier of the two first moments is also the first moment of anybody. Both are added in one step.
    private static void AddFirsts(
        Dictionary<CountKey, Counts> counts,
        LinkKind kind,
        in Firsts firsts,
        int number,
        MessageAttributes message)
    {
        var isPeoples = FirstMoment.Earlier(firsts.People, firsts.Machines) == firsts.People;
        var people = Who.People | (isPeoples ? Who.Anybody : Who.None) | (firsts.IsOpener ? Who.Opener : Who.None);
        AddFirst(counts, kind, people, firsts.People, number, message);
        AddFirst(counts, kind, Who.Machines | (isPeoples ? Who.None : Who.Anybody), firsts.Machines, number, message);
    }

    private static void AddFirst(
        Dictionary<CountKey, Counts> counts, LinkKind kind, Who who, in FirstMoment moment, int number,
        MessageAttributes message)
    {
        if (!moment.Exists)
        {
            return;
        }

        var bucket = BucketOf(moment.Micros);
        AddFirst(counts, kind, who, number, new(CountDimension.Total, bucket, 0, ""));
        AddFirst(counts, kind, who, number, new(CountDimension.Client, bucket, 0, moment.Client));
        AddFirst(counts, kind, who, number, new(CountDimension.RecipientDomain, bucket, 0, message.RecipientDomain));
        AddFirst(counts, kind, who, number, new(CountDimension.Host, bucket, 0, message.Host));
        foreach (var tag in message.Tags)
        {
            AddFirst(counts, kind, who, number, new(CountDimension.Tag, bucket, 0, tag));
        }
    }

    // A link may have several places in its message and counts once. A place counts by itself.
    private static void MovePlaces(
        Dictionary<CountKey, Counts> counts,
        IReadOnlyList<PlaceFirsts> before,
        IReadOnlyList<PlaceFirsts> after,
        MessageAttributes message)
    {
        AddPlaces(counts, before, -1, message);
        AddPlaces(counts, after, 1, message);
    }

    private static void AddPlaces(
        Dictionary<CountKey, Counts> counts, IReadOnlyList<PlaceFirsts> places, int number, MessageAttributes message)
    {
        for (var index = 0; index < places.Count; index++)
        {
            var place = places[index];
            if (message.PlaceOf(place.Ordinal) is { } position)
            {
                AddPlace(counts, CountDimension.Position, position, place.People, place.Machines, number);
            }
        }

        if (places.Count == 1)
        {
            AddPlace(counts, CountDimension.Link, places[0].Link, places[0].People, places[0].Machines, number);
            return;
        }

        foreach (var (link, (people, machines)) in ByLink(places))
        {
            AddPlace(counts, CountDimension.Link, link, people, machines, number);
        }
    }

    private static Dictionary<ulong, (long People, long Machines)> ByLink(IReadOnlyList<PlaceFirsts> places)
    {
        var links = new Dictionary<ulong, (long People, long Machines)>(places.Count);
        foreach (var place in places)
        {
            ref var link = ref CollectionsMarshal.GetValueRefOrAddDefault(links, place.Link, out var isThere);
            link = isThere
                ? (Math.Min(link.People, place.People), Math.Min(link.Machines, place.Machines))
                : (place.People, place.Machines);
        }

        return links;
    }

    private static void AddPlace(
        Dictionary<CountKey, Counts> counts, CountDimension dimension, ulong key, long people, long machines,
        int number)
    {
        var isPeoples = people <= machines;
        AddPlace(counts, dimension, key, Who.People | (isPeoples ? Who.Anybody : Who.None), people, number);
        AddPlace(counts, dimension, key, Who.Machines | (isPeoples ? Who.None : Who.Anybody), machines, number);
    }

    private static void AddPlace(
        Dictionary<CountKey, Counts> counts, CountDimension dimension, ulong key, Who who, long moment, int number)
    {
        if (moment != FirstMoment.Never)
        {
            AddFirst(counts, LinkKind.Click, who, number, new(dimension, BucketOf(moment), key, ""));
        }
    }

    /// <summary>The firsts of one kind.</summary>
    /// <param name="People">By a person.</param>
    /// <param name="Machines">By a recognised machine.</param>
    /// <param name="IsOpener">Whether that person's is the first of clicks and opens together; of two that are the same
    /// the click.</param>
    private readonly record struct Firsts(FirstMoment People, FirstMoment Machines, bool IsOpener)
    {
        public static Firsts Of(FirstMoments? firsts, LinkKind kind)
        {
            if (firsts is null)
            {
                return new(FirstMoment.None, FirstMoment.None, false);
            }

            var people = firsts.Of(kind, machines: false);
            return new(
                people, firsts.Of(kind, machines: true),
                people.Exists && people == firsts.Opener
                    && (kind == LinkKind.Click || people != firsts.Of(LinkKind.Click, machines: false)));
        }
    }

    /// <summary>The changes of a cluster as parameters of the statement: an array for each column.</summary>
    private sealed class Columns
    {
        private readonly short[] _dimension;
        private readonly int[] _bucket;
        private readonly string[] _key;
        private readonly int[][] _counts;

        public Columns(Dictionary<CountKey, Counts> counts)
        {
            foreach (var change in counts.Values)
            {
                Length += change.IsNothing ? 0 : 1;
            }

            (_dimension, _bucket, _key) = (new short[Length], new int[Length], new string[Length]);
            _counts = new int[12][];
            for (var column = 0; column < _counts.Length; column++)
            {
                _counts[column] = new int[Length];
            }

            var row = 0;
            foreach (var (key, change) in counts)
            {
                if (!change.IsNothing)
                {
                    (_dimension[row], _bucket[row], _key[row]) = ((short)key.Dimension, key.Bucket, key.Key);
                    Write(change, row++);
                }
            }
        }

        public int Length { get; }

        public NpgsqlBatchCommand ToCommand(int cluster, int generation)
        {
            var command = new NpgsqlBatchCommand(Insert)
            {
                Parameters =
                {
                    new NpgsqlParameter<int> { TypedValue = cluster },
                    new NpgsqlParameter<int> { TypedValue = generation },
                    new NpgsqlParameter<short[]> { TypedValue = _dimension },
                    new NpgsqlParameter<int[]> { TypedValue = _bucket },
                    new NpgsqlParameter<string[]> { TypedValue = _key },
                },
            };
            foreach (var column in _counts)
            {
                command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = column });
            }

            return command;
        }

        private void Write(in Counts change, int row)
        {
            _counts[0][row] = change.ClicksPeople;
            _counts[1][row] = change.ClicksMachines;
            _counts[2][row] = change.OpensPeople;
            _counts[3][row] = change.OpensMachines;
            _counts[4][row] = change.Others;
            _counts[5][row] = change.FirstClicksPeople;
            _counts[6][row] = change.FirstClicksMachines;
            _counts[7][row] = change.FirstClicks;
            _counts[8][row] = change.FirstOpensPeople;
            _counts[9][row] = change.FirstOpensMachines;
            _counts[10][row] = change.FirstOpens;
            _counts[11][row] = change.Openers;
        }
    }
}
