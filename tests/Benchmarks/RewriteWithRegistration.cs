using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite;
using Tracking.Rewrite.Messages;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures the rewriting of a campaign with registration in PostgreSQL, and the work of the database.
/// <see cref="TrackMessage"/> is composed as in the service. Each letter is the newsletter of <c>tests/Newsletters</c>
/// with its own message id, recipient and links to unsubscribe. PostgreSQL is on the same machine and has its defaults,
/// including fsync.
/// </summary>
internal static class RewriteWithRegistration
{
    private const int Rounds = 5;
    private const double SecondsPerRound = 2;

    private static readonly int[] _inFlight = [1, 16, 128];

    private static long _roundTrips;
    private static long _letters;

    public static async Task RunAsync()
    {
        await using var server = new TestPostgres { IsDurable = true };
        var database = await server.CreateDatabaseAsync(default);
        await FirstKey.MakeAsync(database);
        await using var app = await StartAsync(database);
        var cluster = await AddClusterAsync(app.Services);
        var track = app.Services.GetRequiredService<TrackMessage>();
        using var counting = CountRoundTrips();
        var results = new List<Result>();
        for (var round = -1; round < Rounds; round++) // the first warms up
        {
            foreach (var cores in Enumerable.Range(1, Math.Min(2, Environment.ProcessorCount)))
            {
                UseCores(cores);
                foreach (var inFlight in _inFlight)
                {
                    var result = await MeasureAsync(track, cluster, cores, inFlight);
                    if (round >= 0)
                    {
                        results.Add(result);
                    }
                }
            }
        }

        await app.StopAsync();
        Report(results);
    }

    private static async Task<Result> MeasureAsync(
        TrackMessage track, DirectoryCluster cluster, int cores, int inFlight)
    {
        var stop = new CancellationTokenSource(TimeSpan.FromSeconds(SecondsPerRound));
        var (trips, processor) = (Interlocked.Read(ref _roundTrips), Environment.CpuUsage.TotalTime);
        var allocated = GC.GetTotalAllocatedBytes();
        var started = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ =>
            Task.Run(() => SendAsync(track, cluster, stop.Token))));
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var letters = counts.Sum();
        return new Result(
            cores,
            inFlight,
            letters / seconds,
            (double)letters / (Interlocked.Read(ref _roundTrips) - trips),
            (Environment.CpuUsage.TotalTime - processor).TotalMicroseconds / letters,
            (GC.GetTotalAllocatedBytes() - allocated) / letters);
    }

    // Like an MTA's connection: one message after the other, each answer awaited.
    private static async Task<int> SendAsync(TrackMessage track, DirectoryCluster cluster, CancellationToken stop)
    {
        var letters = new Campaign(Letter(), "7f3a91");
        var count = 0;
        while (!stop.IsCancellationRequested)
        {
            letters.Next();
            var number = Interlocked.Increment(ref _letters).ToString(CultureInfo.InvariantCulture);
            var metadata = new MessageMetadata
            {
                MessageId = $"{number}.7f3a91@mail.example.org",
                Sender = "letter@example.org",
                Recipient = $"reader{number}@example.net",
            };
            var result = await track.TrackAsync(
                cluster, MessageHeader.Read(letters.Message), metadata, CancellationToken.None);
            if (result is not { Outcome: TrackOutcome.Tracked, TrackedLinks: > 80 })
            {
                throw new InvalidOperationException($"A letter was not tracked: {result.Outcome}.");
            }

            count++;
        }

        return count;
    }

    private static byte[] Letter() => new Newsletter()
        .With("Hello, the first frost", "Hello Anna-7f3a91, the first frost")
        .With("Hello,\r\n", "Hello Anna-7f3a91,\r\n")
        .Message;

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
        var app = builder.Build();
        await app.StartAsync();
        await app.Services.GetRequiredService<SigningKeyRing>().RefreshAsync(default);
        return app;
    }

    private static async Task<DirectoryCluster> AddClusterAsync(IServiceProvider services)
    {
        var settings = JsonSerializer.Serialize(
            new ClusterSettings { TrackClicks = true, TrackOpens = true }, ClusterSettings.Json);
        await using var command = services.GetRequiredService<NpgsqlDataSource>().CreateCommand(
            "INSERT INTO management.clusters (id, name, settings) VALUES (1, 'campaign', $1::jsonb)");
        command.Parameters.Add(new() { Value = settings });
        await command.ExecuteNonQueryAsync();
        var directory = services.GetRequiredService<ClusterDirectory>();
        await directory.RefreshAsync(default);
        return directory.TryGet(new ClusterId(1), out var cluster)
            ? cluster
            : throw new InvalidOperationException("The cluster is not there.");
    }

    // Npgsql starts an activity for each command or batch.
    private static ActivityListener CountRoundTrips()
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.PropagationData,
            ActivityStopped = _ => Interlocked.Increment(ref _roundTrips),
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private static void UseCores(int cores)
    {
        if (OperatingSystem.IsLinux() || OperatingSystem.IsWindows())
        {
            using var self = Process.GetCurrentProcess();
            self.ProcessorAffinity = (1 << cores) - 1;
        }
    }

    private static void Report(List<Result> results)
    {
        var rows = results
            .GroupBy(result => (result.Cores, result.InFlight))
            .Select(group => string.Create(
                CultureInfo.InvariantCulture,
                $"| {group.Key.Cores} | {group.Key.InFlight} | {Median(group, r => r.PerSecond):F0} "
                + $"| {Median(group, r => r.PerRoundTrip):F1} | {Median(group, r => r.Microseconds):F0} µs "
                + $"| {Median(group, r => r.Allocated) / 1024:F0} kB |"));
        var best = results.GroupBy(result => result.Cores)
            .ToDictionary(
                cores => cores.Key,
                cores => cores.GroupBy(r => r.InFlight).Max(group => Median(group, r => r.PerSecond)));
        var scaling = best.TryGetValue(2, out var two)
            ? string.Create(CultureInfo.InvariantCulture, $"From one core to two: **{two / best[1]:F2}** times the messages.")
            : "This machine has one core.";
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Rewriting with registration

            Written by `dotnet run -c Release --project tests/Benchmarks -- rewrite-with-registration`.

            A campaign's letters ({Letter().Length / 1024} kB, quoted-printable, 97 links) through `TrackMessage` as the service
            composes it, the message and its links committed in PostgreSQL before each letter comes back. So many senders,
            each waiting for its letter before the next. The rewriter's process is held to so many cores; PostgreSQL, with
            its defaults and fsync, has the whole machine ({Environment.ProcessorCount} cores), so with two cores both share them.
            {Rounds} rounds of {SecondsPerRound:F0} s each in turn, medians. A round trip is one batch of two statements at most
            (destinations and messages), in one transaction; for known links it is one. What stood there before is read back.

            | cores | senders | messages/s | messages per round trip | rewriter's processor time per message | allocated per message |
            |---|---|---|---|---|---|
            {string.Join("\n", rows)}

            {scaling} Of the allocated bytes, the output is {Letter().Length / 1024} kB and the links' places and names are most of the rest.

            """);
        Console.WriteLine(text);
        var folder = Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "rewrite-with-registration.md"), text);
    }

    private static double Median(IEnumerable<Result> results, Func<Result, double> value)
    {
        var values = results.Select(value).Order().ToArray();
        return values[values.Length / 2];
    }

    private static string SourceFile([CallerFilePath] string path = "") => path;

    private sealed record Result(
        int Cores, int InFlight, double PerSecond, double PerRoundTrip, double Microseconds, long Allocated);
}
