using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using NpgsqlTypes;
using Tracking.Domains;
using Tracking.DomainVerifier;
using Tracking.DomainVerifier.Verification;
using Tracking.Servers;

namespace Tracking.Benchmarks;

/// <summary>
/// Runs a whole day of re-checks: a million active names, two verifiers on one database, one check in a hundred that
/// times out. The clock is faked, everything else is real. The result is the number of checks in each hour, the names
/// that were checked twice or not at all, and the live memory in each hour.
/// </summary>
internal static class RecheckDay
{
    private const int Clusters = 1000;
    private const int Verifiers = 2;
    private const double Share = 0.01;
    private const double AllowedDeviation = 0.2;
    private const int Unchanged = 10;

    // A check that times out holds its place so long; DNS is asked at most this long before the walk gives up.
    private static readonly TimeSpan _timeOut = TimeSpan.FromSeconds(15);

    // A step of the clock. Due names wait for the next step, so the hours are exact to the step.
    private static readonly TimeSpan _step = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _look = new VerifierOptions().LookInterval;
    private static readonly TimeSpan _day = TimeSpan.FromDays(1);
    private static readonly DateTimeOffset _start = new(2026, 3, 14, 0, 0, 0, TimeSpan.Zero);

    private static int _silent;

    public static async Task RunAsync(int names)
    {
        await using var server = new TestPostgres { IsDurable = true };
        var connection = await server.CreateDatabaseAsync(default);
        await using var source = NpgsqlDataSource.Create(connection);
        var clock = new FakeTimeProvider(_start);
        await FillAsync(source, names);
        var apps = new List<WebApplication>();
        for (var verifier = 0; verifier < Verifiers; verifier++)
        {
            apps.Add(Start(connection, clock));
            await apps[^1].StartAsync();
        }

        var hours = new List<(long Checks, double Megabytes, TimeSpan Took)>();
        var total = Stopwatch.StartNew();
        var stored = 0L;
        for (var hour = 0; hour < 24; hour++)
        {
            var took = Stopwatch.StartNew();
            for (var end = _start.AddHours(hour + 1); clock.GetUtcNow() < end;)
            {
                clock.Advance(_step);
                await UntilCheckedAsync(source, clock);
            }

            var sum = await ScalarAsync(source, "SELECT count(*) FROM domains.checks");
            _ = GC.GetTotalMemory(forceFullCollection: true);
            hours.Add((sum - stored, GC.GetGCMemoryInfo().HeapSizeBytes / 1e6, took.Elapsed));
            stored = sum;
            Console.WriteLine($"hour {hour}: {hours[^1].Checks} checks, {hours[^1].Megabytes:F1} MB, {took.Elapsed:mm\\:ss}");
        }

        foreach (var app in apps)
        {
            var stopping = app.StopAsync();
            while (!stopping.IsCompleted)
            {
                clock.Advance(_step);
                await Task.WhenAny(stopping, Task.Delay(10));
            }

            await stopping;
            await app.DisposeAsync();
        }

        await ReportAsync(source, names, hours, total.Elapsed);
    }

    // All names that are due are stored, except those whose servers are silent at the moment. A verifier that still
    // worked when the clock moved has begun its pause only afterwards, so the clock moves on where nothing happens.
    private static async Task UntilCheckedAsync(NpgsqlDataSource source, FakeTimeProvider clock)
    {
        await using var command = source.CreateCommand(
            "SELECT count(*) FROM domains.tracking_domains WHERE deleted_at IS NULL AND next_check_at <= $1");
        command.Parameters.Add(new() { Value = clock.GetUtcNow().UtcDateTime });
        var (before, unchanged) = (long.MaxValue, 0);
        while ((long)(await command.ExecuteScalarAsync())! is var due && due > Volatile.Read(ref _silent))
        {
            (before, unchanged) = (due, due == before ? unchanged + 1 : 0);
            if (unchanged == Unchanged)
            {
                clock.Advance(_look);
                unchanged = 0;
            }

            await Task.Delay(1);
        }
    }

    private static WebApplication Start(string connection, TimeProvider clock) =>
        RecheckDomains.Start(connection, clock, async (host, target) =>
        {
            var isSilent = Random.Shared.NextDouble() < Share;
            if (isSilent)
            {
                var pause = Task.Delay(_timeOut, clock);
                Interlocked.Increment(ref _silent);
                await pause;
                Interlocked.Decrement(ref _silent);
            }

            return RecheckDomains.Answer(
                host, target, isSilent ? DiagnosisOutcome.NoEvidence : DiagnosisOutcome.Verified, clock);
        });

    // The names were all verified within one hour of the day before, as after a bulk import.
    private static async Task FillAsync(NpgsqlDataSource source, int names)
    {
        await RecheckDomains.ExecuteAsync(
            source,
            $"INSERT INTO management.clusters (id, name) SELECT n, 'cluster ' || n FROM generate_series(1, {Clusters}) n");
        var options = new VerifierOptions();
        await using (var connection = await source.OpenConnectionAsync())
        await using (var copy = await connection.BeginBinaryImportAsync(
            """
            COPY domains.tracking_domains (id, cluster_id, hostname, target, status, verified_at, last_checked_at,
                next_check_at) FROM STDIN (FORMAT BINARY)
            """))
        {
            for (var n = 1; n <= names; n++)
            {
                var verified = _start - _day + TimeSpan.FromHours(1) * ((double)n / names);
                var id = Guid.CreateVersion7(verified);
                await copy.StartRowAsync();
                await copy.WriteAsync(id, NpgsqlDbType.Uuid);
                await copy.WriteAsync(1 + (n % Clusters), NpgsqlDbType.Integer);
                await copy.WriteAsync($"track{n}.example.com", NpgsqlDbType.Text);
                await copy.WriteAsync($"v-{n}.track.example.net", NpgsqlDbType.Text);
                await copy.WriteAsync((short)1, NpgsqlDbType.Smallint);
                await copy.WriteAsync(verified.UtcDateTime, NpgsqlDbType.TimestampTz);
                await copy.WriteAsync(verified.UtcDateTime, NpgsqlDbType.TimestampTz);
                var next = CheckSchedule.Daily(id, verified, options);
                // Moments before the day's beginning have passed: those names were checked then.
                next = next <= _start ? next + _day : next;
                await copy.WriteAsync(next.UtcDateTime, NpgsqlDbType.TimestampTz);
            }

            await copy.CompleteAsync();
        }

        await RecheckDomains.ExecuteAsync(source, "ANALYZE domains.tracking_domains");
    }

    private static async Task ReportAsync(
        NpgsqlDataSource source, int names, List<(long Checks, double Megabytes, TimeSpan Took)> hours, TimeSpan took)
    {
        var proved = await ScalarAsync(source, "SELECT count(*) FROM domains.checks WHERE outcome <> 2 AND at < $1");
        var silent = await ScalarAsync(source, "SELECT count(*) FROM domains.checks WHERE outcome = 2 AND at < $1");
        var twice = await ScalarAsync(
            source,
            """
            SELECT count(*) FROM (
                SELECT FROM domains.checks WHERE outcome <> 2 AND at < $1 GROUP BY domain_id HAVING count(*) > 1) twice
            """);
        var waiting = names - await ScalarAsync(
            source, "SELECT count(DISTINCT domain_id) FROM domains.checks WHERE outcome <> 2 AND at < $1");
        var active = await ScalarAsync(source, "SELECT count(*) FROM domains.tracking_domains WHERE status = 1");
        var mean = hours.Average(hour => hour.Checks);
        var deviation = hours.Max(hour => Math.Abs(hour.Checks - mean) / mean);
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # A day of re-checks

            Written by `dotnet run -c Release --project tests/Benchmarks -- recheck-day`.

            {names:N0} active names of {Clusters:N0} clusters that were all verified within one hour of the day before, {Verifiers}
            verifiers with their defaults on one PostgreSQL with fsync ({Environment.ProcessorCount} cores), and a clock that is moved in steps of
            {_step.TotalSeconds:F0} s. One check in a hundred gets no answer for {_timeOut.TotalSeconds:F0} s; other checks are answered at once. The day took
            {took.TotalMinutes:F0} minutes.

            | | measured | wanted |
            |---|---|---|
            | checks that proved the record | {proved:N0} | |
            | checks that timed out, each repeated later | {silent:N0} | |
            | checks an hour, fewest … most | {hours.Min(hour => hour.Checks):N0} … {hours.Max(hour => hour.Checks):N0} | |
            | largest deviation of an hour from the mean | {100 * deviation:F1} % | {100 * AllowedDeviation:F0} % |
            | names checked twice | {twice} | 0 |
            | names whose repetition is due after the day's end | {waiting} | |
            | names still active | {active:N0} | {names:N0} |
            | heap of both verifiers after a collection, least … most of all hours | {hours.Min(hour => hour.Megabytes):F1} … {hours.Max(hour => hour.Megabytes):F1} MB | constant |
            | the same, after the first hour and after the last | {hours[0].Megabytes:F1} … {hours[^1].Megabytes:F1} MB | |

            """);
        Console.WriteLine(text);
        var folder = Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results");
        await File.WriteAllTextAsync(Path.Combine(folder, "recheck-day.md"), text);
        // A name can wait for its repetition at the day's end at most LongestRetry long; nearly all wait five minutes.
        if (twice != 0 || active != names || deviation > AllowedDeviation || waiting > names * Share)
        {
            throw new InvalidOperationException("The day was not as it should be: see above.");
        }
    }

    // The parameter is the end of the day: at the stop the clock goes on, and so do checks.
    private static async Task<long> ScalarAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        command.CommandTimeout = 600;
        if (sql.Contains("$1", StringComparison.Ordinal))
        {
            command.Parameters.Add(new() { Value = (_start + _day).UtcDateTime });
        }

        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static string SourceFile([CallerFilePath] string path = "") => path;
}
