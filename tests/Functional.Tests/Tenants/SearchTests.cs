using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Tracking.Database;
using Tracking.Functional.Tests.Management;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;

namespace Tracking.Functional.Tests.Tenants;

/// <summary>Searches among 300,000 messages and events use an index and read a limited number of pages.</summary>
public sealed class SearchTests(RewritePostgres postgres)
{
    private const int Rows = 300_000;

    // One step of 10,000 rows and the rows of a result page. Far below the 10,000 pages of either table.
    private const long PagesOfASearch = 4_500;

    private static readonly (string Path, long Pages)[] _asked =
    [
        ("messages?limit=500", 700),
        ("messages?recipient=R7@Example.com", 60),
        ("messages?recipient=nobody@example.com", 20),
        ("messages?recipient=r7@example.com&tag=t7&q=m7", 60),
        ("messages?from=2026-11-20T02:00:00Z&to=2026-11-20T02:01:00Z", 200),
        ("messages?q=nothing-like-it", PagesOfASearch),
        ("messages?q=%25", PagesOfASearch),
        ("messages?tag=none", PagesOfASearch),
        ("messages?tag=none&from=2026-11-20T02:00:00Z", PagesOfASearch),
        ("messages/m299", 60),
        ("messages/m299/events", 60),
        ("events?limit=500", 6_000),
        ("events?order=asc&limit=500", 6_000),
        ("events?recipient=r7@example.com", 100),
        ("events?recipient=nobody@example.com", 60),
        ("events?kind=honeypot", PagesOfASearch),
        ("events?verdict=scanner", PagesOfASearch),
        ("events?link=0000000000000001&order=asc", PagesOfASearch),
        ("events?human=false&from=2026-11-20T00:00:00Z", PagesOfASearch),
        ("events?from=2026-11-20T02:00:00Z&to=2026-11-20T02:00:10Z&kind=open", 700),
        ("api-keys", 20),
        ("", 20),
    ];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_search_uses_an_index_and_continues_where_it_stopped()
    {
        await using var host = await RewriteHost.StartAsync(
            await postgres.CreateDatabaseAsync(),
            ("Tracking:Management:MaxSearched", "10000"),
            ("Tracking:Database:ApiConnections", "2"));
        var cluster = await host.CreateClusterAsync();
        await FillAsync(host, cluster);

        var wrong = new List<string>();
        foreach (var (path, most) in _asked)
        {
            var before = await TouchedAsync(host);
            await ManagementHost.GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/{path}".TrimEnd('/'));
            var after = await TouchedAsync(host);
            if (after.Pages - before.Pages > most || after.Scans != before.Scans)
            {
                wrong.Add($"{path}: {after.Pages - before.Pages} pages, {after.Scans - before.Scans} whole tables");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));

        // The oldest message is on the last page, and no page before is marked as the last.
        Assert.Equal(["m0"], await SearchAsync(host, $"/api/v1/clusters/{cluster}/messages?q=M0@", "messageId"));
        Assert.Equal(
            Rows / 1000,
            (await SearchAsync(host, $"/api/v1/clusters/{cluster}/messages?tag=t999&limit=7", "messageId")).Count);
        Assert.Equal(
            ["m150000"],
            (await SearchAsync(host, $"/api/v1/clusters/{cluster}/events?kind=honeypot", "messageId"))
                .Select(id => id.Split('@')[0]));
        Assert.Equal(
            3 * Rows / 100_000,
            (await SearchAsync(host, $"/api/v1/clusters/{cluster}/events?kind=image&order=asc&limit=2", "id")).Count);
    }

    [Fact]
    public async Task An_export_with_a_filter_holds_every_event_of_the_range_once()
    {
        await using var host = await RewriteHost.StartAsync(await postgres.CreateDatabaseAsync());
        var cluster = await host.CreateClusterAsync();
        await FillAsync(host, cluster);
        using var client = host.Client(await host.CreateKeyAsync(cluster));
        client.DefaultRequestHeaders.Accept.ParseAdd("application/x-ndjson");

        foreach (var (filter, count) in new[]
        {
            ("kind=honeypot", 1), ("kind=image", 9), ("kind=click&limit=500", 500),
            ("recipient=r8@example.com", 1), ("from=2026-11-20T04:00:00Z", Rows - (4 * 60 * 60 * 20)),
        })
        {
            var lines = (await client.GetStringAsync($"/api/v1/clusters/{cluster}/events?{filter}", Cancelled))
                .Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(count, lines.Select(line => (string)JsonNode.Parse(line)!["id"]!).Distinct().Count());
            Assert.Equal(count, lines.Length);
        }
    }

    // Reads all pages.
    private static async Task<List<string>> SearchAsync(RewriteHost host, string path, string member)
    {
        var found = new List<string>();
        string? after = null;
        while (true)
        {
            var page = await ManagementHost.GetAsync(host.Admin, $"{path}&after={after}");
            var items = page["items"]!.AsArray();
            found.AddRange(items.Select(item => ((string)item![member]!).Split('@')[0]));
            after = (string?)page["next"];
            if (after is null || (items.Count == 0 && page["partial"] is null))
            {
                return found;
            }
        }
    }

    private static async Task FillAsync(RewriteHost host, ClusterId cluster)
    {
        // Message and event number i have the time of second i/20 of a day. The messages' keys are random like hashes.
        await host.ExecuteAsync(
            """
            INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, sender, recipient,
                recipient_domain, tags, host, registered_at, link_count, opens_tracked, link_map)
            SELECT $1, substr(h, 1, 9), h, h, id, 'news@shop.example', 'r' || i || '@example.com',
                'example.com', ARRAY['t' || i % 1000], 'track.localhost', timestamptz '2026-11-20 00:00Z' + i * interval '50 ms',
                0, true, $2
            FROM (SELECT i, id, sha256(id::bytea) AS h
                FROM generate_series(0, $3) AS i, LATERAL (SELECT 'm' || i || '@shop.example') AS named(id)) AS numbered
            """,
            cluster.Value, LinkMap.Write([]), Rows - 1);
        await host.ExecuteAsync(
            """
            INSERT INTO ingest.events (id, occurred_at, kind, method, cluster_id, message_key, link_id, ordinal,
                client_address, user_agent, verdict, vendor, reasons)
            SELECT (left(ingest.uuidv7_floor(at)::text, 14) || '7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, at,
                CASE WHEN i = 150000 THEN 3 WHEN i % 33334 = 1 THEN 2 ELSE i % 2 END, 0, $1,
                substr(sha256(('m' || i || '@shop.example')::bytea), 1, 9),
                0, 0, '192.0.2.1', 'Mozilla/5.0', 0, NULL, '{}'
            FROM generate_series(0, $2) AS i,
                LATERAL (SELECT timestamptz '2026-11-20 00:00Z' + i * interval '50 ms') AS timed(at)
            """,
            cluster.Value, Rows - 1);
        await host.ExecuteAsync("VACUUM ANALYZE rewrite.messages");
        await host.ExecuteAsync("VACUUM ANALYZE ingest.events");
        var key = MessageKey.FromIdHash(MessageKey.HashId("m299"), 0);
        await host.ExecuteAsync(
            """
            UPDATE rewrite.messages SET message_key = $2, message_id = 'm299', id_hash = $3
            WHERE cluster_id = $1 AND message_id = 'm299@shop.example'
            """,
            cluster.Value, key.ToBytes(), MessageKey.HashId("m299"));
    }

    // The number of read pages and sequential scans so far. A session reports its statistics only from time to time. So
    // the sessions of the API, and the one that filled the tables, are told to report now. Otherwise their cost would
    // be counted later.
    private static async Task<(long Pages, long Scans)> TouchedAsync(RewriteHost host)
    {
        var api = host.Services.GetRequiredService<ApiDataSource>().Connections;
        await using var one = await api.OpenConnectionAsync(Cancelled);
        await using var two = await api.OpenConnectionAsync(Cancelled);
        foreach (var connection in new[] { one, two })
        {
            await using var flush = new NpgsqlCommand("SELECT pg_stat_force_next_flush()", connection);
            await flush.ExecuteNonQueryAsync(Cancelled);
        }

        await host.ExecuteAsync("SELECT pg_stat_force_next_flush()");
        return (
            await host.ScalarAsync<long>(
                """
                SELECT sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0))::bigint
                FROM pg_statio_user_tables WHERE schemaname IN ('rewrite', 'ingest')
                """),
            await host.ScalarAsync<long>(
                """
                SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables
                WHERE relname LIKE 'messages%' OR relname LIKE 'events%' AND n_live_tup > 1000
                """));
    }
}
