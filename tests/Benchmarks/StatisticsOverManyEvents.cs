using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Tracking.Database;
using Tracking.EventIngest.Statistics;
using Tracking.Links;
using Tracking.Management.Events;
using Tracking.Management.Statistics;
using Tracking.Servers;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures statistics of a year, with many events of one cluster in the database. SQL writes the rows (messages, then
/// events by <c>generate_series</c>, month by month). A rebuild counts them, as after an upgrade. There is one campaign
/// a week with its own links. Most events of a message are in its first days.
/// </summary>
internal static class StatisticsOverManyEvents
{
    private const int Cluster = 1;
    private const int Weeks = 52;
    private const int Links = 40;
    private const int Rounds = 9;

    // Only messages with events. A real campaign has more.
    private const string AddMessages =
        """
        INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, recipient,
            recipient_domain, tags, host, registered_at, link_count, opens_tracked, link_map)
        SELECT 1, substr(sha256(n::text::bytea), 1, 9), ''::bytea, ''::bytea, n::text, 'r' || n || '@example.com',
            'example' || (1000 * power(n % 10007 / 10007.0, 6))::int || '.com',
            ARRAY['newsletter', 'week ' || $2, 'segment ' || n % 7], 'track' || n % 3 || '.example.com', $3,
            40, true, $4
        FROM generate_series($1::int, $1 + $5 - 1) n
        """;

    // There are 1.5 times as many opens as clicks. Four of five events are in the first three days, and one of twelve
    // is a machine's.
    private const string AddEvents =
        """
        INSERT INTO ingest.events (id, occurred_at, kind, method, cluster_id, message_key, link_id, ordinal,
            client_address, user_agent, verdict, vendor, reasons)
        SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(h, 1, 3) || '8'
                || substr(h, 4, 15))::uuid,
            at, kind, 0, 1, substr(sha256(message::text::bytea), 1, 9), CASE kind WHEN 0 THEN $2 * 1000 + place ELSE 0 END,
            CASE kind WHEN 0 THEN place ELSE 0 END, '192.0.2.0',
            CASE WHEN r2 < 0.08 THEN 'Barracuda Sentinel' ELSE 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) '
                || 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/' || 100 + place || '.0.0.0 Safari/537.36' END,
            CASE WHEN r2 < 0.08 THEN 5 ELSE 1 END, CASE WHEN r2 < 0.08 THEN 'barracuda' END, '{browser}'
        FROM (
            SELECT $1 + floor(power(random(), 1.3) * $5)::int AS message, (random() > 0.4)::int::smallint AS kind,
                floor(power(random(), 3) * 40)::smallint AS place, random() AS r2, md5(random()::text) AS h,
                $3 + make_interval(secs => CASE WHEN random() < 0.8 THEN power(random(), 3) * 259200
                    ELSE random() * 2000000 END) AS at
            FROM generate_series(1, $4)
        ) e
        WHERE at < $6
        """;

    public static async Task RunAsync(int events)
    {
        await using var server = new TestPostgres();
        await using var source = NpgsqlDataSource.Create(
            await server.CreateDatabaseAsync(default) + ";Command Timeout=1800");
        var now = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);
        var filling = Stopwatch.GetTimestamp();
        await FillAsync(source, events, now);
        var filled = Stopwatch.GetElapsedTime(filling);

        var rebuilding = Stopwatch.GetTimestamp();
        var messages = await new RebuildCounters(
            source, new FindAttributes(source), NullLogger<RebuildCounters>.Instance)
            .RunAsync(new ClusterId(Cluster), default);
        var rebuilt = Stopwatch.GetElapsedTime(rebuilding);
        var merge = new MergeChanges(
            source, Microsoft.Extensions.Options.Options.Create(new EventIngest.EventIngestOptions()),
            TimeProvider.System, NullLogger<MergeChanges>.Instance);
        await merge.RunAsync(default);
        await ExecuteAsync(source, "VACUUM ANALYZE");

        await using var api = new ApiDataSource(source);
        var results = new StringBuilder();
        foreach (var (name, question) in Questions(api, now))
        {
            var times = new List<double>();
            for (var round = -2; round < Rounds; round++)
            {
                var began = Stopwatch.GetTimestamp();
                await question();
                if (round >= 0)
                {
                    times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                }
            }

            results.AppendLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {times.Order().ElementAt(Rounds / 2):F0} ms | {times.Min():F0} … {times.Max():F0} ms |"));
        }

        await WriteAsync(source, results.ToString(), messages ?? 0, filled, rebuilt);
    }

    private static IEnumerable<(string Name, Func<Task> Ask)> Questions(ApiDataSource api, DateTimeOffset now)
    {
        var year = new CountSelection
        {
            Cluster = new ClusterId(Cluster),
            Range = CountedRange.Around(now.AddYears(-1), now.AddMinutes(-5)),
        };
        foreach (var (word, grouping) in Grouping.Choices.Where(choice => choice.Value != Grouping.Message))
        {
            yield return ($"a year by {word}, people and machines", () => CountEvents.ReadAsync(api, grouping, year, 1001, default));
        }

        yield return (
            "a year by message, the first thousand", () => RankMessages.ReadAsync(api, year, 1001, default));
        yield return (
            "a year by message, people only, the first hundred",
            () => RankMessages.ReadAsync(api, year with { Human = HumanFilter.Human }, 101, default));
        yield return (
            "a year by day in Asia/Kolkata",
            () => CountEvents.ReadAsync(
                api, Grouping.Day, year with { Zone = TimeZoneInfo.FindSystemTimeZoneById("Asia/Kolkata") }, 1001, default));
        foreach (var period in Enum.GetValues<OverviewPeriod>())
        {
            yield return ($"the console's overview of a {period.ToString().ToLowerInvariant()}",
                () => ReadOverview.ReadAsync(
                    api, new OverviewQuery { Cluster = new ClusterId(Cluster), Period = period }, now, default));
        }

        yield return ("the console's overview of a week, one tag", () => ReadOverview.ReadAsync(
            api, new OverviewQuery { Cluster = new ClusterId(Cluster), Tag = "week 50" }, now, default));
        var key = MessageKey.Read(System.Security.Cryptography.SHA256.HashData("5000001"u8));
        yield return ("a message's page", () => Management.Messages.GetMessage.ReadAsync(
            api, new ClusterId(Cluster), key.ToString(), default));
    }

    private static async Task FillAsync(NpgsqlDataSource source, int events, DateTimeOffset now)
    {
        await ExecuteAsync(source, "INSERT INTO management.clusters (id, name) VALUES (1, 'one')");
        for (var month = -13; month <= 0; month++)
        {
            await ExecuteAsync(source, "SELECT ingest.create_month($1)", now.AddMonths(month));
        }

        var map = LinkMap.Write([.. Enumerable.Range(1, Links).Select(place => new LinkPlace(place % 2, place, ""))]);
        var each = events / Weeks;
        for (var week = 0; week < Weeks; week++)
        {
            var at = now.AddDays(-7 * (Weeks - week));
            await ExecuteAsync(source, AddMessages, week * 100_000, week, at, map, each / 2);
            await ExecuteAsync(source, AddEvents, week * 100_000, week, at, each, each / 2, now);
        }

        await ExecuteAsync(
            source,
            """
            INSERT INTO links.destinations (cluster_id, link_id, url_hash, url)
            SELECT 1, week * 1000 + place, ''::bytea, 'https://example.com/' || week || '/' || place
            FROM generate_series(0, 51) week, generate_series(0, 39) place
            """);
        await ExecuteAsync(source, "VACUUM ANALYZE");
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql, params object[] values)
    {
        await using var command = source.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        await command.ExecuteNonQueryAsync();
    }

    private static async Task<string> LineAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        return Convert.ToString(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture)!;
    }

    private static async Task WriteAsync(
        NpgsqlDataSource source, string results, long messages, TimeSpan filled, TimeSpan rebuilt)
    {
        var count = await LineAsync(source, "SELECT count(*) FROM ingest.events");
        var size = await LineAsync(
            source,
            """
            SELECT string_agg(format('| `%s` | %s | %s |', name, (bytes / (SELECT count(*) FROM ingest.events))::bigint,
                pg_size_pretty(bytes)), E'\n' ORDER BY bytes DESC)
            FROM (
                SELECT 'ingest.events, rows' AS name, sum(pg_table_size(inhrelid)) AS bytes
                FROM pg_inherits WHERE inhparent = 'ingest.events'::regclass
                UNION ALL
                SELECT 'ingest.events, indexes', sum(pg_indexes_size(inhrelid))
                FROM pg_inherits WHERE inhparent = 'ingest.events'::regclass
                UNION ALL
                SELECT 'ingest.' || relname, pg_total_relation_size(oid) FROM pg_class
                WHERE relnamespace = 'ingest'::regnamespace AND relkind = 'r'
                    AND relname IN ('counts', 'message_counts', 'message_days')
            ) t
            """);
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Statistics over many events

            Written by `dotnet run -c Release --project tests/Benchmarks -- statistics`.

            {count} events of one cluster in a year, with {messages} messages: 52 campaigns of 40 links each, a thousand
            recipient domains, four of five events in the first three days of a campaign. Filled by SQL in
            {filled.TotalSeconds:F0} s, counted by a rebuild in {rebuilt.TotalSeconds:F0} s. PostgreSQL with its defaults
            but for fsync, on the same machine ({Environment.ProcessorCount} cores, which others use too); {Rounds} rounds,
            after two that warm up.

            | question | median | from … to |
            |---|---|---|
            {results.TrimEnd()}

            Wanted: 200 ms for a year, 50 ms for a message's page.

            | on disk | bytes for each event | in all |
            |---|---|---|
            {size}

            """);
        Console.WriteLine(text);
        await File.WriteAllTextAsync(
            Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results", "statistics.md"), text);
    }

    private static string SourceFile([CallerFilePath] string path = "") => path;
}
