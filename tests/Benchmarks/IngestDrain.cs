using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.EventIngest;
using Tracking.EventIngest.Batches;
using Tracking.EventIngest.Bots;
using Tracking.EventIngest.Privacy;
using Tracking.EventIngest.Statistics;
using Tracking.EventIngest.Webhooks;
using Tracking.Links;
using Tracking.Servers;
using Tracking.Webhooks;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures how fast ingest stores a backlog, against a raw binary COPY of the same rows. Both store one batch after
/// the other into the same table with its partitions and indexes, which is emptied before each round. PostgreSQL has
/// its defaults, including fsync. The rows of the raw COPY are encoded beforehand, and each batch is one COPY in its
/// own transaction.
/// </summary>
internal static class IngestDrain
{
    private const int Batches = 20;
    private const int EventsPerBatch = 5000;
    private const int Events = Batches * EventsPerBatch;
    private const int Rounds = 9;
    private const int Clusters = 20;
    private const int LinksPerCluster = 40;
    private const int Messages = 200_000;
    private const int Agents = 200;

    public static async Task RunAsync()
    {
        await using var server = new TestPostgres { IsDurable = true };
        await using var source = NpgsqlDataSource.Create(await server.CreateDatabaseAsync(default));
        await AddClustersAsync(source);
        await AddMessagesAsync(source);
        var directory = new ClusterDirectory(source, NullLogger<ClusterDirectory>.Instance);
        await directory.RefreshAsync(default);

        await using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var options = new EventIngestOptions();
        var policies = new FindPolicies(directory, source);
        using var endpoints = new KnownEndpoints(
            source, Options.Create(new WebhookOptions()), TimeProvider.System, NullLogger<KnownEndpoints>.Instance);
        var store = new StoreBatch(
            source, policies, new FindAttributes(source), new ClassifyEvent(),
            new EnqueueDeliveries(endpoints, TimeProvider.System),
            ActivatorUtilities.CreateInstance<IngestTelemetry>(services),
            TimeProvider.System, Options.Create(options), Options.Create(new ClassificationOptions()),
            NullLogger<StoreBatch>.Instance);

        var merge = new MergeChanges(
            source, Options.Create(options), TimeProvider.System, NullLogger<MergeChanges>.Instance);

        var batches = MakeBatches();
        var rows = new List<ReadOnlyMemory<byte>>();
        foreach (var batch in batches)
        {
            using var prepared = new PreparedBatch(batch);
            new PrepareBatch(
                batch, prepared, await policies.RunAsync(batch.Events, default), new ClassifyEvent(),
                TimeProvider.System.GetUtcNow(), options).Run();
            rows.Add(prepared.Rows.ToArray());
        }

        var raw = new List<double>();
        var ingest = new List<double>();
        var allocated = 0L;
        for (var round = -1; round < Rounds; round++) // the first warms up
        {
            var rawTime = await TimeAsync(source, () => CopyAllAsync(source, rows));
            var before = GC.GetTotalAllocatedBytes(precise: true);
            var ingestTime = await TimeAsync(source, () => StoreAllAsync(store, merge, batches));
            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
            if (round >= 0)
            {
                raw.Add(rawTime);
                ingest.Add(ingestTime);
            }
        }

        await WriteResultsAsync(source, raw, ingest, allocated);
    }

    private static async Task StoreAllAsync(StoreBatch store, MergeChanges merge, List<StoreEventBatch> batches)
    {
        foreach (var batch in batches)
        {
            if (await store.RunAsync(batch, [], default) != StoreOutcome.Stored)
            {
                throw new InvalidOperationException("A batch was already there.");
            }
        }

        if (await merge.RunAsync(default) == 0)
        {
            throw new InvalidOperationException("Nothing was counted.");
        }
    }

    private static async Task CopyAllAsync(NpgsqlDataSource source, List<ReadOnlyMemory<byte>> rows)
    {
        await using var connection = await source.OpenConnectionAsync();
        foreach (var batch in rows)
        {
            await using var copy = await connection.BeginRawBinaryCopyAsync(
                $"COPY ingest.events ({PrepareBatch.Columns}) FROM STDIN (FORMAT BINARY)");
            copy.Write(CopyRow.Header);
            await copy.WriteAsync(batch);
            copy.Write(CopyRow.Trailer);
        }
    }

    private static async Task<double> TimeAsync(NpgsqlDataSource source, Func<Task> work)
    {
        await ExecuteAsync(
            source,
            "TRUNCATE ingest.events, ingest.batches, ingest.counts, ingest.count_changes, ingest.message_counts, ingest.message_days, "
                + "ingest.rejected_events");
        await ExecuteAsync(source, "CHECKPOINT");
        var started = Stopwatch.GetTimestamp();
        await work();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        await using var count = source.CreateCommand("SELECT count(*) FROM ingest.events");
        return await count.ExecuteScalarAsync() is (long)Batches * EventsPerBatch
            ? seconds
            : throw new InvalidOperationException("Not every event became a row.");
    }

    // Events of a newsletter: mostly opens, known links, very many readers, and a few hundred user agents.
    private static List<StoreEventBatch> MakeBatches()
    {
        var random = new Random(1);
        var agents = Enumerable.Range(0, Agents).Select(i => Encoding.ASCII.GetBytes(i % 4 == 0
            ? $"Mozilla/5.0 (Windows NT 5.1; rv:{i}.0) Gecko Firefox/{i}.0 (via ggpht.com GoogleImageProxy)"
            : $"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{i}.0.0.0 "
                + "Safari/537.36")).ToArray();
        var edge = Guid.NewGuid();
        var time = TimeProvider.System.GetUtcNow();
        var buffer = new byte[EventRecord.MaxPayloadSize + EventRecord.FrameHeaderSize];
        var address = new byte[4];
        var message = new byte[MessageKey.Size];
        return [.. Enumerable.Range(1, Batches).Select(sequence =>
        {
            using var events = new MemoryStream();
            for (var i = 0; i < EventsPerBatch; i++)
            {
                time = time.AddMicroseconds(200);
                var isOpen = random.Next(10) < 6;
                random.NextBytes(address);
                var number = random.Next(Messages);
                KeyOf(number).Write(message);
                var place = random.Next(LinksPerCluster);
                var record = new EventRecord
                {
                    Id = Guid.CreateVersion7(time),
                    TimeMicros = (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
                    Kind = (byte)(isOpen ? LinkKind.Open : LinkKind.Click),
                    Cluster = 1 + (number % Clusters),
                    Message = message,
                    Link = isOpen ? 0 : (ulong)(place + 1) * 0x9e3779b97f4a7c15,
                    Ordinal = (ushort)(isOpen ? 0 : place),
                    ClientAddress = address,
                    UserAgent = agents[random.Next(Agents)],
                };
                events.Write(buffer, 0, record.WriteFrame(buffer));
            }

            return new StoreEventBatch
            {
                Id = Guid.NewGuid(),
                EdgeId = edge,
                Sequence = sequence,
                AcknowledgedBelow = 1,
                Count = EventsPerBatch,
                Events = events.ToArray(),
            };
        })];
    }

    private static MessageKey KeyOf(int number) => new((ulong)number * 0x9e3779b97f4a7c15, 1);

    // Each message has two tags and a recipient at one of a thousand domains, mostly at one of the first few.
    private static async Task AddMessagesAsync(NpgsqlDataSource source)
    {
        var map = LinkMap.Write([.. Enumerable.Range(1, LinksPerCluster).Select(place => new LinkPlace(1, place, ""))]);
        await using var connection = await source.OpenConnectionAsync();
        await using var rows = await connection.BeginBinaryImportAsync(
            "COPY rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, recipient, "
                + "recipient_domain, tags, host, link_count, opens_tracked, link_map) FROM STDIN (FORMAT BINARY)");
        for (var number = 0; number < Messages; number++)
        {
            var domain = $"example{(int)(1000 * Math.Pow(number / (double)Messages, 6))}.com";
            await rows.StartRowAsync();
            await rows.WriteAsync(1 + (number % Clusters));
            await rows.WriteAsync(KeyOf(number).ToBytes());
            await rows.WriteAsync(new byte[32]);
            await rows.WriteAsync(new byte[32]);
            await rows.WriteAsync($"{number}");
            await rows.WriteAsync($"recipient{number}@{domain}");
            await rows.WriteAsync(domain);
            await rows.WriteAsync(new[] { "newsletter", $"segment {number % 7}" });
            await rows.WriteAsync("track.example.com");
            await rows.WriteAsync(LinksPerCluster);
            await rows.WriteAsync(true);
            await rows.WriteAsync(map);
        }

        await rows.CompleteAsync();
    }

    private static async Task AddClustersAsync(NpgsqlDataSource source)
    {
        await using var command = source.CreateCommand(
            "INSERT INTO management.clusters (id, name) SELECT n, 'cluster ' || n FROM generate_series(1, $1) n");
        command.Parameters.Add(new() { Value = Clusters });
        await command.ExecuteNonQueryAsync();
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static double Median(List<double> seconds) => seconds.Order().ElementAt(seconds.Count / 2);

    private static async Task WriteResultsAsync(
        NpgsqlDataSource source, List<double> raws, List<double> ingests, long allocated)
    {
        await using var select = source.CreateCommand("SELECT current_setting('server_version_num')::int / 10000");
        var version = await select.ExecuteScalarAsync();
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Ingest drain against raw COPY

            Written by `dotnet run -c Release --project tests/Benchmarks -- ingest-drain`.

            {Batches} batches of {EventsPerBatch} events, one after the other, through `StoreBatch` (batch key, checks,
            privacy, classification, COPY, counters and uniques by every grouping, commit), against binary COPY of the same {Events} rows,
            encoded beforehand, a transaction per batch. Same table, partitions and indexes, emptied before each round;
            the counters' changes are merged once, after the last batch;
            PostgreSQL {version} with its defaults, on the same machine ({Environment.ProcessorCount} cores);
            {Rounds} rounds of each in turn, medians. {Clusters} clusters with {LinksPerCluster} links each,
            {Messages} messages with two tags and one of a thousand recipient domains each, {Agents} user agents.

            | | median | rounds from … to | rows/s, for orientation |
            |---|---|---|---|
            {Row("raw COPY", raws)}
            {Row("StoreBatch", ingests)}

            **Ratio: {Median(raws) / Median(ingests):F2}** of raw COPY's speed (wanted: at least 0.35).
            {allocated / Events} bytes allocated per event.

            """);
        Console.WriteLine(text);
        var folder = Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results");
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "ingest-drain.md"), text);
    }

    private static string Row(string what, List<double> seconds) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {what} | {Median(seconds) * 1000:F0} ms | {seconds.Min() * 1000:F0} … {seconds.Max() * 1000:F0} ms "
        + $"| {Events / Median(seconds):F0} |");

    private static string SourceFile([CallerFilePath] string path = "") => path;
}
