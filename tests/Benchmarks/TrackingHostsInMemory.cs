using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Links;
using Tracking.RedirectEdge;
using Tracking.RedirectEdge.Events;
using Tracking.RedirectEdge.Hosts;
using Tracking.Servers;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures the cost of a million active tracking domains: the memory, the start of an edge from its copy on disk, a
/// look-up in memory against one in a dictionary of strings, a cold look-up against the shortest possible query, and
/// the change of one name.
/// </summary>
internal static class TrackingHostsInMemory
{
    private const int Names = 1_000_000;
    private const int Clusters = 1_000;
    private const int Asked = 100_000;
    private const int Cold = 2_000;
    private const int Rounds = 9;

    private static readonly RedirectEdgeOptions _edge = new();

    public static async Task RunAsync(string? file)
    {
        await using var server = new TestPostgres { IsDurable = true };
        var connection = await server.CreateDatabaseAsync(default);
        await using var source = NpgsqlDataSource.Create(connection);
        await FillAsync(source);
        await using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        using var counted = new Counted(meters);

        var folderPath = Directory.CreateTempSubdirectory("tracking-hosts-").FullName;
        try
        {
            using var folder = EdgeFolder.Open(folderPath);
            WriteCopy(folder, source, meters);
            var bytes = new FileInfo(Path.Combine(folderPath, "hosts.copy")).Length;

            // The start of an edge: it reads its copy, then reads everything again in the background.
            var before = GC.GetTotalMemory(forceFullCollection: true);
            using var hosts = Hosts(source, meters);
            using var copy = Copy(hosts, folder);
            var watch = Stopwatch.StartNew();
            copy.Restore();
            var restored = watch.Elapsed;
            var count = hosts.Count;
            var memory = GC.GetTotalMemory(forceFullCollection: true) - before;
            using var refresh = new RefreshTrackingHosts(
                hosts, Options.Create(new SystemOptions()), TimeProvider.System,
                NullLogger<RefreshTrackingHosts>.Instance);
            watch.Restart();
            await refresh.StartAsync(default);
            await Eventually.HoldsAsync(() => hosts.IsCaughtUp, "all is read again", default, TimeSpan.FromMinutes(10));
            var readAgain = watch.Elapsed;
            var memoryAfter = GC.GetTotalMemory(forceFullCollection: true) - before;

            var (warm, dictionary, allocated) = Warm(hosts);
            var (cold, p99, query) = await ColdAsync(source, meters);
            var (change, queries, poll) = await ChangeAsync(source, hosts, counted);
            await refresh.StopAsync(default);

            var report = string.Create(CultureInfo.InvariantCulture, $"""
                # A million tracking domains

                Written by `dotnet run -c Release --project tests/Benchmarks -- tracking-hosts <file>`.

                {Names:N0} active names of {Clusters:N0} clusters, 26 octets on average, with a certificate each; PostgreSQL
                with its defaults, fsync included, on the same machine ({Environment.ProcessorCount} cores).

                | | measured | wanted |
                |---|---|---|
                | names in memory after the start | {count:N0} | |
                | memory | {memory / 1e6:F0} MB, {memoryAfter / 1e6:F0} MB after all was read again | 300 MB |
                | the copy on disk | {bytes / 1e6:F0} MB | |
                | start from the copy: names are served | {restored.TotalSeconds:F1} s | 60 s |
                | behind it, all names are read again, a thousand with each query | {readAgain.TotalSeconds:F1} s | |
                | a look-up in memory, median of {Rounds} rounds of {Asked:N0} names | {warm:F0} ns, **{warm / dictionary:F2}** of a dictionary of strings | 1,000 ns |
                | bytes allocated by it | {allocated:F2} | 0 |
                | a cold look-up, median of {Cold:N0} | {cold:F2} ms, **{cold / query:F2}** of `SELECT 1` (p99 {p99:F2} ms) | 5 ms |
                | one name's change, from its announcement to memory | {change.TotalMilliseconds:F1} ms, {queries} query | 1 query |
                | asking PostgreSQL what has changed | {poll.TotalMilliseconds:F1} ms | |

                The dictionary is a `ConcurrentDictionary` with as many strings and the same comparer (names are compared
                without case), asked for a string; the look-up is asked for a span, as it stands in a request.

                """);
            Console.WriteLine(report);
            if (file is not null)
            {
                await File.WriteAllTextAsync(file, report);
            }
        }
        finally
        {
            Directory.Delete(folderPath, recursive: true);
        }
    }

    private static string Name(int number) =>
        string.Create(CultureInfo.InvariantCulture, $"track.shop-{number}.example.com");

    private static async Task FillAsync(NpgsqlDataSource source)
    {
        await using var command = source.CreateCommand(
            $"""
            INSERT INTO domains.tracking_domains (id, cluster_id, hostname, target, status, certificate_until)
            SELECT gen_random_uuid(), 1 + n % {Clusters}, 'track.shop-' || n || '.example.com',
                'v-' || n || '.track.localhost', 1, now() + interval '60 days'
            FROM generate_series(0, {Names} - 1) AS n
            """);
        command.CommandTimeout = 0;
        await command.ExecuteNonQueryAsync();
        await using var analyze = source.CreateCommand("VACUUM ANALYZE domains.tracking_domains");
        analyze.CommandTimeout = 0;
        await analyze.ExecuteNonQueryAsync();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void WriteCopy(EdgeFolder folder, NpgsqlDataSource source, IMeterFactory meters)
    {
        var until = TimeProvider.System.GetUtcNow().AddDays(60);
        using var hosts = Hosts(source, meters);
        hosts.Restore(Enumerable.Range(0, Names).Select(number => new TrackingHost(
            Name(number), new ClusterId(1 + (number % Clusters)), DomainStatus.Active, until)));
        using var copy = Copy(hosts, folder);
        copy.Compact();
    }

    private static (double Warm, double Dictionary, double Allocated) Warm(TrackingHosts hosts)
    {
        var random = new Random(7);
        var asked = Enumerable.Range(0, Asked).Select(_ => Name(random.Next(Names))).ToArray();
        var plain = new ConcurrentDictionary<string, object>(StringComparer.OrdinalIgnoreCase);
        foreach (var name in Enumerable.Range(0, Names).Select(Name))
        {
            plain[name] = plain;
        }

        var (ours, theirs) = (new List<double>(), new List<double>());
        var allocated = 0L;
        for (var round = -2; round < Rounds; round++)
        {
            var bytes = GC.GetAllocatedBytesForCurrentThread();
            var started = Stopwatch.GetTimestamp();
            foreach (var name in asked)
            {
                if (!hosts.TryGet(name.AsSpan(), out var host) || host is null)
                {
                    throw new InvalidOperationException($"{name} is not in memory.");
                }
            }

            var elapsed = Stopwatch.GetElapsedTime(started).TotalNanoseconds / Asked;
            bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
            started = Stopwatch.GetTimestamp();
            foreach (var name in asked)
            {
                if (!plain.ContainsKey(name))
                {
                    throw new InvalidOperationException($"{name} is not in the dictionary.");
                }
            }

            if (round >= 0)
            {
                ours.Add(elapsed);
                theirs.Add(Stopwatch.GetElapsedTime(started).TotalNanoseconds / Asked);
                allocated += bytes;
            }
        }

        return (Median(ours), Median(theirs), allocated / (double)(Rounds * Asked));
    }

    private static async Task<(double Cold, double P99, double Query)> ColdAsync(
        NpgsqlDataSource source, IMeterFactory meters)
    {
        using var hosts = Hosts(source, meters);
        var random = new Random(11);
        var (cold, query) = (new List<double>(), new List<double>());
        for (var i = -200; i < Cold; i++)
        {
            var name = Name(random.Next(Names));
            var started = Stopwatch.GetTimestamp();
            var found = await hosts.FindAsync(name, isAnybodys: true);
            var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            if (found.Outcome != HostLookup.Found)
            {
                throw new InvalidOperationException($"{name}: {found.Outcome}");
            }

            started = Stopwatch.GetTimestamp();
            await using (var command = source.CreateCommand("SELECT 1"))
            {
                await command.ExecuteScalarAsync();
            }

            if (i >= 0)
            {
                cold.Add(elapsed);
                query.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
        }

        cold.Sort();
        return (Median(cold), cold[Cold * 99 / 100], Median(query));
    }

    private static async Task<(TimeSpan Change, long Queries, TimeSpan Poll)> ChangeAsync(
        NpgsqlDataSource source, TrackingHosts hosts, Counted counted)
    {
        const int changed = 4_711;
        await using (var command = source.CreateCommand(
            $"UPDATE domains.tracking_domains SET is_retired = true WHERE hostname = '{Name(changed)}'"))
        {
            await command.ExecuteNonQueryAsync();
        }

        var before = counted.Reloads;
        var watch = Stopwatch.StartNew();
        hosts.Heed(new HostChange(new ClusterId(1 + (changed % Clusters)), Name(changed), IsGone: false));
        while (!(hosts.TryGet(Name(changed), out var host) && host!.IsRetired))
        {
            await Task.Yield();
        }

        var change = watch.Elapsed;
        var queries = counted.Reloads - before;
        var polls = new List<double>();
        for (var i = 0; i < 20; i++)
        {
            watch.Restart();
            await hosts.PollAsync(default);
            polls.Add(watch.Elapsed.TotalMilliseconds);
        }

        return (change, queries, TimeSpan.FromMilliseconds(Median(polls)));
    }

    private static TrackingHosts Hosts(NpgsqlDataSource source, IMeterFactory meters) => new(
        source,
        Options.Create(new TrackingHostsOptions()),
        Options.Create(new SystemOptions()),
        TimeProvider.System,
        new TrackingHostsTelemetry(meters),
        NullLogger<TrackingHosts>.Instance);

    private static HostCopy Copy(TrackingHosts hosts, EdgeFolder folder) =>
        new(hosts, folder, Options.Create(_edge), NullLogger<HostCopy>.Instance);

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[sorted.Count / 2];
    }

    // Counts measurements. Each is one query.
    private sealed class Counted : IDisposable
    {
        private readonly MeterListener _listener = new();
        private long _reloads;

        public Counted(IMeterFactory meters)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "tracking.hosts.reloaded" && ReferenceEquals(instrument.Meter.Scope, meters))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((_, _, _, _) => Interlocked.Increment(ref _reloads));
            _listener.Start();
        }

        public long Reloads => Interlocked.Read(ref _reloads);

        public void Dispose() => _listener.Dispose();
    }
}
