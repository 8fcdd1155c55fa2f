using Npgsql;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Requests;

namespace Tracking.Management.Events;

/// <summary>A position in the storage order of events.</summary>
/// <param name="Position">The number of the row of <c>ingest.stored_events</c>; 0 before the first row.</param>
/// <param name="Row">The row's id. After a backup was restored, another row may have the same number.</param>
/// <param name="Read">How many events of the row were read.</param>
internal readonly record struct StoredPlace(long Position, Guid Row, int Read);

/// <summary>
/// Reads events in the order in which they were stored, for programs that cannot receive webhooks. This order skips
/// nothing: for each batch and cluster, ingest writes a row without a number. A reader numbers the committed rows, one
/// reader at a time (under a lock of the cluster that is held until the numbers are committed). So a row that is
/// committed later gets a higher number, no matter when its events happened.
/// </summary>
internal static class PollEvents
{
    private const string Number =
        """
        WITH waiting AS MATERIALIZED (
            SELECT id, row_number() OVER (ORDER BY stored_at, id) AS n FROM ingest.stored_events
            WHERE cluster_id = $1 AND position IS NULL
        )
        UPDATE ingest.stored_events s
        SET position = n + (SELECT coalesce(max(position), 0) FROM ingest.stored_events WHERE cluster_id = $1)
        FROM waiting
        WHERE s.cluster_id = $1 AND s.id = waiting.id
        """;

    private const string Lock = "SELECT pg_advisory_xact_lock(hashtext('tracking.stored_events'), $1)";

    private const string AreWaiting =
        "SELECT EXISTS (SELECT FROM ingest.stored_events WHERE cluster_id = $1 AND position IS NULL)";

    private const string SelectLast =
        """
        SELECT position, id, cardinality(event_ids) FROM ingest.stored_events
        WHERE cluster_id = $1 AND position IS NOT NULL ORDER BY position DESC LIMIT 1
        """;

    // Begins with the row of the position itself. If this row still exists, nothing after it is missing.
    private const string SelectRows =
        """
        SELECT position, id, event_ids[CASE WHEN position = $2 THEN $3 + 1 ELSE 1 END : ]
        FROM ingest.stored_events
        WHERE cluster_id = $1 AND position >= $2
        ORDER BY position
        LIMIT $4
        """;

    // A row has the events of one or two batches. This number is enough for a page, and needs little memory.
    private const int RowsAtOnce = 20;

    /// <summary>The position after all events that are stored now.</summary>
    public static async Task<StoredPlace> EndAsync(
        ApiDataSource dataSource, ClusterId cluster, CancellationToken cancellationToken)
    {
        await NumberAsync(dataSource, cluster, cancellationToken);
        await using var command = dataSource.CreateCommand(SelectLast);
        command.Parameters.Add(new() { Value = cluster.Value });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new StoredPlace(reader.GetInt64(0), reader.GetGuid(1), reader.GetInt32(2))
            : default;
    }

    /// <summary>Reads a page.</summary>
    /// <param name="dataSource">The database.</param>
    /// <param name="selection">The conditions, without an order and without a range by id.</param>
    /// <param name="after">The position to continue at; <see langword="null"/> for the first known event.</param>
    /// <param name="limit">The largest number of events.</param>
    /// <param name="maxSearched">The largest number of events that are compared with the conditions.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns><see langword="null"/> if the position is no longer known: it is too old, or a backup was
    /// restored.</returns>
    public static async Task<Page<EventResponse>?> ReadAsync(
        ApiDataSource dataSource,
        EventSelection selection,
        StoredPlace? after,
        int limit,
        int maxSearched,
        CancellationToken cancellationToken)
    {
        await NumberAsync(dataSource, selection.Cluster, cancellationToken);
        var events = new List<EventResponse>();
        var place = after ?? default;
        for (var searched = 0; ;)
        {
            var rows = await ReadRowsAsync(dataSource, selection.Cluster, place, cancellationToken);
            if (after is not null && !Continues(rows, place))
            {
                return null;
            }

            var wanted = rows
                .SelectMany(row => row.Events.Select((id, index) => (
                    Id: id,
                    Place: new StoredPlace(
                        row.Position, row.Row, index + 1 + (row.Position == place.Position ? place.Read : 0)))))
                .Take(Math.Max(limit - events.Count, ReadQuery.MaxLimit))
                .ToList();
            var found = await FindAsync(dataSource, selection, [.. wanted.Select(one => one.Id)], cancellationToken);
            foreach (var (id, next) in wanted)
            {
                if (found.TryGetValue(id, out var tracked))
                {
                    if (events.Count == limit)
                    {
                        return Page(partial: false);
                    }

                    events.Add(tracked);
                }

                place = next;
            }

            searched += wanted.Count;
            if (wanted.Count == 0 || events.Count == limit || searched >= maxSearched)
            {
                return Page(partial: wanted.Count != 0 && events.Count < limit);
            }
        }

        Page<EventResponse> Page(bool partial) =>
            new(events, Cursor.OfStored(place)) { Partial = partial };
    }

    // Whether no row between the position and the first row can be missing.
    private static bool Continues(List<(long Position, Guid Row, Guid[] Events)> rows, StoredPlace place) =>
        place.Position == 0
            ? rows.Count == 0 || rows[0].Position == 1
            : rows.Count != 0 && rows[0].Row == place.Row;

    private static async Task NumberAsync(
        ApiDataSource dataSource, ClusterId cluster, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var ask = Command(AreWaiting);
        if (await ask.ExecuteScalarAsync(cancellationToken) is not true)
        {
            return;
        }

        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var wait = Command(Lock))
        {
            await wait.ExecuteNonQueryAsync(cancellationToken);
        }

        // A separate statement, so it sees the numbers that the previous reader has committed.
        await using (var number = Command(Number))
        {
            await number.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);

        NpgsqlCommand Command(string sql) => new(sql, connection)
        {
            Parameters =
            {
                new() { Value = cluster.Value },
            },
        };
    }

    private static async Task<List<(long Position, Guid Row, Guid[] Events)>> ReadRowsAsync(
        ApiDataSource dataSource, ClusterId cluster, StoredPlace place, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(SelectRows);
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new() { Value = place.Position });
        command.Parameters.Add(new() { Value = place.Read });
        command.Parameters.Add(new() { Value = RowsAtOnce });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<(long Position, Guid Row, Guid[] Events)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add((reader.GetInt64(0), reader.GetGuid(1), reader.GetFieldValue<Guid[]>(2)));
        }

        return rows;
    }

    private static async Task<Dictionary<Guid, EventResponse>> FindAsync(
        ApiDataSource dataSource, EventSelection selection, Guid[] ids, CancellationToken cancellationToken)
    {
        var found = new Dictionary<Guid, EventResponse>();
        if (ids.Length == 0)
        {
            return found;
        }

        // The bounds exclude every partition that cannot have these ids.
        var where = selection.Where().And("e.id = ANY (?) AND e.id BETWEEN ? AND ?", ids, ids.Min(), ids.Max());
        await using var command = where.Command(
            dataSource,
            $$"""
            SELECT {{EventResponse.Columns}}
            FROM ingest.events e
            LEFT JOIN rewrite.messages m ON m.cluster_id = e.cluster_id AND m.message_key = e.message_key
            LEFT JOIN links.destinations d ON d.cluster_id = e.cluster_id AND d.link_id = e.link_id
            WHERE {where}
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var tracked = EventResponse.Read(reader);
            found.Add(tracked.Id, tracked);
        }

        return found;
    }
}
