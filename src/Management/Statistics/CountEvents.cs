using System.Globalization;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Statistics;

/// <summary>Counts events by a grouping, from the counters.</summary>
internal static class CountEvents
{
    /// <summary>Reads at most <paramref name="limit"/> rows.</summary>
    /// <param name="dataSource">The database.</param>
    /// <param name="grouping">Any grouping except <see cref="Grouping.Message"/>.</param>
    /// <param name="selection">What is counted.</param>
    /// <param name="limit">The largest number of rows.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<List<StatisticsRow>> ReadAsync(
        ApiDataSource dataSource,
        Grouping grouping,
        CountSelection selection,
        int limit,
        CancellationToken cancellationToken)
    {
        if (grouping == Grouping.Day || grouping == Grouping.Hour)
        {
            return await ReadStepsAsync(dataSource, selection, grouping == Grouping.Hour, limit, cancellationToken);
        }

        if (grouping != Grouping.Total)
        {
            return await ReadRowsAsync(dataSource, grouping, selection, limit, cancellationToken);
        }

        var total = await TotalAsync(dataSource, selection, cancellationToken);
        var messages = await CountMessagesAsync(dataSource, selection, [selection.Range.From], cancellationToken);
        return
        [
            new StatisticsRow(null, total.Clicks, total.Opens, total.UniqueClicks, total.UniqueOpens)
            {
                Openers = total.Openers,
                Messages = messages.GetValueOrDefault(1),
            },
        ];
    }

    /// <summary>The sums of a range.</summary>
    public static async Task<StatisticsTotals> TotalAsync(
        ApiDataSource dataSource, CountSelection selection, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"SELECT {CountedColumns.Sums(selection.Human)} FROM {selection.Range.Source(CountDimension.Total)}");
        command.Parameters.Add(new() { Value = selection.Cluster.Value });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new StatisticsTotals(
            reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3), reader.GetInt64(4));
    }

    private static async Task<List<StatisticsRow>> ReadStepsAsync(
        ApiDataSource dataSource, CountSelection selection, bool hours, int limit, CancellationToken cancellationToken)
    {
        var steps = ZoneSteps.Of(selection.Range, selection.Zone, hours);
        if (steps.Length == 0)
        {
            return [];
        }

        await using var command = dataSource.CreateCommand(
            $"""
            SELECT width_bucket(c.bucket, $2::integer[]), {CountedColumns.Sums(selection.Human)}
            FROM {selection.Range.Source(CountDimension.Total)}
            GROUP BY 1
            """);
        command.Parameters.Add(new() { Value = selection.Cluster.Value });
        command.Parameters.Add(new() { Value = steps });
        var rows = new SortedDictionary<int, StatisticsRow>();
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                var row = new StatisticsRow(
                    null, reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3), reader.GetInt64(4))
                {
                    Openers = reader.GetInt64(5),
                };
                if (row is not { Clicks: 0, Opens: 0, UniqueClicks: 0, UniqueOpens: 0, Openers: 0 })
                {
                    rows.Add(reader.GetInt32(0), row);
                }
            }
        }

        if (!hours)
        {
            var messages = await CountMessagesAsync(dataSource, selection, steps, cancellationToken);
            foreach (var step in rows.Keys.Union(messages.Keys).ToArray())
            {
                rows[step] = rows.GetValueOrDefault(step, new StatisticsRow(null, 0, 0, 0, 0) { Openers = 0 }) with
                {
                    Messages = messages.GetValueOrDefault(step),
                };
            }
        }

        return [.. rows.Take(limit).Select(row => row.Value with
        {
            Key = ZoneSteps.NameOf(steps[Math.Clamp(row.Key - 1, 0, steps.Length - 1)], selection.Zone, hours),
        })];
    }

    // The URL of a link is looked up only for the rows of the answer.
    private static async Task<List<StatisticsRow>> ReadRowsAsync(
        ApiDataSource dataSource,
        Grouping grouping,
        CountSelection selection,
        int limit,
        CancellationToken cancellationToken)
    {
        var order = grouping == Grouping.Position
            ? "clicks DESC, split_part(key, '.', 1)::bigint, split_part(key, '.', 2)::bigint"
            : "clicks DESC, opens DESC, key";
        await using var command = dataSource.CreateCommand(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            SELECT r.key, d.url, r.clicks, r.opens, r.unique_clicks, r.unique_opens, r.openers
            FROM (
                SELECT *
                FROM (
                    SELECT nullif(c.key, ''), {CountedColumns.Sums(selection.Human)}
                    FROM {selection.Range.Source(grouping.Dimension)}
                    GROUP BY 1
                ) g (key, clicks, opens, unique_clicks, unique_opens, openers)
                WHERE clicks > 0 OR opens > 0 OR unique_clicks > 0 OR unique_opens > 0 OR openers > 0
                ORDER BY {order}
                LIMIT {limit}
            ) r
            LEFT JOIN links.destinations d ON {(grouping == Grouping.Link ? "true" : "false")} AND d.cluster_id = $1
                AND d.link_id = CASE WHEN {(grouping == Grouping.Link ? "true" : "false")}
                    THEN ('x' || r.key)::bit(64)::bigint END
            ORDER BY {order}
            """));
        command.Parameters.Add(new() { Value = selection.Cluster.Value });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<StatisticsRow>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new StatisticsRow(
                reader.IsDBNull(0) ? null : reader.GetString(0),
                reader.GetInt64(2), reader.GetInt64(3), reader.GetInt64(4), reader.GetInt64(5))
            {
                Label = reader.IsDBNull(1) ? null : ShownUrl.Mask(reader.GetString(1)),
                Openers = grouping == Grouping.Link || grouping == Grouping.Position ? null : reader.GetInt64(6),
            });
        }

        return rows;
    }

    // The number of rewritten messages for each step. The first step has the number 1.
    private static async Task<Dictionary<int, long>> CountMessagesAsync(
        ApiDataSource dataSource, CountSelection selection, int[] steps, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT width_bucket(registered_at, $4::timestamptz[]), count(*) FROM rewrite.messages
            WHERE cluster_id = $1 AND registered_at >= $2 AND registered_at < $3 AND NOT is_test
            GROUP BY 1
            """);
        command.Parameters.Add(new() { Value = selection.Cluster.Value });
        command.Parameters.Add(new() { Value = CountBucket.Start(selection.Range.From) });
        command.Parameters.Add(new() { Value = CountBucket.Start(selection.Range.To) });
        command.Parameters.Add(new() { Value = Array.ConvertAll(steps, CountBucket.Start) });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var messages = new Dictionary<int, long>();
        while (await reader.ReadAsync(cancellationToken))
        {
            messages.Add(reader.GetInt32(0), reader.GetInt64(1));
        }

        return messages;
    }
}
