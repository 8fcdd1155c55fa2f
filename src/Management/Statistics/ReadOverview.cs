using System.Globalization;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Events;

namespace Tracking.Management.Statistics;

/// <summary>
/// Reads an overview from the counters. With one filter by link, tag or host, the figures come from the counters of
/// that dimension. The combined lists, and everything for more filters, come from events
/// (<see cref="ReadFilteredOverview"/>).
/// </summary>
internal static class ReadOverview
{
    public static async Task<Overview> ReadAsync(
        ApiDataSource dataSource, OverviewQuery query, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var bounds = OverviewSteps.Of(query.Period, query.Zone, now);
        if (FilterOf(query) is not { } filter)
        {
            return await ReadFilteredOverview.ReadAsync(dataSource, query, bounds, cancellationToken);
        }

        var count = (bounds.Length - 1) / 2;
        var (steps, messages) = await ReadStepsAsync(dataSource, query, filter, bounds, cancellationToken);
        var lists = filter.Dimension == CountDimension.Total
            ? await ReadListsAsync(dataSource, query, bounds, cancellationToken)
            : await ReadFilteredOverview.ListsAsync(dataSource, query, bounds, cancellationToken);
        return new Overview(
            [.. Enumerable.Range(0, count).Select(i => new OverviewPoint(
                bounds[count + i], steps[count + i].Clicks, steps[count + i].Opens, steps[count + i].Machines,
                steps[i].Clicks))],
            bounds[^1],
            Sum(steps.AsSpan(count), messages.Now),
            Sum(steps.AsSpan(0, count), messages.Before),
            lists);
    }

    // Null: the counters cannot answer the query.
    private static (CountDimension Dimension, string Key)? FilterOf(OverviewQuery query) => query switch
    {
        { Message: not null } => null,
        { Link: null, Tag: null, Host: null } => (CountDimension.Total, ""),
        { Link: { } link, Tag: null, Host: null } => (CountDimension.Link, link.ToString()),
        { Link: null, Tag: { } tag, Host: null } => (CountDimension.Tag, tag),
        { Link: null, Tag: null, Host: { } host } => (CountDimension.Host, host),
        _ => null,
    };

    private static async Task<(Step[] Steps, (long Now, long Before) Messages)> ReadStepsAsync(
        ApiDataSource dataSource,
        OverviewQuery query,
        (CountDimension Dimension, string Key) filter,
        DateTimeOffset[] bounds,
        CancellationToken cancellationToken)
    {
        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            $"""
            SELECT width_bucket(to_timestamp(c.bucket * 900.0), $3::timestamptz[]),
                coalesce(sum(c.clicks_people), 0)::bigint, coalesce(sum(c.clicks_machines), 0)::bigint,
                coalesce(sum(c.opens_people), 0)::bigint, coalesce(sum(c.opens_machines), 0)::bigint,
                coalesce(sum(c.first_clicks_people), 0)::bigint, coalesce(sum(c.first_clicks), 0)::bigint,
                coalesce(sum(c.openers), 0)::bigint
            FROM {CountedRange.Around(bounds[0], bounds[^1]).Source(filter.Dimension, "AND c.key = $2", inQuarters: true)}
            GROUP BY 1
            """)
        {
            Parameters =
            {
                new() { Value = query.Cluster.Value }, new() { Value = filter.Key }, new() { Value = bounds },
            },
        });
        batch.BatchCommands.Add(ReadFilteredOverview.CountMessages(query, bounds));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var steps = new Step[bounds.Length - 1];
        while (await reader.ReadAsync(cancellationToken))
        {
            // If a step begins inside a quarter of an hour, the quarter counts in the step in which the quarter begins.
            var at = Math.Clamp(reader.GetInt32(0) - 1, 0, steps.Length - 1);
            steps[at] = steps[at].With(reader, query.WithMachines);
        }

        await reader.NextResultAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (steps, (reader.GetInt64(0), reader.GetInt64(1)));
    }

    private static async Task<OverviewLists> ReadListsAsync(
        ApiDataSource dataSource, OverviewQuery query, DateTimeOffset[] bounds, CancellationToken cancellationToken)
    {
        var selection = new CountSelection
        {
            Cluster = query.Cluster,
            Range = CountedRange.Around(bounds[(bounds.Length - 1) / 2], bounds[^1]),
            Human = query.WithMachines ? HumanFilter.All : HumanFilter.Human,
        };
        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(Rows(
            selection, CountDimension.Link, query.Rows, "d.url",
            "JOIN links.destinations d ON d.cluster_id = $1 AND d.link_id = ('x' || r.key)::bit(64)::bigint"));
        batch.BatchCommands.Add(Rows(selection, CountDimension.Tag, query.Rows, "r.key"));
        batch.BatchCommands.Add(Rows(selection, CountDimension.Host, query.Rows, "r.key"));
        List<OverviewRow> links, tags, hosts;
        await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
        {
            links = await ReadRowsAsync(reader, cancellationToken);
            tags = await ReadRowsAsync(reader, cancellationToken);
            hosts = await ReadRowsAsync(reader, cancellationToken);
        }

        var messages = await RankMessages.ReadAsync(dataSource, selection, query.Rows, cancellationToken);
        return new OverviewLists(
            links,
            [.. messages.Messages.Select(message => new OverviewRow(
                message.Message.ToString(), message.Recipient ?? message.MessageId ?? message.Message.ToString(),
                message.Clicks, message.Opens, message.IsFirstClick ? 1 : 0))],
            tags,
            hosts,
            null);
    }

    private static NpgsqlBatchCommand Rows(
        CountSelection selection, CountDimension dimension, int limit, string label, string join = "") =>
        new(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            SELECT r.key, {label}, r.clicks, r.opens, r.clicked
            FROM (
                SELECT * FROM (
                    SELECT c.key, {CountedColumns.Sums(selection.Human)}
                    FROM {selection.Range.Source(dimension, "AND c.key <> ''")}
                    GROUP BY 1
                ) g (key, clicks, opens, clicked, opened, openers)
                WHERE clicks > 0 OR opens > 0
                ORDER BY clicks DESC, opens DESC, key
                LIMIT {limit}
            ) r {join}
            ORDER BY r.clicks DESC, r.opens DESC, r.key
            """))
        {
            Parameters = { new() { Value = selection.Cluster.Value } },
        };

    /// <summary>Reads the rows of the next result.</summary>
    internal static async Task<List<OverviewRow>> ReadRowsAsync(
        NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        var rows = new List<OverviewRow>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new OverviewRow(
                reader.GetString(0), ShownUrl.Mask(reader.GetString(1)), reader.GetInt64(2), reader.GetInt64(3),
                reader.GetInt64(4)));
        }

        await reader.NextResultAsync(cancellationToken);
        return rows;
    }

    internal static OverviewTotals Sum(ReadOnlySpan<Step> steps, long messages)
    {
        var sum = default(Step);
        foreach (var step in steps)
        {
            sum = new Step(
                sum.Clicks + step.Clicks, sum.Opens + step.Opens, sum.Machines + step.Machines, sum.All + step.All,
                sum.Clicked + step.Clicked, sum.Openers + step.Openers);
        }

        return new OverviewTotals(
            sum.Clicks, sum.Opens, sum.Clicked, sum.Openers, sum.Machines, sum.All, messages);
    }

    /// <summary>The counts of a step of time.</summary>
    internal readonly record struct Step(
        long Clicks, long Opens, long Machines, long All, long Clicked, long Openers)
    {
        /// <summary>Adds a row of counters.</summary>
        public Step With(NpgsqlDataReader row, bool withMachines)
        {
            var (clicks, opens) = (row.GetInt64(1), row.GetInt64(3));
            var (clicksOfMachines, opensOfMachines) = (row.GetInt64(2), row.GetInt64(4));
            return new Step(
                Clicks + clicks + (withMachines ? clicksOfMachines : 0),
                Opens + opens + (withMachines ? opensOfMachines : 0),
                Machines + clicksOfMachines + opensOfMachines,
                All + clicks + opens + clicksOfMachines + opensOfMachines,
                Clicked + row.GetInt64(withMachines ? 6 : 5),
                Openers + row.GetInt64(7));
        }
    }
}
