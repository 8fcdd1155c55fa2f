using System.Globalization;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Statistics;

/// <summary>Counts events by a grouping, from counters.</summary>
internal static class CountEvents
{
    /// <summary>At most <paramref name="limit"/> rows.</summary>
    /// <param name="dataSource">The database.</param>
    /// <param name="grouping">Any but <see cref="Grouping.Message"/>.</param>
    /// <param name="selection">What.</param>
    /// <param name="limit">Rows at most.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<List<StatisticsRow>> ReadAsync(
        ApiDataSource dataSource,
        Grouping grouping,
        CountSelection selection,
        int limit,
        CancellationToken cancellationToken)
    {
        var rows = await ReadRowsAsync(dataSource, grouping, selection, limit, cancellationToken);
        if (grouping != Grouping.Day && grouping != Grouping.Total)
        {
            return rows;
        }

        var messages = await CountMessagesAsync(dataSource, grouping, selection, cancellationToken);
        var counted = rows.ToDictionary(row => row.Key ?? "");
        return [.. counted.Keys.Union(messages.Keys).Order(StringComparer.Ordinal).Take(limit)
            .Select(key => counted.GetValueOrDefault(
                key, new StatisticsRow(key.Length == 0 ? null : key, 0, 0, 0, 0)) with
            {
                Messages = messages.GetValueOrDefault(key),
            })];
    }

    /// <summary>Everything of a range.</summary>
    public static async Task<StatisticsTotals> TotalAsync(
        ApiDataSource dataSource, CountSelection selection, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"SELECT {CountedColumns.Sums(selection.Human)} FROM {selection.Range.Source(CountDimension.Total)}");
        command.Parameters.Add(new() { Value = selection.Cluster.Value });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new StatisticsTotals(reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3));
    }

    // What a key of few rows leads to is looked up for those that are answered only.
    private static async Task<List<StatisticsRow>> ReadRowsAsync(
        ApiDataSource dataSource,
        Grouping grouping,
        CountSelection selection,
        int limit,
        CancellationToken cancellationToken)
    {
        var order = grouping.ByTime ? "key"
            : grouping == Grouping.Position
                ? "clicks DESC, split_part(key, '.', 1)::bigint, split_part(key, '.', 2)::bigint"
                : "clicks DESC, opens DESC, key";
        await using var command = dataSource.CreateCommand(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            SELECT r.key, d.url, r.clicks, r.opens, r.unique_clicks, r.unique_opens
            FROM (
                SELECT *
                FROM (
                    SELECT {grouping.Key} COLLATE "C", {CountedColumns.Sums(selection.Human)}, $2 AS zone
                    FROM {selection.Range.Source(grouping.Dimension)}
                    GROUP BY 1
                ) g (key, clicks, opens, unique_clicks, unique_opens)
                WHERE clicks > 0 OR opens > 0 OR unique_clicks > 0 OR unique_opens > 0
                ORDER BY {order}
                LIMIT {limit}
            ) r
            LEFT JOIN links.destinations d ON {(grouping == Grouping.Link ? "true" : "false")} AND d.cluster_id = $1
                AND d.link_id = CASE WHEN {(grouping == Grouping.Link ? "true" : "false")}
                    THEN ('x' || r.key)::bit(64)::bigint END
            ORDER BY {order}
            """));
        command.Parameters.Add(new() { Value = selection.Cluster.Value });
        command.Parameters.Add(new() { Value = selection.Zone.Id });
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
        ApiDataSource dataSource, Grouping grouping, CountSelection selection, CancellationToken cancellationToken)
    {
        var key = grouping == Grouping.Day ? "to_char(registered_at AT TIME ZONE $4, 'YYYY-MM-DD')" : "''";
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT {key}, count(*) FROM rewrite.messages
            WHERE cluster_id = $1 AND registered_at >= $2 AND registered_at < $3 AND $4 <> ''
            GROUP BY 1
            """);
        command.Parameters.Add(new() { Value = selection.Cluster.Value });
        command.Parameters.Add(new() { Value = CountBucket.Start(selection.Range.From) });
        command.Parameters.Add(new() { Value = CountBucket.Start(selection.Range.To) });
        command.Parameters.Add(new() { Value = selection.Zone.Id });
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
}
