namespace Tracking.Functional.Tests.EventIngest;

/// <summary>Counts the events by plain SQL, and finds differences from the counters.</summary>
internal static class NaiveCounts
{
    private const string Columns =
        "clicks_people, clicks_machines, opens_people, opens_machines, others, first_clicks_people, "
        + "first_clicks_machines, first_clicks, first_opens_people, first_opens_machines, first_opens, openers";

    // Links of these tests: the place with ordinal n is link n + 1 of part n % 2 (SomeCountedMail).
    private static readonly string _expected =
        $"""
        WITH e AS (
            SELECT e.*, e.verdict IN (3, 4, 5) AS is_machine,
                floor(extract(epoch FROM e.occurred_at) / 900)::integer AS bucket,
                (CASE
                    WHEN e.vendor IS NOT NULL THEN e.vendor
                    WHEN e.user_agent IS NULL OR e.user_agent = '' THEN ''
                    WHEN e.user_agent LIKE '%Firefox/%' THEN 'Firefox'
                    WHEN e.user_agent LIKE '%Chrome/%' THEN 'Chrome'
                    ELSE 'other'
                END) COLLATE "C" AS client, m.message_key IS NOT NULL AS is_known,
                coalesce(m.recipient_domain, '') AS domain, coalesce(m.host, '') AS host, coalesce(m.tags, ARRAY[]::text[]) AS tags
            FROM seen e LEFT JOIN rewrite.messages m USING (cluster_id, message_key) WHERE why IS NULL
        ), k AS (
            SELECT e.*, 0 AS dimension, '' AS key, '' AS scope FROM e
            UNION ALL
            SELECT e.*, 1, lpad(to_hex(link_id), 16, '0'), lpad(to_hex(link_id), 16, '0') FROM e WHERE kind = 0
            UNION ALL
            SELECT e.*, 2, ordinal % 2 || '.' || ordinal + 1, ordinal::text FROM e WHERE kind = 0 AND is_known
            UNION ALL
            SELECT e.*, 3, tag, tag FROM e CROSS JOIN LATERAL (SELECT DISTINCT unnest(tags)) t (tag) WHERE kind <= 1
            UNION ALL
            SELECT e.*, 4, domain, '' FROM e WHERE kind <= 1
            UNION ALL
            SELECT e.*, 5, client, '' FROM e WHERE kind <= 1
            UNION ALL
            SELECT e.*, 6, host, '' FROM e WHERE kind <= 1
        ), f AS (
            SELECT k.*,
                row_number() OVER (PARTITION BY cluster_id, dimension, scope, message_key, kind, is_machine
                    ORDER BY occurred_at, client) = 1 AS is_first,
                row_number() OVER (PARTITION BY cluster_id, dimension, scope, message_key, kind
                    ORDER BY occurred_at, client) = 1 AS is_first_of_all,
                kind <= 1 AND NOT is_machine AND dimension NOT IN (1, 2) AND row_number() OVER (
                    PARTITION BY cluster_id, dimension, scope, message_key, kind <= 1, is_machine
                    ORDER BY occurred_at, client) = 1 AS is_opener
            FROM k
        )
        SELECT cluster_id, dimension, bucket, key,
            count(*) FILTER (WHERE kind = 0 AND NOT is_machine), count(*) FILTER (WHERE kind = 0 AND is_machine),
            count(*) FILTER (WHERE kind = 1 AND NOT is_machine), count(*) FILTER (WHERE kind = 1 AND is_machine),
            count(*) FILTER (WHERE kind > 1),
            count(*) FILTER (WHERE kind = 0 AND NOT is_machine AND is_first),
            count(*) FILTER (WHERE kind = 0 AND is_machine AND is_first),
            count(*) FILTER (WHERE kind = 0 AND is_first_of_all),
            count(*) FILTER (WHERE kind = 1 AND NOT is_machine AND is_first),
            count(*) FILTER (WHERE kind = 1 AND is_machine AND is_first),
            count(*) FILTER (WHERE kind = 1 AND is_first_of_all),
            count(*) FILTER (WHERE is_opener)
        FROM f GROUP BY 1, 2, 3, 4
        """;

    private static readonly string _sums = string.Join(", ", Columns.Split(", ").Select(column => $"sum({column})"));

    private static readonly string _live =
        "ingest.counted c WHERE c.generation = coalesce((SELECT s.generation FROM ingest.statistics s "
        + "WHERE s.cluster_id = c.cluster_id), 0)";

    // The rows that are only in one of both. There must be none.
    private static readonly string _differences =
        $"""
        WITH seen AS (
            SELECT e.*,
                CASE WHEN m.is_test THEN 1 WHEN e.kind = 0 AND e.ordinal = ANY (m.system_links) THEN 2 END AS why
            FROM ingest.events e LEFT JOIN rewrite.messages m USING (cluster_id, message_key)
        ), expected AS ({_expected}), quarters AS (
            SELECT cluster_id, dimension, bucket, key, {_sums} FROM {_live} AND grain = 1 GROUP BY 1, 2, 3, 4
        ), expected_days AS (
            SELECT cluster_id, dimension, bucket - bucket % 96, key, sum(clicks_people), sum(opens_people),
                sum(first_clicks), sum(first_opens), sum(openers)
            FROM {_live} AND grain = 1 AND dimension <> 0 GROUP BY 1, 2, 3, 4
        ), days AS (
            SELECT cluster_id, dimension, bucket, key, sum(clicks_people), sum(opens_people), sum(first_clicks),
                sum(first_opens), sum(openers)
            FROM {_live} AND grain = 0 GROUP BY 1, 2, 3, 4
        ), per_message AS (
            SELECT cluster_id, message_key, floor(extract(epoch FROM occurred_at) / 86400)::integer AS day,
                count(*) FILTER (WHERE kind = 0), count(*) FILTER (WHERE kind = 1)
            FROM seen WHERE kind <= 1 AND why IS NULL GROUP BY 1, 2, 3
        ), messages AS (
            SELECT cluster_id, message_key, home_day, clicks_people + clicks_machines, opens_people + opens_machines
            FROM ingest.message_counts WHERE clicks_people + clicks_machines + opens_people + opens_machines > 0
            UNION ALL
            SELECT cluster_id, message_key, day, clicks_people + clicks_machines, opens_people + opens_machines
            FROM ingest.message_days
        ), totals AS (
            SELECT cluster_id, message_key, clicks, opens FROM ingest.message_counts
        ), expected_totals AS (
            SELECT cluster_id, message_key, count(*) FILTER (WHERE kind = 0 AND why IS NULL),
                count(*) FILTER (WHERE kind = 1 AND why IS NULL)
            FROM seen GROUP BY 1, 2
        )
        SELECT 'too few: ' || d::text FROM (SELECT * FROM expected EXCEPT ALL SELECT * FROM quarters) d
        UNION ALL SELECT 'too many: ' || d::text FROM (SELECT * FROM quarters EXCEPT ALL SELECT * FROM expected) d
        UNION ALL SELECT 'days: ' || d::text FROM (SELECT * FROM expected_days EXCEPT ALL SELECT * FROM days) d
        UNION ALL SELECT 'more days: ' || d::text FROM (SELECT * FROM days EXCEPT ALL SELECT * FROM expected_days) d
        UNION ALL SELECT 'message: ' || d::text FROM (SELECT * FROM per_message EXCEPT ALL SELECT * FROM messages) d
        UNION ALL SELECT 'more of a message: ' || d::text
            FROM (SELECT * FROM messages EXCEPT ALL SELECT * FROM per_message) d
        UNION ALL SELECT 'totals: ' || d::text FROM (SELECT * FROM expected_totals EXCEPT ALL SELECT * FROM totals) d
        UNION ALL SELECT 'more totals: ' || d::text
            FROM (SELECT * FROM totals EXCEPT ALL SELECT * FROM expected_totals) d
        UNION ALL SELECT 'marked otherwise: ' || s.id FROM seen s WHERE s.uncounted IS DISTINCT FROM s.why
        LIMIT 20
        """;

    /// <summary>Fails where counters and events differ.</summary>
    public static async Task AssertAsync(IngestDatabase database)
    {
        await using var command = database.DataSource.CreateCommand(_differences);
        command.CommandTimeout = 300;
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var differences = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            differences.Add(reader.GetString(0));
        }

        Assert.Empty(differences);
    }
}
