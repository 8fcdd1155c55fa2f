using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.EventIngest.Webhooks;
using Tracking.Links;
using Tracking.Servers;
using Tracking.Webhooks;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures whether dead receivers delay the others. Of 10,000 endpoints, 100 accept requests and never answer. Every
/// 20 ms ten random healthy endpoints get a webhook, and in every second round a dead one too. The time from the row to
/// the receiver is measured, with default settings. Rounds with and without dead endpoints alternate.
/// </summary>
internal static class DeliverWebhooks
{
    private const int Clusters = 100;
    private const int EndpointsPerCluster = 100;
    private const int Dead = 100;
    private const int Rounds = 5;
    private const int AtOnce = 10;

    private static readonly TimeSpan _round = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);

    public static async Task RunAsync()
    {
        await using var server = new TestPostgres { IsDurable = true };
        await using var source = NpgsqlDataSource.Create(await server.CreateDatabaseAsync(default));
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var hanging = await WebhookReceiver.StartAsync();
        hanging.Answer = context => Task.Delay(Timeout.Infinite, context.RequestAborted);
        var endpoints = await AddEndpointsAsync(source, receiver.Url, hanging.Url);
        using var worker = Worker(source);
        await worker.StartAsync(default);

        var without = new List<double[]>();
        var with = new List<double[]>();
        for (var round = -1; round < Rounds; round++) // the first warms up
        {
            var calm = await RunAsync(source, endpoints, receiver, withDead: false);
            var disturbed = await RunAsync(source, endpoints, receiver, withDead: true);
            if (round >= 0)
            {
                without.Add(calm);
                with.Add(disturbed);
            }
        }

        await WriteResultsAsync(source, without, with);
        await worker.StopAsync(default);
    }

    private static VisitEndpoints Worker(NpgsqlDataSource source)
    {
        var (options, time) = (Options.Create(Settings()), TimeProvider.System);
        var connections = new WebhookConnections(options);
        var secrets = new OpenSecrets(Options.Create(
            new SystemOptions { MasterKey = Convert.ToBase64String(new byte[MasterKey.Size]) }));
        var claim = new ClaimEndpoints(source, connections, options, time);
        var telemetry = ActivatorUtilities.CreateInstance<WebhookTelemetry>(
            new ServiceCollection().AddMetrics().BuildServiceProvider());
        return new VisitEndpoints(
            claim,
            new DeliverWebhook(
                claim, new KeepVisit(source, connections, time),
                new SendWebhook(new ReceiverAddress(options, time), options, time), secrets, telemetry, options, time,
                NullLogger<DeliverWebhook>.Instance),
            new KnownEndpoints(source, options, time, NullLogger<KnownEndpoints>.Instance),
            secrets, new WebhooksWaiting(), options, time, NullLogger<VisitEndpoints>.Instance);
    }

    private static WebhookOptions Settings()
    {
        var options = new WebhookOptions { AllowHttp = true, AllowPrivateAddresses = true };
        options.Ports.Add(WebhookOptions.AnyPort);
        return options;
    }

    // The dead endpoints are distributed over the clusters.
    private static async Task<List<(int Cluster, Guid Id, bool IsDead)>> AddEndpointsAsync(
        NpgsqlDataSource source, Uri url, Uri dead)
    {
        await ExecuteAsync(
            source, "INSERT INTO management.clusters (id, name) SELECT n, n::text FROM generate_series(1, $1) n",
            Clusters);
        using var key = new MasterKey(new byte[MasterKey.Size]);
        var endpoints = new List<(int Cluster, Guid Id, bool IsDead)>();
        for (var n = 0; n < Clusters * EndpointsPerCluster; n++)
        {
            endpoints.Add(((n % Clusters) + 1, Guid.CreateVersion7(), n < Dead));
        }

        await ExecuteAsync(
            source,
            """
            INSERT INTO webhooks.endpoints (cluster_id, id, url, description, event_types, people_only, sealed_secret,
                created_at)
            SELECT c, i, u, '', '{}', false, s, now()
            FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::bytea[]) e (c, i, u, s)
            """,
            endpoints.Select(e => e.Cluster).ToArray(),
            endpoints.Select(e => e.Id).ToArray(),
            endpoints.Select(e => (e.IsDead ? dead : url).ToString()).ToArray(),
            endpoints.Select(e => WebhookSecret.Seal(key, e.Id, WebhookSecret.Create())).ToArray());
        return endpoints;
    }

    private static async Task<double[]> RunAsync(
        NpgsqlDataSource source,
        List<(int Cluster, Guid Id, bool IsDead)> endpoints,
        WebhookReceiver receiver,
        bool withDead)
    {
        var times = new ConcurrentBag<double>();
        receiver.Seen = webhook =>
        {
            var began = (long)JsonNode.Parse(webhook.Body)!["began"]!;
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        };
        var sent = 0;
        var clock = Stopwatch.StartNew();
        using var timer = new PeriodicTimer(_pause);
        while (clock.Elapsed < _round)
        {
            var chosen = Enumerable.Range(0, AtOnce)
                .Select(_ => endpoints[Random.Shared.Next(Dead, endpoints.Count)])
                .Concat(withDead ? [endpoints[Random.Shared.Next(Dead)]] : []).DistinctBy(e => e.Id).ToList();
            sent += chosen.Count(e => !e.IsDead);
            await SendAsync(source, chosen);
            await timer.WaitForNextTickAsync();
        }

        await Eventually.HoldsAsync(() => times.Count >= sent, "every healthy endpoint has what is its", default);
        await ExecuteAsync(source, "UPDATE webhooks.deliveries SET status = 2 WHERE status = 0");
        await ExecuteAsync(source, "UPDATE webhooks.endpoints SET failing_since = NULL");
        return [.. times.Order()];
    }

    private static Task SendAsync(NpgsqlDataSource source, List<(int Cluster, Guid Id, bool IsDead)> endpoints) =>
        ExecuteAsync(
            source,
            """
            INSERT INTO webhooks.deliveries (cluster_id, endpoint_id, id, event_type, occurred_at, payload,
                next_attempt_at)
            SELECT c, e, i, 7, now(), p, now() FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[]) d (c, e, i, p)
            """,
            endpoints.Select(e => e.Cluster).ToArray(),
            endpoints.Select(e => e.Id).ToArray(),
            endpoints.Select(_ => Guid.CreateVersion7()).ToArray(),
            endpoints.Select(_ => string.Create(
                CultureInfo.InvariantCulture, $$"""{"began":{{Stopwatch.GetTimestamp()}}}""")).ToArray());

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql, params object[] values)
    {
        await using var command = source.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        await command.ExecuteNonQueryAsync();
    }

    private static async Task WriteResultsAsync(
        NpgsqlDataSource source, List<double[]> without, List<double[]> with)
    {
        await using var select = source.CreateCommand("SELECT current_setting('server_version_num')::int / 10000");
        var version = await select.ExecuteScalarAsync();
        var ratio = Median(with.Select(round => At(round, 0.99))) / Median(without.Select(round => At(round, 0.99)));
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Webhooks beside dead receivers

            Written by `dotnet run -c Release --project tests/Benchmarks -- webhooks`.

            {Clusters * EndpointsPerCluster} endpoints of {Clusters} clusters, {Dead} of which accept requests and never answer. Each {_pause.TotalMilliseconds:F0} ms
            {AtOnce} random healthy endpoints get a webhook, and in every second round a dead one too; {Rounds} rounds of {_round.TotalSeconds:F0} s of each,
            in turn. From the insert of the row to the receiver's reading of the body, in milliseconds, medians of the rounds; PostgreSQL {version}
            with its defaults, worker, receivers and load on the same machine ({Environment.ProcessorCount} cores). The database is
            asked what is due each {Settings().LookInterval.TotalMilliseconds:F0} ms, as by default.

            | | p50 | p99 | p99, rounds from … to |
            |---|---|---|---|
            {Row("none dead", without)}
            {Row($"{Dead} dead", with)}

            **Ratio of p99: {ratio:F2}** (wanted: at most 1.2).

            """);
        Console.WriteLine(text);
        await File.WriteAllTextAsync(
            Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results", "webhooks.md"), text);
    }

    private static string Row(string name, List<double[]> rounds)
    {
        var p99 = rounds.Select(round => At(round, 0.99)).ToList();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {Median(rounds.Select(round => At(round, 0.5))):F0} | {Median(p99):F0} | {p99.Min():F0} … {p99.Max():F0} |");
    }

    private static double At(double[] sorted, double share) => sorted[(int)(share * (sorted.Length - 1))];

    private static double Median(IEnumerable<double> values) => At([.. values.Order()], 0.5);

    private static string SourceFile([CallerFilePath] string path = "") => path;
}
