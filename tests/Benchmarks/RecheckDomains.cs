using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Domains;
using Tracking.DomainVerifier;
using Tracking.DomainVerifier.Verification;
using Tracking.Links;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures how fast one verifier checks due names: a backlog of a million active names as after a long outage, DNS
/// that answers at once, PostgreSQL with fsync. A million names a day are 12 a second, so the rest of each second is
/// available for DNS. The verifier's memory is measured at the beginning and at the end.
/// </summary>
internal static class RecheckDomains
{
    private const int Names = 1_000_000;
    private const int Clusters = 1000;
    private const int NamesADay = 1_000_000;

    private static readonly TimeSpan _round = TimeSpan.FromSeconds(20);

    private static long _asked;

    public static async Task RunAsync(int rounds)
    {
        await using var server = new TestPostgres { IsDurable = true };
        var connection = await server.CreateDatabaseAsync(default);
        await using var source = NpgsqlDataSource.Create(connection);
        await FillAsync(source);
        await using var app = Start(connection, TimeProvider.System, (host, target) =>
        {
            Interlocked.Increment(ref _asked);
            return Task.FromResult(Answer(host, target, DiagnosisOutcome.Verified, TimeProvider.System));
        });
        var results = new List<(double Names, double Megabytes)>();
        await app.StartAsync();

        // The first round warms up.
        for (var round = -1; round < rounds; round++)
        {
            var before = await StoredAsync(source);
            var began = Stopwatch.GetTimestamp();
            await Task.Delay(_round);
            var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            var stored = await StoredAsync(source) - before;
            if (round >= 0)
            {
                results.Add((stored / seconds, GC.GetTotalMemory(forceFullCollection: true) / 1e6));
            }
        }

        await app.StopAsync();
        var total = await StoredAsync(source);
        var twice = await ScalarAsync(
            source, "SELECT count(*) FROM (SELECT FROM domains.checks GROUP BY domain_id HAVING count(*) > 1) twice");
        await ReportAsync(results, total, twice);
    }

    /// <summary>A verifier with its defaults whose DNS is replaced.</summary>
    /// <param name="connection">The database, by its administrator.</param>
    /// <param name="time">The clock.</param>
    /// <param name="diagnose">Answers for DNS.</param>
    public static WebApplication Start(
        string connection, TimeProvider time, Func<HostName, HostName, Task<DomainDiagnosis>> diagnose)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = ServiceLogins.Of(connection, "verifier"),
            // Without requests to sites, which would measure the internet.
            ["Tracking:Verifier:ParentTimeout"] = "00:00:00",
            ["Tracking:Verifier:VisitTimeout"] = "00:00:00",
        });
        builder.AddServiceDefaults();
        builder.AddDomainVerifier();
        builder.Services.Replace(ServiceDescriptor.Singleton(time));
        builder.Services.Replace(ServiceDescriptor.Singleton<Diagnose>((host, target, _) => diagnose(host, target)));
        builder.WebHost.UseSetting("urls", "http://127.0.0.1:0");
        var app = builder.Build();
        app.MapDomainVerifier();
        return app;
    }

    /// <summary>What DNS answers for a name, with a way of six questions.</summary>
    public static DomainDiagnosis Answer(HostName host, HostName target, DiagnosisOutcome outcome, TimeProvider time) =>
        new()
        {
            Host = host,
            Target = target,
            Outcome = outcome,
            At = time.GetUtcNow(),
            Findings = [],
            Hops = [.. Enumerable.Range(0, 6).Select(server => new DnsHop
            {
                Purpose = HopPurpose.Walk, Name = host.Value, Type = "CNAME", Server = $"ns{server}.example.com",
                Address = "192.0.2.1", Transport = "udp", Rcode = "NOERROR", Ttl = 300,
                Answers = [$"CNAME {target}"], At = time.GetUtcNow(),
            })],
            Zone = "example.com",
            NameToEnter = "track",
            ValueToEnter = target.Value,
            Queries = 6,
        };

    private static async Task FillAsync(NpgsqlDataSource source)
    {
        await ExecuteAsync(
            source,
            $"INSERT INTO management.clusters (id, name) SELECT n, 'cluster ' || n FROM generate_series(1, {Clusters}) n");
        await ExecuteAsync(
            source,
            $"""
            INSERT INTO domains.tracking_domains (id, cluster_id, hostname, target, status, verified_at, next_check_at)
            SELECT gen_random_uuid(), 1 + n % {Clusters}, 'track' || n || '.example.com',
                'v-' || n || '.track.example.net', 1, now(), now() - make_interval(secs => n / 1000.0)
            FROM generate_series(1, {Names}) n
            """);
        await ExecuteAsync(source, "ANALYZE domains.tracking_domains");
        await ExecuteAsync(source, "CHECKPOINT");
    }

    private static Task<long> StoredAsync(NpgsqlDataSource source) =>
        ScalarAsync(source, "SELECT count(*) FROM domains.checks");

    private static async Task<long> ScalarAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        command.CommandTimeout = 600;
        await command.ExecuteNonQueryAsync();
    }

    private static async Task ReportAsync(List<(double Names, double Megabytes)> results, long total, long twice)
    {
        var speeds = results.Select(result => result.Names).Order().ToList();
        var median = speeds[speeds.Count / 2];
        const double Needed = NamesADay / 86_400.0;
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Re-checking tracking domains

            Written by `dotnet run -c Release --project tests/Benchmarks -- recheck-domains`.

            {Names} active names of {Clusters} clusters that are all due, DNS that answers at once with a way of six questions; one verifier with
            its defaults (claim, lease, one transaction a check: status, history, next check), PostgreSQL with fsync on the
            same machine ({Environment.ProcessorCount} cores). {results.Count} rounds of {_round.TotalSeconds:F0} s after one
            to warm up; {total} checks in all, {twice} names checked twice.

            | | median | rounds from … to |
            |---|---|---|
            | checks stored a second | {median:F0} | {speeds[0]:F0} … {speeds[^1]:F0} |
            | live memory of the whole process, first and last round | | {results[0].Megabytes:F0} … {results[^1].Megabytes:F0} MB |

            **{median / Needed:F0} times** what a million names a day need ({Needed:F1} a second): the database's share of a
            check is {1000 / median:F1} ms, the rest of the day is DNS's. Names in the backlog cost no memory.

            """);
        Console.WriteLine(text);
        var folder = Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results");
        await File.WriteAllTextAsync(Path.Combine(folder, "recheck-domains.md"), text);
        // The last round ends while checks are running. These were counted as asked, and give back their lease.
        if (twice != 0 || total > Interlocked.Read(ref _asked))
        {
            throw new InvalidOperationException($"{_asked} checks were made and {total} stored, {twice} of them twice.");
        }
    }

    private static string SourceFile([CallerFilePath] string path = "") => path;
}
