using System.Buffers.Binary;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Messages;
using Tracking.Management.Requests;

namespace Tracking.Management.Events;

/// <summary>The order of events.</summary>
internal enum EventOrder
{
    /// <summary>By time, the newest first.</summary>
    NewestFirst,

    /// <summary>By time, the oldest first.</summary>
    OldestFirst,

    /// <summary>In the order in which they were stored (<see cref="PollEvents"/>).</summary>
    Stored,
}

/// <summary>A validated selection of events and their order.</summary>
internal sealed record EventSelection
{
    /// <summary>The largest assumed difference between an event's time and the time in its id. The edge takes both
    /// together.</summary>
    public static readonly TimeSpan IdSlack = TimeSpan.FromMinutes(1);

    public required ClusterId Cluster { get; init; }

    public DateTimeOffset? From { get; init; }

    public DateTimeOffset? To { get; init; }

    public LinkKind[]? Kinds { get; init; }

    public MessageKey? Message { get; init; }

    public string? Recipient { get; init; }

    public LinkId? Link { get; init; }

    public short[]? Verdicts { get; init; }

    public HumanFilter Human { get; init; }

    public bool OldestFirst => Order == EventOrder.OldestFirst;

    public EventOrder Order { get; init; }

    /// <summary>The position to continue at in <see cref="EventOrder.Stored"/>; <see langword="null"/> for the first
    /// known event.</summary>
    public StoredPlace? AfterStored { get; init; }

    /// <summary>The last event of the previous page.</summary>
    public Guid? After { get; init; }

    /// <summary>Whether there are conditions without an index.</summary>
    public bool IsSearched =>
        Kinds is not null || Link is not null || Verdicts is not null || Human != HumanFilter.All;

    /// <summary>The conditions on <c>ingest.events e</c>.</summary>
    public SqlConditions Where() => Search(Range());

    /// <summary>The conditions that have an index.</summary>
    public SqlConditions Range()
    {
        var where = new SqlConditions().And("e.cluster_id = ?", Cluster.Value);
        if (From is { } from)
        {
            // The id leads to the right partitions and through the index. The exact time decides.
            where.And("e.id >= ? AND e.occurred_at >= ?", IdFloor(from - IdSlack), from);
        }

        if (To is { } to)
        {
            where.And("e.id < ? AND e.occurred_at < ?", IdFloor(to + IdSlack), to);
        }

        if (Message is { } message)
        {
            where.And("e.message_key = ?", message.ToBytes());
        }

        if (Recipient is not null)
        {
            // The recipient's messages are found by their index, then the events of each message. The recipients of all
            // events are not read.
            where.And(
                "e.message_key = ANY (ARRAY(SELECT r.message_key FROM rewrite.messages r WHERE r.cluster_id = ? AND "
                    + MessageResponse.IsRecipient("r") + "))",
                Cluster.Value, Recipient, Recipient);
        }

        if (After is { } after)
        {
            where.And(OldestFirst ? "e.id > ?" : "e.id < ?", after);
        }

        return where;
    }

    private SqlConditions Search(SqlConditions where)
    {
        if (Kinds is not null)
        {
            where.And("e.kind = ANY (?)", Kinds.Select(kind => (short)kind).ToArray());
        }

        if (Link is { } link)
        {
            where.And("e.link_id = ?", link.ToInt64());
        }

        if (Verdicts is not null)
        {
            where.And("e.verdict = ANY (?)", Verdicts);
        }

        if (Human != HumanFilter.All)
        {
            where.And("e.verdict = ANY (?)", EventWords.Numbers(Human));
        }

        return where;
    }

    /// <summary>The smallest UUIDv7 of a time.</summary>
    internal static Guid IdFloor(DateTimeOffset time)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        BinaryPrimitives.WriteInt64BigEndian(bytes, Math.Max(0, time.ToUnixTimeMilliseconds()) << 16);
        return new Guid(bytes, bigEndian: true);
    }
}

/// <summary>Selected events.</summary>
/// <param name="Events">The events.</param>
/// <param name="SearchedTo">The last compared event, if the search stopped before the end and before the count was
/// reached.</param>
internal sealed record SelectedEvents(List<EventResponse> Events, Guid? SearchedTo = null);

/// <summary>Reads selected events, one page at a time, so that an export with a slow client holds no
/// connection.</summary>
internal static class SelectEvents
{
    /// <summary>Reads the next <paramref name="count"/> events.</summary>
    /// <param name="dataSource">The database.</param>
    /// <param name="selection">The selection.</param>
    /// <param name="count">The largest number of events.</param>
    /// <param name="maxSearched">The largest number of events that are compared with conditions without an
    /// index.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<SelectedEvents> ReadAsync(
        ApiDataSource dataSource,
        EventSelection selection,
        int count,
        int maxSearched,
        CancellationToken cancellationToken)
    {
        var events = new List<EventResponse>(Math.Min(count, 1000));
        if (!selection.IsSearched)
        {
            await AddAsync(events, dataSource, selection, selection.Where(), count, cancellationToken);
            return new SelectedEvents(events);
        }

        for (var searched = 0; ;)
        {
            var end = await FindEndOfStepAsync(dataSource, selection, cancellationToken);
            var where = selection.Where();
            if (end is { } last)
            {
                where.And(selection.OldestFirst ? "e.id <= ?" : "e.id >= ?", last);
            }

            await AddAsync(events, dataSource, selection, where, count - events.Count, cancellationToken);
            searched += SearchSteps.Rows;
            if (end is null || events.Count == count)
            {
                return new SelectedEvents(events);
            }

            if (searched >= maxSearched)
            {
                return new SelectedEvents(events, end);
            }

            selection = selection with { After = end };
        }
    }

    private static async Task<Guid?> FindEndOfStepAsync(
        ApiDataSource dataSource, EventSelection selection, CancellationToken cancellationToken)
    {
        await using var command = selection.Range().Command(
            dataSource,
            $$"""
            SELECT e.id FROM ingest.events e
            WHERE {where}
            ORDER BY e.id {{Direction(selection)}}
            OFFSET {{SearchSteps.Rows - 1}} LIMIT 1
            """);
        return await command.ExecuteScalarAsync(cancellationToken) as Guid?;
    }

    private static async Task AddAsync(
        List<EventResponse> events,
        ApiDataSource dataSource,
        EventSelection selection,
        SqlConditions where,
        int count,
        CancellationToken cancellationToken)
    {
        // The limit is inside, so that the message and the link are looked up only for the events of the answer.
        await using var command = where.Command(
            dataSource,
            $$"""
            SELECT {{EventResponse.Columns}}
            FROM (SELECT * FROM ingest.events e WHERE {where} ORDER BY e.id {{Direction(selection)}} LIMIT {{count}}) e
            LEFT JOIN rewrite.messages m ON m.cluster_id = e.cluster_id AND m.message_key = e.message_key
            LEFT JOIN links.destinations d ON d.cluster_id = e.cluster_id AND d.link_id = e.link_id
            ORDER BY e.id {{Direction(selection)}}
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            events.Add(EventResponse.Read(reader));
        }
    }

    private static string Direction(EventSelection selection) => selection.OldestFirst ? "ASC" : "DESC";
}
