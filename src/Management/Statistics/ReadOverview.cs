using Npgsql;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Events;
using Tracking.Management.Requests;

namespace Tracking.Management.Statistics;

/// <summary>Reads an overview: all its figures in one round trip, over the same rows.</summary>
internal static class ReadOverview
{
    private const string Machine = "e.verdict IN (3, 4, 5)";

    private const string Message =
        "JOIN rewrite.messages m ON m.cluster_id = e.cluster_id AND m.message_key = e.message_key";

    public static async Task<Overview> ReadAsync(
        ApiDataSource dataSource, OverviewQuery query, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var bounds = OverviewSteps.Of(query.Period, query.Zone, now);
        var count = (bounds.Length - 1) / 2;
        var both = Select(query, bounds[0], bounds[^1]);
        var current = Select(query, bounds[count], bounds[^1]);
        if (!query.WithMachines)
        {
            current.And($"NOT ({Machine})");
        }

        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(both.BatchCommand(
            $$"""
            SELECT width_bucket(e.occurred_at, {1}::timestamptz[]), e.kind, {{Machine}}, count(*)
            FROM ingest.events e WHERE {where} GROUP BY 1, 2, 3
            """,
            bounds));
        batch.BatchCommands.Add(both.BatchCommand(
            $$"""
            SELECT count(DISTINCT e.message_key) FILTER (WHERE e.occurred_at >= {1}),
                   count(DISTINCT e.message_key) FILTER (WHERE e.occurred_at < {1})
            FROM ingest.events e WHERE {where} AND e.kind = 0 {{(query.WithMachines ? "" : $"AND NOT ({Machine})")}}
            """,
            bounds[count]));
        batch.BatchCommands.Add(CountMessages(query, bounds[0], bounds[count], bounds[^1]));
        batch.BatchCommands.Add(Rows(
            current, query.Rows, "lpad(to_hex(e.link_id), 16, '0')", "min(d.url)",
            "JOIN links.destinations d ON d.cluster_id = e.cluster_id AND d.link_id = e.link_id"));
        batch.BatchCommands.Add(Rows(
            current, query.Rows, "encode(e.message_key, 'hex')", "min(coalesce(m.recipient, m.message_id))", Message));
        batch.BatchCommands.Add(Rows(
            current, query.Rows, "tag", "tag", Message + " CROSS JOIN LATERAL unnest(m.tags) AS tag"));
        batch.BatchCommands.Add(Rows(current, query.Rows, "m.host", "m.host", Message));

        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var counts = await ReadCountsAsync(reader, bounds.Length, query.WithMachines, cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var clicked = (Now: reader.GetInt64(0), Before: reader.GetInt64(1));
        await reader.NextResultAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var messages = (Now: reader.GetInt64(0), Before: reader.GetInt64(1));
        return new Overview(
            [.. Enumerable.Range(0, count).Select(i => new OverviewPoint(
                bounds[count + i], counts[count + i].Clicks, counts[count + i].Opens, counts[count + i].Machines,
                counts[i].Clicks))],
            bounds[^1],
            Sum(counts.AsSpan(count), clicked.Now, messages.Now),
            Sum(counts.AsSpan(0, count), clicked.Before, messages.Before),
            await ReadRowsAsync(reader, cancellationToken),
            await ReadRowsAsync(reader, cancellationToken),
            await ReadRowsAsync(reader, cancellationToken),
            await ReadRowsAsync(reader, cancellationToken));
    }

    private static SqlConditions Select(OverviewQuery query, DateTimeOffset from, DateTimeOffset to)
    {
        var where = new EventSelection
        {
            Cluster = query.Cluster, From = from, To = to, Link = query.Link, Message = query.Message,
        }.Where().And("e.kind IN (0, 1)");
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

    private static NpgsqlBatchCommand CountMessages(
        OverviewQuery query, DateTimeOffset from, DateTimeOffset middle, DateTimeOffset to)
    {
        var where = new SqlConditions().And(
            "m.cluster_id = ? AND m.registered_at >= ? AND m.registered_at < ?", query.Cluster.Value, from, to);
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

    private static async Task<(long Clicks, long Opens, long Machines, long All)[]> ReadCountsAsync(
        NpgsqlDataReader reader, int bounds, bool withMachines, CancellationToken cancellationToken)
    {
        var counts = new (long Clicks, long Opens, long Machines, long All)[bounds - 1];
        while (await reader.ReadAsync(cancellationToken))
        {
            var (isMachine, number) = (reader.GetBoolean(2), reader.GetInt64(3));
            ref var step = ref counts[reader.GetInt32(0) - 1];
            step.All += number;
            step.Machines += isMachine ? number : 0;
            if (!isMachine || withMachines)
            {
                _ = reader.GetInt16(1) == (short)LinkKind.Click ? step.Clicks += number : step.Opens += number;
            }
        }

        return counts;
    }

    private static OverviewTotals Sum(
        ReadOnlySpan<(long Clicks, long Opens, long Machines, long All)> counts, long clicked, long messages)
    {
        var (clicks, opens, machines, all) = (0L, 0L, 0L, 0L);
        foreach (var step in counts)
        {
            (clicks, opens) = (clicks + step.Clicks, opens + step.Opens);
            (machines, all) = (machines + step.Machines, all + step.All);
        }

        return new OverviewTotals(clicks, opens, clicked, machines, all, messages);
    }

    private static async Task<List<OverviewRow>> ReadRowsAsync(
        NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        await reader.NextResultAsync(cancellationToken);
        var rows = new List<OverviewRow>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new OverviewRow(
                reader.GetString(0), ShownUrl.Mask(reader.GetString(1)), reader.GetInt64(2), reader.GetInt64(3),
                reader.GetInt64(4)));
        }

        return rows;
    }
}
