using System.Runtime.InteropServices;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>
/// Adds up what a batch, or a part of a rebuild, changes in the counters, and writes it to <c>ingest.count_changes</c>:
/// nobody waits there for a row that somebody else counts up. <see cref="MergeChanges"/> brings it into
/// <c>ingest.counts</c>, that of many batches at once.
/// </summary>
internal sealed class AddToCounters
{
    private const string Insert =
        """
        INSERT INTO ingest.count_changes (cluster_id, generation, dimension, bucket, key, clicks_people,
            clicks_machines, opens_people, opens_machines, others, first_clicks_people, first_clicks_machines,
            first_clicks, first_opens_people, first_opens_machines, first_opens)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        """;

    private readonly Dictionary<CountKey, Counts> _counts = [];

    /// <summary>What is added, by key.</summary>
    public IReadOnlyDictionary<CountKey, Counts> All => _counts;

    /// <summary>Counts an event.</summary>
    public void AddEvent(int generation, in CountedEvent counted, MessageAttributes message)
    {
        var bucket = BucketOf(counted.TimeMicros);
        At(new(counted.Cluster, generation, CountDimension.Total, bucket, 0, ""))
            .AddEvent(counted.Kind, counted.IsMachine);
        if (counted.Kind > LinkKind.Open)
        {
            return;
        }

        if (counted.Kind == LinkKind.Click)
        {
            AddEvent(generation, counted, bucket, CountDimension.Link, counted.Link, "");
            if (message.PlaceOf(counted.Ordinal) is { } place)
            {
                AddEvent(generation, counted, bucket, CountDimension.Position, place, "");
            }
        }

        AddEvent(generation, counted, bucket, CountDimension.Client, 0, counted.Client);
        AddEvent(generation, counted, bucket, CountDimension.RecipientDomain, 0, message.RecipientDomain);
        AddEvent(generation, counted, bucket, CountDimension.Host, 0, message.Host);
        foreach (var tag in message.Tags)
        {
            AddEvent(generation, counted, bucket, CountDimension.Tag, 0, tag);
        }
    }

    /// <summary>Takes away what others have counted: where it is counted anew, differently.</summary>
    public void TakeAway(AddToCounters other)
    {
        foreach (var (key, counts) in other._counts)
        {
            At(key).TakeAway(counts);
        }
    }

    /// <summary>Moves a message's firsts: those that are not any more are taken away where they were.</summary>
    /// <param name="generation">The counters.</param>
    /// <param name="cluster">The cluster.</param>
    /// <param name="before">As they were counted.</param>
    /// <param name="after">As they are to be counted.</param>
    /// <param name="message">The message.</param>
    public void MoveFirsts(
        int generation, int cluster, FirstMoments? before, FirstMoments after, MessageAttributes message)
    {
        foreach (var kind in (ReadOnlySpan<LinkKind>)[LinkKind.Click, LinkKind.Open])
        {
            var (oldPeople, oldMachines) = (Of(before, kind, false), Of(before, kind, true));
            var (people, machines) = (after.Of(kind, false), after.Of(kind, true));
            Move(generation, cluster, kind, Who.People, oldPeople, people, message);
            Move(generation, cluster, kind, Who.Machines, oldMachines, machines, message);
            Move(
                generation, cluster, kind, Who.Anybody, FirstMoment.Earlier(oldPeople, oldMachines),
                FirstMoment.Earlier(people, machines), message);
        }

        if (after.Places.Count > 0)
        {
            MovePlaces(generation, cluster, before?.Places ?? [], after.Places, message);
        }
    }

    /// <summary>Writes the changes of these events: a row for each cluster.</summary>
    public async Task WriteAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var cluster in _counts
            .Where(row => !row.Value.IsNothing).GroupBy(row => (row.Key.Cluster, row.Key.Generation)))
        {
            batch.BatchCommands.Add(ToCommand(cluster.Key.Cluster, cluster.Key.Generation, [.. cluster]));
        }

        if (batch.BatchCommands.Count > 0)
        {
            await batch.PrepareAsync(cancellationToken);
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static NpgsqlBatchCommand ToCommand(int cluster, int generation, KeyValuePair<CountKey, Counts>[] rows) =>
        new(Insert)
        {
            Parameters =
            {
                new NpgsqlParameter<int> { TypedValue = cluster },
                new NpgsqlParameter<int> { TypedValue = generation },
                new NpgsqlParameter<short[]> { TypedValue = Array.ConvertAll(rows, row => (short)row.Key.Dimension) },
                Numbers(rows, row => row.Key.Bucket),
                new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(rows, row => row.Key.Key) },
                Numbers(rows, row => row.Value.ClicksPeople),
                Numbers(rows, row => row.Value.ClicksMachines),
                Numbers(rows, row => row.Value.OpensPeople),
                Numbers(rows, row => row.Value.OpensMachines),
                Numbers(rows, row => row.Value.Others),
                Numbers(rows, row => row.Value.FirstClicksPeople),
                Numbers(rows, row => row.Value.FirstClicksMachines),
                Numbers(rows, row => row.Value.FirstClicks),
                Numbers(rows, row => row.Value.FirstOpensPeople),
                Numbers(rows, row => row.Value.FirstOpensMachines),
                Numbers(rows, row => row.Value.FirstOpens),
            },
        };

    private static FirstMoment Of(FirstMoments? firsts, LinkKind kind, bool machines) =>
        firsts?.Of(kind, machines) ?? FirstMoment.None;

    private static int BucketOf(long micros) => (int)(micros / CountBucket.Micros);

    private ref Counts At(in CountKey key) => ref CollectionsMarshal.GetValueRefOrAddDefault(_counts, key, out _);

    private void AddEvent(
        int generation, in CountedEvent counted, int bucket, CountDimension dimension, ulong number, string text)
    {
        At(new(counted.Cluster, generation, dimension, bucket, number, text)).AddEvent(counted.Kind, counted.IsMachine);
    }

    private void Move(
        int generation, int cluster, LinkKind kind, Who who, in FirstMoment from, in FirstMoment to,
        MessageAttributes message)
    {
        if (from != to)
        {
            AddFirst(generation, cluster, kind, who, from, -1, message);
            AddFirst(generation, cluster, kind, who, to, 1, message);
        }
    }

    private void AddFirst(
        int generation, int cluster, LinkKind kind, Who who, in FirstMoment moment, int number,
        MessageAttributes message)
    {
        if (!moment.Exists)
        {
            return;
        }

        var bucket = BucketOf(moment.Micros);
        At(new(cluster, generation, CountDimension.Total, bucket, 0, "")).AddFirst(kind, who, number);
        AddFirst(generation, cluster, CountDimension.Client, bucket, 0, moment.Client, kind, who, number);
        AddFirst(
            generation, cluster, CountDimension.RecipientDomain, bucket, 0, message.RecipientDomain, kind, who, number);
        AddFirst(generation, cluster, CountDimension.Host, bucket, 0, message.Host, kind, who, number);
        foreach (var tag in message.Tags)
        {
            AddFirst(generation, cluster, CountDimension.Tag, bucket, 0, tag, kind, who, number);
        }
    }

    // A link may stand at several places of its message and counts once in it; a place counts by itself.
    private void MovePlaces(
        int generation, int cluster, IReadOnlyList<PlaceFirsts> before, IReadOnlyList<PlaceFirsts> after,
        MessageAttributes message)
    {
        var old = before.ToDictionary(place => (place.Ordinal, place.Link));
        foreach (var place in after)
        {
            var was = old.GetValueOrDefault(
                (place.Ordinal, place.Link), place with { People = FirstMoment.Never, Machines = FirstMoment.Never });
            if (was != place && message.PlaceOf(place.Ordinal) is { } number)
            {
                MoveNumber(generation, cluster, CountDimension.Position, number, was, place);
            }
        }

        foreach (var (link, place) in ByLink(after))
        {
            var was = before.Where(known => known.Link == link).Aggregate(
                place with { People = FirstMoment.Never, Machines = FirstMoment.Never }, Earlier);
            MoveNumber(generation, cluster, CountDimension.Link, link, was, place);
        }
    }

    private static Dictionary<ulong, PlaceFirsts> ByLink(IReadOnlyList<PlaceFirsts> places)
    {
        var links = new Dictionary<ulong, PlaceFirsts>(places.Count);
        foreach (var place in places)
        {
            ref var link = ref CollectionsMarshal.GetValueRefOrAddDefault(links, place.Link, out var isThere);
            link = isThere ? Earlier(link, place) : place;
        }

        return links;
    }

    private static PlaceFirsts Earlier(PlaceFirsts one, PlaceFirsts other) => one with
    {
        People = Math.Min(one.People, other.People),
        Machines = Math.Min(one.Machines, other.Machines),
    };

    private void MoveNumber(
        int generation, int cluster, CountDimension dimension, ulong number, in PlaceFirsts was, in PlaceFirsts now)
    {
        MoveMoment(generation, cluster, dimension, number, Who.People, was.People, now.People);
        MoveMoment(generation, cluster, dimension, number, Who.Machines, was.Machines, now.Machines);
        MoveMoment(
            generation, cluster, dimension, number, Who.Anybody, Math.Min(was.People, was.Machines),
            Math.Min(now.People, now.Machines));
    }

    private void MoveMoment(
        int generation, int cluster, CountDimension dimension, ulong number, Who who, long from, long to)
    {
        if (from == to)
        {
            return;
        }

        if (from != FirstMoment.Never)
        {
            AddFirst(generation, cluster, dimension, BucketOf(from), number, "", LinkKind.Click, who, -1);
        }

        if (to != FirstMoment.Never)
        {
            AddFirst(generation, cluster, dimension, BucketOf(to), number, "", LinkKind.Click, who, 1);
        }
    }

    private void AddFirst(
        int generation, int cluster, CountDimension dimension, int bucket, ulong number, string text, LinkKind kind,
        Who who, int added)
    {
        At(new(cluster, generation, dimension, bucket, number, text)).AddFirst(kind, who, added);
    }

    private static NpgsqlParameter<int[]> Numbers(
        KeyValuePair<CountKey, Counts>[] rows, Converter<KeyValuePair<CountKey, Counts>, int> number) =>
        new() { TypedValue = Array.ConvertAll(rows, number) };
}
