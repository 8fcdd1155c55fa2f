using Npgsql;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Events;
using Tracking.Management.Requests;

namespace Tracking.Management.Statistics;

/// <summary>
/// Reads from events the parts of a filtered overview that the counters do not have. For one message, it reads all of
/// its events, by the message's index. For other filters, it reads lists of combinations from the latest
/// <see cref="Latest"/> events of the period.
/// </summary>
internal static class ReadFilteredOverview
{
    private const string Machine = "e.verdict IN (3, 4, 5)";

    private const string Message =
        "JOIN rewrite.messages m ON m.cluster_id = e.cluster_id AND m.message_key = e.message_key";

    /// <summary>The largest number of events from which lists are made. Each list takes about a tenth of a
    /// second.</summary>
    public const int Latest = 50_000;

    /// <summary>The whole overview, for one message or for several filters.</summary>
    public static async Task<Overview> ReadAsync(
        ApiDataSource dataSource, OverviewQuery query, DateTimeOffset[] bounds, CancellationToken cancellationToken)
    {
        var count = (bounds.Length - 1) / 2;
        var both = Select(query, bounds[0], bounds[^1]);
        var clicked = query.WithMachines ? "e.kind = 0" : $"e.kind = 0 AND NOT ({Machine})";
        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(both.BatchCommand(
            $$"""
            SELECT width_bucket(e.occurred_at, {1}::timestamptz[]), e.kind, {{Machine}}, count(*)
            FROM ingest.events e WHERE {where} GROUP BY 1, 2, 3
            """,
            bounds));
        batch.BatchCommands.Add(both.BatchCommand(
            $$"""
            SELECT count(DISTINCT e.message_key) FILTER (WHERE e.occurred_at >= {1} AND {{clicked}}),
                   count(DISTINCT e.message_key) FILTER (WHERE e.occurred_at < {1} AND {{clicked}}),
                   count(DISTINCT e.message_key) FILTER (WHERE e.occurred_at >= {1} AND NOT ({{Machine}})),
                   count(DISTINCT e.message_key) FILTER (WHERE e.occurred_at < {1} AND NOT ({{Machine}}))
            FROM ingest.events e WHERE {where}
            """,
            bounds[count]));
        batch.BatchCommands.Add(CountMessages(query, bounds));
        ReadOverview.Step[] steps;
        (long Now, long Before) clickers, openers, messages;
        await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
        {
            steps = await ReadStepsAsync(reader, bounds.Length, query.WithMachines, cancellationToken);
            await reader.NextResultAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            clickers = (reader.GetInt64(0), reader.GetInt64(1));
            openers = (reader.GetInt64(2), reader.GetInt64(3));
            await reader.NextResultAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            messages = (reader.GetInt64(0), reader.GetInt64(1));
        }

        return new Overview(
            [.. Enumerable.Range(0, count).Select(i => new OverviewPoint(
                bounds[count + i], steps[count + i].Clicks, steps[count + i].Opens, steps[count + i].Machines,
                steps[i].Clicks))],
            bounds[^1],
            ReadOverview.Sum(steps.AsSpan(count), messages.Now) with
            {
                Clicked = clickers.Now,
                Openers = openers.Now,
            },
            ReadOverview.Sum(steps.AsSpan(0, count), messages.Before) with
            {
                Clicked = clickers.Before,
                Openers = openers.Before,
            },
            await ListsAsync(dataSource, query, bounds, cancellationToken));
    }

    /// <summary>The lists.</summary>
    public static async Task<OverviewLists> ListsAsync(
        ApiDataSource dataSource, OverviewQuery query, DateTimeOffset[] bounds, CancellationToken cancellationToken)
    {
        var from = bounds[(bounds.Length - 1) / 2];
        var since = query.Message is null
            ? await FindSinceAsync(dataSource, query, from, bounds[^1], cancellationToken)
            : null;
        var current = Select(query, since ?? from, bounds[^1]);
        if (!query.WithMachines)
        {
            current.And($"NOT ({Machine})");
        }

        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(Rows(
            current, query.Rows, "lpad(to_hex(e.link_id), 16, '0')", "min(d.url)",
            "JOIN links.destinations d ON d.cluster_id = e.cluster_id AND d.link_id = e.link_id"));
        batch.BatchCommands.Add(Rows(
            current, query.Rows, "encode(e.message_key, 'hex')", "min(coalesce(m.recipient, m.message_id))", Message));
        batch.BatchCommands.Add(Rows(
            current, query.Rows, "tag", "tag", Message + " CROSS JOIN LATERAL unnest(m.tags) AS tag"));
        batch.BatchCommands.Add(Rows(current, query.Rows, "m.host", "m.host", Message));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return new OverviewLists(
            await ReadOverview.ReadRowsAsync(reader, cancellationToken),
            await ReadOverview.ReadRowsAsync(reader, cancellationToken),
            await ReadOverview.ReadRowsAsync(reader, cancellationToken),
            await ReadOverview.ReadRowsAsync(reader, cancellationToken),
            since);
    }

    // The time of the oldest of the latest events; null if the period has fewer events.
    private static async Task<DateTimeOffset?> FindSinceAsync(
        ApiDataSource dataSource, OverviewQuery query, DateTimeOffset from, DateTimeOffset to,
        CancellationToken cancellationToken)
    {
        await using var command = new EventSelection { Cluster = query.Cluster, From = from, To = to }.Range().Command(
            dataSource,
            $$"""
            SELECT e.occurred_at FROM ingest.events e WHERE {where} ORDER BY e.id DESC OFFSET {{Latest}} LIMIT 1
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? reader.GetFieldValue<DateTimeOffset>(0) : null;
    }

    private static SqlConditions Select(OverviewQuery query, DateTimeOffset from, DateTimeOffset to)
    {
        var where = new EventSelection
        {
            Cluster = query.Cluster,
            From = from,
            To = to,
            Link = query.Link,
            Message = query.Message,
        }.Where().And("e.kind IN (0, 1) AND e.uncounted IS NULL");
        const string OfMessage = "EXISTS (SELECT FROM rewrite.messages f WHERE f.cluster_id = e.cluster_id "
            + "AND f.message_key = e.message_key AND ";
        if (query.Tag is { } tag)
        {
            where.And(OfMessage + "? = ANY (f.tags))", tag);
        }

        if (query.Host is { } host)
        {
            where.And(OfMessage + "f.host = ?)", host);
        }

        return where;
    }

    /// <summary>The numbers of rewritten messages, in the period and in the previous one.</summary>
    public static NpgsqlBatchCommand CountMessages(OverviewQuery query, DateTimeOffset[] bounds)
    {
        var (from, middle, to) = (bounds[0], bounds[(bounds.Length - 1) / 2], bounds[^1]);
        var where = new SqlConditions().And(
            "m.cluster_id = ? AND m.registered_at >= ? AND m.registered_at < ? AND NOT m.is_test",
            query.Cluster.Value, from, to);
        if (query.Message is { } message)
        {
            where.And("m.message_key = ?", message.ToBytes());
        }

        if (query.Tag is { } tag)
        {
            where.And("? = ANY (m.tags)", tag);
        }

        if (query.Host is { } host)
        {
            where.And("m.host = ?", host);
        }

        return where.BatchCommand(
            """
            SELECT count(*) FILTER (WHERE m.registered_at >= {1}), count(*) FILTER (WHERE m.registered_at < {1})
            FROM rewrite.messages m WHERE {where}
            """,
            middle);
    }

    private static NpgsqlBatchCommand Rows(SqlConditions where, int limit, string key, string label, string join) =>
        where.BatchCommand(
            $$"""
            SELECT {{key}}, {{label}}, count(*) FILTER (WHERE e.kind = 0), count(*) FILTER (WHERE e.kind = 1),
                   count(DISTINCT e.message_key) FILTER (WHERE e.kind = 0)
            FROM ingest.events e {{join}}
            WHERE {where}
            GROUP BY {{key}}
            ORDER BY 3 DESC, 4 DESC, 1
            LIMIT {{limit}}
            """);

    private static async Task<ReadOverview.Step[]> ReadStepsAsync(
        NpgsqlDataReader reader, int bounds, bool withMachines, CancellationToken cancellationToken)
    {
        var steps = new ReadOverview.Step[bounds - 1];
        while (await reader.ReadAsync(cancellationToken))
        {
            var (isMachine, number) = (reader.GetBoolean(2), reader.GetInt64(3));
            var isClick = reader.GetInt16(1) == (short)LinkKind.Click;
            var isWanted = !isMachine || withMachines;
            ref var step = ref steps[reader.GetInt32(0) - 1];
            step = step with
            {
                All = step.All + number,
                Machines = step.Machines + (isMachine ? number : 0),
                Clicks = step.Clicks + (isWanted && isClick ? number : 0),
                Opens = step.Opens + (isWanted && !isClick ? number : 0),
            };
        }

        return steps;
    }
}
