using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures the time of a page of a cluster's tracking domains over the API, and of the count of links that a deletion
/// would break. One cluster has 10,000 names, each with a diagnosis, among 100,000 names of other clusters. Two of the
/// names have a million messages.
/// </summary>
internal static class ListTrackingDomains
{
    private const int Names = 10_000;
    private const int OtherNames = 90_000;
    private const int Messages = 1_000_000;
    private const int Page = 500;
    private const double Allowed = 50;

    public static async Task RunAsync(int rounds)
    {
        await using var server = new TestPostgres { IsDurable = true };
        await using var app = await StartAsync(await server.CreateDatabaseAsync(default));
        var source = app.Services.GetRequiredService<NpgsqlDataSource>();
        var key = await FillAsync(source);
        await app.Services.GetRequiredService<ClusterDirectory>().RefreshAsync(default);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        var path = $"/api/v1/clusters/{new ClusterId(1)}/tracking-domains";

        var rows = new List<(string What, List<double> Times)>();
        foreach (var (what, query) in new[]
        {
            ("50 names, the default", "?limit=50"),
            ("500 names, the most", $"?limit={Page}"),
            ("50 names with a part that few have", "?q=9999"),
            ("50 active names", "?status=active"),
        })
        {
            rows.Add((what, await PagesAsync(client, path, query, rounds)));
        }

        var deletion = new List<double>();
        for (var round = -1; round < rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            await using var body = await (await client.DeleteAsync(
                new Uri($"{path}/track000001.example.com?dryRun=true", UriKind.Relative))).EnsureSuccessStatusCode()
                .Content.ReadAsStreamAsync();
            var risk = await JsonNode.ParseAsync(body);
            if ((long?)risk!["messages"] != Messages / 2)
            {
                throw new InvalidOperationException($"The deletion would kill {risk}.");
            }

            if (round >= 0)
            {
                deletion.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }

        await app.StopAsync();
        await ReportAsync(rows, deletion);
    }

    // Reads every page from the first to the last. The first round warms up.
    private static async Task<List<double>> PagesAsync(HttpClient client, string path, string query, int rounds)
    {
        var times = new List<double>();
        for (var round = -1; round < rounds; round++)
        {
            for (string? after = ""; after is not null;)
            {
                var began = Stopwatch.GetTimestamp();
                using var answer = await client.GetAsync(new Uri(
                    path + query + (after.Length == 0 ? "" : $"&after={Uri.EscapeDataString(after)}"),
                    UriKind.Relative));
                var body = await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync();
                if (round >= 0)
                {
                    times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                }

                after = (string?)JsonNode.Parse(body)!["next"];
            }
        }

        return times;
    }

    private static async Task<WebApplication> StartAsync(string database)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = database,
            ["Tracking:MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Size]),
        });
        builder.AddServiceDefaults();
        builder.AddManagement();
        var app = builder.Build();
        app.MapServiceDefaults();
        app.MapManagement();
        await app.StartAsync();
        return app;
    }

    private static async Task<string> FillAsync(NpgsqlDataSource source)
    {
        var secret = ApiKeySecret.Create();
        _ = ApiKeySecret.TryHash(secret, out var hash);
        await ExecuteAsync(
            source,
            "INSERT INTO management.clusters (id, name) SELECT n, 'cluster ' || n FROM generate_series(1, 100) n");
        await ExecuteAsync(
            source,
            "INSERT INTO management.api_keys (id, cluster_id, name, secret_hash) VALUES ($1, NULL, 'key', $2)",
            Guid.NewGuid(), hash!);

        // A last check as a verifier stores it: six questions with their answers.
        await ExecuteAsync(
            source,
            """
            INSERT INTO domains.tracking_domains (id, cluster_id, hostname, target, status, verified_at, next_check_at,
                last_checked_at, last_check)
            SELECT gen_random_uuid(), CASE WHEN n <= $1 THEN 1 ELSE 2 + n % 99 END,
                'track' || lpad(n::text, 6, '0') || '.example.com', 'v-' || n || '.track.example.net', 1, now(),
                now() + interval '1 day', now(),
                jsonb_build_object('outcome', 'verified', 'zone', 'example.com', 'findings', '[]'::jsonb, 'hops',
                    (SELECT jsonb_agg(jsonb_build_object('purpose', 'walk', 'name', 'track.example.com', 'type',
                        'CNAME', 'server', 'ns' || i || '.example.com', 'address', '192.0.2.1', 'transport', 'udp', 'rcode',
                        'NOERROR', 'ttl', 300, 'answers', jsonb_build_array('CNAME v-' || n || '.track.example.net')))
                    FROM generate_series(1, 6) i))
            FROM generate_series(1, $2) n
            """,
            Names, Names + OtherNames);
        await ExecuteAsync(
            source,
            """
            INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, sender, recipient,
                recipient_domain, host, registered_at, link_count, opens_tracked, link_map)
            SELECT 1, substr(h, 1, 9), h, h, id, 'news@shop.example', 'r' || i || '@example.com', 'example.com',
                'track00000' || 1 + i % 2 || '.example.com', now() - i * interval '1 second', 12, true, $2
            FROM (SELECT i, id, sha256(id::bytea) AS h
                FROM generate_series(1, $1) AS i, LATERAL (SELECT 'm' || i || '@shop.example') AS named(id)) AS numbered
            """,
            Messages, LinkMap.Write([]));
        await ExecuteAsync(source, "VACUUM ANALYZE");
        return secret;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql, params object[] values)
    {
        await using var command = source.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        command.CommandTimeout = 600;
        await command.ExecuteNonQueryAsync();
    }

    private static async Task ReportAsync(List<(string What, List<double> Times)> rows, List<double> deletion)
    {
        var lines = rows.Select(row => string.Create(
            CultureInfo.InvariantCulture,
            $"| {row.What} | {row.Times.Count} | {At(row.Times, 0.5):F1} | {At(row.Times, 0.99):F1} |"));
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Lists of tracking domains

            Written by `dotnet run -c Release --project tests/Benchmarks -- list-tracking-domains`.

            A cluster with {Names} names among {Names + OtherNames}, each with its last check; every page from the first to
            the last, one after the other over HTTP, until the last byte is there. PostgreSQL with fsync on the same machine
            ({Environment.ProcessorCount} cores).

            | a page of | pages | median, ms | p99, ms |
            |---|---|---|---|
            {string.Join("\n", lines)}

            What a deletion would kill (`?dryRun=true`), of a name with {Messages / 2} messages of its cluster's {Messages}:
            median {At(deletion, 0.5):F0} ms, slowest {deletion.Max():F0} ms.

            """);
        Console.WriteLine(text);
        var folder = Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results");
        await File.WriteAllTextAsync(Path.Combine(folder, "list-tracking-domains.md"), text);
        if (At(rows[0].Times, 0.99) > Allowed)
        {
            throw new InvalidOperationException($"A page takes more than {Allowed} ms.");
        }
    }

    private static double At(List<double> times, double share) =>
        times.Order().ElementAt((int)(share * (times.Count - 1)));

    private static string SourceFile([CallerFilePath] string path = "") => path;
}
