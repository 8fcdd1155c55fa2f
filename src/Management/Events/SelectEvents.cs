using System.Buffers.Binary;
using Npgsql;
using Tracking.Links;
using Tracking.Management.Requests;

namespace Tracking.Management.Events;

/// <summary>Which events, in which order: what a query asks for, validated.</summary>
internal sealed record EventSelection
{
    // An event's id and time are taken together by the edge; this much apart they still find each other.
    private static readonly TimeSpan _idSlack = TimeSpan.FromMinutes(1);

    public required ClusterId Cluster { get; init; }

    public DateTimeOffset? From { get; init; }

    public DateTimeOffset? To { get; init; }

    public LinkKind[]? Kinds { get; init; }

    public MessageKey? Message { get; init; }

    public string? Recipient { get; init; }

    public LinkId? Link { get; init; }

    public short[]? Verdicts { get; init; }

    public HumanFilter Human { get; init; }

    public bool OldestFirst { get; init; }

    /// <summary>The last event of the page before.</summary>
    public Guid? After { get; init; }

    /// <summary>The conditions on <c>ingest.events e</c> and <c>rewrite.messages m</c>.</summary>
    public SqlConditions Where()
    {
        var where = new SqlConditions().And("e.cluster_id = ?", Cluster.Value);
        if (From is { } from)
        {
            // The id leads to the right partitions and through the index; the time decides.
            where.And("e.id >= ? AND e.occurred_at >= ?", IdFloor(from - _idSlack), from);
        }

        if (To is { } to)
        {
            where.And("e.id < ? AND e.occurred_at < ?", IdFloor(to + _idSlack), to);
        }

        if (Kinds is not null)
        {
            where.And("e.kind = ANY (?)", Kinds.Select(kind => (short)kind).ToArray());
        }

        if (Message is { } message)
        {
            where.And("e.message_key = ?", message.ToBytes());
        }

        if (Recipient is not null)
        {
            where.And("lower(m.recipient) = lower(?)", Recipient);
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

        if (After is { } after)
        {
            where.And(OldestFirst ? "e.id > ?" : "e.id < ?", after);
        }

        return where;
    }

    /// <summary>The smallest UUIDv7 of a moment.</summary>
    internal static Guid IdFloor(DateTimeOffset time)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        BinaryPrimitives.WriteInt64BigEndian(bytes, Math.Max(0, time.ToUnixTimeMilliseconds()) << 16);
        return new Guid(bytes, bigEndian: true);
    }
}

/// <summary>Reads selected events, a page at a time, so that no export holds a connection while its client is
/// slow.</summary>
internal static class SelectEvents
{
    /// <summary>Reads the next <paramref name="count"/> events.</summary>
    public static async Task<List<EventResponse>> ReadAsync(
        NpgsqlDataSource dataSource, EventSelection selection, int count, CancellationToken cancellationToken)
    {
        var direction = selection.OldestFirst ? "ASC" : "DESC";
        await using var command = selection.Where().Command(
            dataSource,
            $$"""
            SELECT {{EventResponse.Columns}}
            FROM ingest.events e
            LEFT JOIN rewrite.messages m ON m.cluster_id = e.cluster_id AND m.message_key = e.message_key
            LEFT JOIN links.destinations d ON d.cluster_id = e.cluster_id AND d.link_id = e.link_id
            WHERE {where}
            ORDER BY e.id {{direction}}
            LIMIT {{count}}
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var events = new List<EventResponse>(Math.Min(count, 1000));
        while (await reader.ReadAsync(cancellationToken))
        {
            events.Add(EventResponse.Read(reader));
        }

        return events;
    }
}
