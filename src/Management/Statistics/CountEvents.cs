using System.Globalization;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Events;

namespace Tracking.Management.Statistics;

/// <summary>Counts events by a grouping.</summary>
internal static class CountEvents
{
    // Clicks and opens; images and honeypot hits are listed as events but are neither.
    private const string Counts =
        """
        count(*) FILTER (WHERE e.kind = 0),
        count(*) FILTER (WHERE e.kind = 1),
        count(DISTINCT e.message_key) FILTER (WHERE e.kind = 0),
        count(DISTINCT e.message_key) FILTER (WHERE e.kind = 1)
        """;

    /// <summary>At most <paramref name="limit"/> rows.</summary>
    public static async Task<List<StatisticsRow>> ReadAsync(
        ApiDataSource dataSource,
        Grouping grouping,
        EventSelection selection,
        int limit,
        CancellationToken cancellationToken)
    {
        if (grouping == Grouping.Position)
        {
            return await ReadPositionsAsync(dataSource, selection, limit, cancellationToken);
        }

        var rows = await ReadRowsAsync(dataSource, grouping, selection, limit, cancellationToken);
        if (grouping != Grouping.Day && grouping != Grouping.Total)
        {
            return rows;
        }

        var messages = await CountMessagesAsync(dataSource, grouping, selection, cancellationToken);
        var counted = rows.ToDictionary(row => row.Key ?? "");
        return [.. counted.Keys.Union(messages.Keys).Order(StringComparer.Ordinal).Take(limit)
            .Select(key => counted.GetValueOrDefault(key, new StatisticsRow(key, 0, 0, 0, 0)) with
            {
                Messages = messages.GetValueOrDefault(key),
            })];
    }

    private static async Task<List<StatisticsRow>> ReadRowsAsync(
        ApiDataSource dataSource,
        Grouping grouping,
        EventSelection selection,
        int limit,
        CancellationToken cancellationToken)
    {
        var order = grouping.ByTime ? "1" : "3 DESC, 4 DESC, 1";
        await using var command = selection.Where().And("e.kind IN (0, 1)").Command(
            dataSource,
            $$"""
            SELECT {{grouping.Key}}, {{grouping.Label}}, {{Counts}}
            FROM ingest.events e
            {{grouping.Join}}
            WHERE {where}
            GROUP BY 1
            ORDER BY {{order}}
            LIMIT {{limit}}
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<StatisticsRow>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new StatisticsRow(
                reader.IsDBNull(0) ? null : reader.GetString(0),
                reader.GetInt64(2), reader.GetInt64(3), reader.GetInt64(4), reader.GetInt64(5))
            {
                Label = reader.IsDBNull(1) ? null : ShownUrl.Mask(reader.GetString(1)),
            });
        }

        return rows;
    }

    private static async Task<Dictionary<string, long>> CountMessagesAsync(
        ApiDataSource dataSource, Grouping grouping, EventSelection selection, CancellationToken cancellationToken)
    {
        var key = grouping == Grouping.Day ? "to_char(registered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')" : "''";
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT {key}, count(*) FROM rewrite.messages
            WHERE cluster_id = $1 AND registered_at >= $2 AND registered_at < $3
            GROUP BY 1
            """);
        command.Parameters.Add(new() { Value = selection.Cluster.Value });
        command.Parameters.Add(new() { Value = selection.From!.Value });
        command.Parameters.Add(new() { Value = selection.To!.Value });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var messages = new Dictionary<string, long>(StringComparer.Ordinal);
        while (await reader.ReadAsync(cancellationToken))
        {
            messages.Add(reader.GetString(0), reader.GetInt64(1));
        }

        if (grouping == Grouping.Total)
        {
            messages.TryAdd("", 0);
        }

        return messages;
    }

    /// <summary>
    /// Only the packed link map knows a link's place. The messages of a campaign share the same map, so grouping by map
    /// and ordinal leaves few rows; within a map each ordinal is one place and a message has one map, so adding up
    /// distinct messages over maps counts none twice.
    /// </summary>
    private static async Task<List<StatisticsRow>> ReadPositionsAsync(
        ApiDataSource dataSource, EventSelection selection, int limit, CancellationToken cancellationToken)
    {
        await using var command = selection.Where().And("e.kind = 0").Command(
            dataSource,
            """
            SELECT m.link_map, e.ordinal, count(*), count(DISTINCT e.message_key)
            FROM ingest.events e
            JOIN rewrite.messages m ON m.cluster_id = e.cluster_id AND m.message_key = e.message_key
            WHERE {where}
            GROUP BY 1, 2
            ORDER BY 1
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var counts = new Dictionary<(int Part, int Position), (long Clicks, long Unique)>();
        byte[] map = [];
        IReadOnlyList<LinkPlace> places = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            var next = reader.GetFieldValue<byte[]>(0);
            if (!next.AsSpan().SequenceEqual(map))
            {
                map = next;
                places = LinkMap.Read(map);
            }

            var ordinal = reader.GetInt16(1);
            if (ordinal < places.Count)
            {
                var place = (places[ordinal].Part, places[ordinal].Position);
                var (clicks, unique) = counts.GetValueOrDefault(place);
                counts[place] = (clicks + reader.GetInt64(2), unique + reader.GetInt64(3));
            }
        }

        return [.. counts
            .OrderByDescending(entry => entry.Value.Clicks).ThenBy(entry => entry.Key)
            .Take(limit)
            .Select(entry => new StatisticsRow(
                string.Create(CultureInfo.InvariantCulture, $"{entry.Key.Part}.{entry.Key.Position}"),
                entry.Value.Clicks, 0, entry.Value.Unique, 0))];
    }
}
