using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
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
using Tracking.Rewrite;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures how one tenant's load delays another tenant's mail. Rewriter and API run in one process, as in Standalone,
/// with PostgreSQL (with fsync) on the same machine. One tenant has 300,000 messages and events and floods the API. The
/// other sends one message after the other, and the time of each is measured. Rounds with and without the flood
/// alternate.
/// </summary>
internal static class TenantsApart
{
    private const int Rounds = 5;
    private const int Clients = 150;
    private const int Rows = 300_000;

    private static readonly TimeSpan _round = TimeSpan.FromSeconds(6);

    // The pause of a refused client before its next request. Clients without a pause would mostly measure themselves,
    // because they run on the same two cores.
    private static readonly TimeSpan _again = TimeSpan.FromMilliseconds(250);

    private static readonly (string Name, Func<string, string> Path, string Accept, bool IsInvented)[] _floods =
    [
        ("searches that find nothing", cluster => $"{cluster}/messages?q=nothing-like-it", "application/json", false),
        ("exports of everything", cluster => $"{cluster}/events", "text/csv", false),
        ("statistics of everything by client", cluster => $"{cluster}/stats?groupBy=client&from=2026-01-01",
            "application/json", false),
        ("invented keys", cluster => $"{cluster}/messages", "application/json", true),
    ];

    public static async Task RunAsync()
    {
        await using var server = new TestPostgres { IsDurable = true };
        await using var app = await StartAsync(await server.CreateDatabaseAsync(default));
        var url = new Uri(app.Urls.Single());
        var (loud, loudKey) = await AddClusterAsync(app.Services, 1);
        var (quiet, quietKey) = await AddClusterAsync(app.Services, 2);
        await FillAsync(app.Services, loud);
        await app.Services.GetRequiredService<ClusterDirectory>().RefreshAsync(default);

        var results = new List<Result>();
        for (var round = -1; round < Rounds; round++) // the first warms up
        {
            foreach (var (name, path, accept, isInvented) in _floods)
            {
                var alone = await MailAsync(url, quiet, quietKey);
                using var stop = new CancellationTokenSource();
                var flood = Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => Task.Run(() =>
                    FloodAsync(url, $"/api/v1/clusters/{path(loud.ToString())}", accept, loudKey, isInvented, stop.Token))));
                var flooded = await MailAsync(url, quiet, quietKey);
                await stop.CancelAsync();
                var answers = (await flood).Aggregate((one, other) => one + other);
                if (round >= 0)
                {
                    results.Add(new Result(name, alone, flooded, answers));
                }
            }
        }

        await app.StopAsync();
        Report(results);
    }

    private static async Task<Latency> MailAsync(Uri url, ClusterId cluster, string key)
    {
        using var client = Client(url, key);
        var message = Encoding.ASCII.GetBytes(
            "From: news@shop.example\r\nTo: reader@example.com\r\nSubject: Hello\r\nContent-Type: text/html\r\n\r\n"
            + "<a href=\"https://shop.example/a\">here</a>\r\n");
        var times = new List<double>();
        var until = Stopwatch.GetTimestamp() + (long)(_round.TotalSeconds * Stopwatch.Frequency);
        while (Stopwatch.GetTimestamp() < until)
        {
            using var content = new ByteArrayContent(message);
            content.Headers.ContentType = new MediaTypeHeaderValue("message/rfc822");
            content.Headers.Add("tracking-message-id", Guid.NewGuid().ToString());
            var began = Stopwatch.GetTimestamp();
            using var answer = await client.PostAsync($"/api/v1/clusters/{cluster}/rewrite", content);
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            if (answer.StatusCode != HttpStatusCode.OK)
            {
                throw new InvalidOperationException($"A message was answered {answer.StatusCode}.");
            }
        }

        times.Sort();
        return new Latency(times.Count, times[times.Count / 2], times[times.Count * 99 / 100]);
    }

    private static async Task<Answers> FloodAsync(
        Uri url, string path, string accept, string key, bool isInvented, CancellationToken stop)
    {
        using var client = Client(url, key);
        client.DefaultRequestHeaders.Accept.ParseAdd(accept);
        var (done, refused) = (0, 0);
        try
        {
            while (true)
            {
                if (isInvented)
                {
                    client.DefaultRequestHeaders.Authorization = new("Bearer", ApiKeySecret.Create());
                }

                using var answer = await client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, stop);
                await answer.Content.CopyToAsync(Stream.Null, stop);
                if (answer.IsSuccessStatusCode)
                {
                    done++;
                    continue;
                }

                refused++;
                await Task.Delay(_again, stop);
            }
        }
        catch (Exception exception) when (
            exception is OperationCanceledException or HttpRequestException or IOException)
        {
            return stop.IsCancellationRequested
                ? new Answers(done, refused)
                : throw new InvalidOperationException("The flood was broken off.", exception);
        }
    }

    private static HttpClient Client(Uri url, string key)
    {
        var client = new HttpClient { BaseAddress = url };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
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
        builder.AddRewrite();
        builder.AddManagement();
        var app = builder.Build();
        app.MapServiceDefaults();
        app.MapRewrite();
        app.MapManagement();
        await app.StartAsync();
        return app;
    }

    private static async Task<(ClusterId Cluster, string Key)> AddClusterAsync(IServiceProvider services, int number)
    {
        var cluster = new ClusterId(number);
        var secret = ApiKeySecret.Create();
        _ = ApiKeySecret.TryHash(secret, out var hash);
        await ExecuteAsync(
            services,
            """INSERT INTO management.clusters (id, name, settings) VALUES ($1, $2, '{"trackClicks": true}')""",
            number, $"tenant {number}");
        await ExecuteAsync(
            services,
            "INSERT INTO management.api_keys (id, cluster_id, name, secret_hash) VALUES ($1, $2, 'key', $3)",
            Guid.NewGuid(), number, hash!);
        return (cluster, secret);
    }

    private static async Task FillAsync(IServiceProvider services, ClusterId cluster)
    {
        await ExecuteAsync(
            services,
            """
            INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, sender, recipient,
                recipient_domain, tags, host, registered_at, link_count, opens_tracked, link_map)
            SELECT $1, substr(h, 1, 9), h, h, id, 'news@shop.example', 'r' || i || '@example.com', 'example.com',
                ARRAY['t' || i % 1000], 'track.localhost', timestamptz '2026-11-20 00:00Z' + i * interval '50 ms', 0, true, $2
            FROM (SELECT i, id, sha256(id::bytea) AS h
                FROM generate_series(1, $3) AS i, LATERAL (SELECT 'm' || i || '@shop.example') AS named(id)) AS numbered
            """,
            cluster.Value, LinkMap.Write([]), Rows);
        await ExecuteAsync(
            services,
            """
            INSERT INTO ingest.events (id, occurred_at, kind, method, cluster_id, message_key, link_id, ordinal,
                client_address, user_agent, verdict, vendor, reasons)
            SELECT (left(ingest.uuidv7_floor(at)::text, 14) || '7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, at, i % 2, 0,
                $1, substr(sha256(('m' || i || '@shop.example')::bytea), 1, 9), 0, 0, '192.0.2.1',
                'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 0, NULL, '{}'
            FROM generate_series(1, $2) AS i,
                LATERAL (SELECT timestamptz '2026-11-20 00:00Z' + i * interval '50 ms') AS timed(at)
            """,
            cluster.Value, Rows);
        await ExecuteAsync(services, "VACUUM ANALYZE");
    }

    private static async Task ExecuteAsync(IServiceProvider services, string sql, params object[] values)
    {
        await using var command = services.GetRequiredService<NpgsqlDataSource>().CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        command.CommandTimeout = 600;
        await command.ExecuteNonQueryAsync();
    }

    private static void Report(List<Result> results)
    {
        var rows = results.GroupBy(result => result.Flood).Select(flood => string.Create(
            CultureInfo.InvariantCulture,
            $"| {flood.Key} | {Median(flood, r => r.Alone.P50):F1} | {Median(flood, r => r.Flooded.P50):F1} "
            + $"| {Median(flood, r => r.Alone.P99):F1} | {Median(flood, r => r.Flooded.P99):F1} "
            + $"| **{Median(flood, r => r.Flooded.P99 / r.Alone.P99):F1}** "
            + $"| {flood.Sum(r => r.Flooded.Count)} | {flood.Sum(r => r.Answers.Done)} | {flood.Sum(r => r.Answers.Refused)} |"));
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Tenants apart

            Written by `dotnet run -c Release --project tests/Benchmarks -- tenants-apart`.

            One tenant has {Rows:N0} messages and as many events and floods the API from {Clients} connections; the next request of each
            follows the answer, {_again.TotalMilliseconds:F0} ms later when it was refused. Another tenant sends small messages, one after the other, over HTTP.
            Rewriter and API are one process, PostgreSQL with fsync runs beside it, and the flood's clients run there too: all share
            {Environment.ProcessorCount} cores. {Rounds} rounds of {_round.TotalSeconds:F0} s undisturbed and {_round.TotalSeconds:F0} s flooded in turn, medians, milliseconds a message. The settings are
            the defaults.

            | flood | p50 alone | p50 flooded | p99 alone | p99 flooded | p99 flooded : alone | messages accepted, all of them | requests answered | refused |
            |---|---|---|---|---|---|---|---|---|
            {string.Join("\n", rows)}

            """);
        Console.WriteLine(text);
        var folder = Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "tenants-apart.md"), text);
    }

    private static double Median(IEnumerable<Result> results, Func<Result, double> value)
    {
        var values = results.Select(value).Order().ToArray();
        return values[values.Length / 2];
    }

    private static string SourceFile([CallerFilePath] string path = "") => path;

    private sealed record Latency(int Count, double P50, double P99);

    private sealed record Answers(int Done, int Refused)
    {
        public static Answers operator +(Answers one, Answers other) =>
            new(one.Done + other.Done, one.Refused + other.Refused);
    }

    private sealed record Result(string Flood, Latency Alone, Latency Flooded, Answers Answers);
}
