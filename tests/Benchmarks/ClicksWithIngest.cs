using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Npgsql;
using Tracking.Servers;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures one machine that runs everything: Standalone as users run it, PostgreSQL and the load share the cores. The
/// results are rates and latencies, not a ratio. In the end every answered click must be stored.
/// </summary>
internal static partial class ClicksWithIngest
{
    private const int Rounds = 5;
    private const int Seconds = 4;

    public static async Task RunAsync()
    {
        await using var standalone = await StandaloneProcess.StartAsync(CancellationToken.None);
        var folder = Directory.CreateTempSubdirectory("clicks-with-ingest-");
        try
        {
            var script = Path.Combine(folder.FullName, "clicks.lua");
            await File.WriteAllTextAsync(script, ClickPath.Script(await TrackedPathsAsync(standalone)));
            await using var database = NpgsqlDataSource.Create(standalone.DatabaseConnection);

            var (rates, p50, p99, drains) = (
                new List<double>(), new List<double>(), new List<double>(), new List<double>());
            long answered = 0;
            for (var round = 0; round <= Rounds; round++)
            {
                var load = ClickPath.Load(standalone.Edge.Port, script, Seconds);
                answered += load.Requests;
                var ended = TimeProvider.System.GetTimestamp();
                await Eventually.HoldsAsync(
                    async () =>
                        await CountAsync(database) >= answered, "every answer is stored", CancellationToken.None);

                // The first round only warms up.
                if (round > 0)
                {
                    rates.Add(load.PerSecond);
                    p50.Add(load.P50);
                    p99.Add(load.P99);
                    drains.Add(TimeProvider.System.GetElapsedTime(ended).TotalSeconds);
                }
            }

            var stored = await CountAsync(database);
            var report = Report(rates, p50, p99, drains, answered, stored);
            Console.WriteLine(report);
            await File.WriteAllTextAsync(
                Path.Combine(BuiltPrograms.Repository, "tests/Benchmarks/Results/clicks-with-ingest.md"), report);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Report(
        List<double> rates, List<double> p50, List<double> p99, List<double> drains, long answered, long stored) =>
        string.Create(CultureInfo.InvariantCulture, $"""
            # Clicks with everything beside them

            Written by `dotnet run -c Release --project tests/Benchmarks -- clicks-with-ingest`; needs `wrk` and `taskset`.

            Standalone as it is run, its private PostgreSQL and the load generator share {Environment.ProcessorCount} cores: 64
            keep-alive connections follow the links of one newsletter in turn, {Rounds} rounds of {Seconds} s after one to warm
            up, medians. Rates of one machine are for orientation; for the cost of a click see click-path.md.

            | | median | lowest | highest |
            |---|---|---|---|
            | clicks answered a second | {Row(rates, "F0")} |
            | latency p50, ms | {Row(p50, "F2")} |
            | latency p99, ms | {Row(p99, "F2")} |
            | until all are stored after the last answer, s | {Row(drains, "F2")} |

            {answered} answers received, {stored} events stored. (Requests under way when the load generator stops are
            answered and stored without being counted by it.)

            """);

    private static string Row(List<double> values, string format)
    {
        var sorted = values.Order().ToList();
        return string.Join(
            " | ",
            new[] { sorted[sorted.Count / 2], sorted[0], sorted[^1] }
                .Select(value => value.ToString(format, CultureInfo.InvariantCulture)));
    }

    private static async Task<long> CountAsync(NpgsqlDataSource database)
    {
        await using var command = database.CreateCommand("SELECT count(*) FROM ingest.events");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static async Task<List<string>> TrackedPathsAsync(StandaloneProcess standalone)
    {
        using var http = new HttpClient { BaseAddress = standalone.Api };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", standalone.AdminKey);
        using var created = await http.PostAsJsonAsync(
            "/api/v1/clusters", new { name = "load", settings = new { trackClicks = true } });
        var cluster = (await created.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString();
        using var message = new ByteArrayContent(await File.ReadAllBytesAsync(Path.Combine(
            BuiltPrograms.Repository, "tests/Newsletters/shop-alternative-quoted-printable.eml")));
        message.Headers.ContentType = new("message/rfc822");
        using var answer = await http.PostAsync($"/api/v1/clusters/{cluster}/rewrite", message);
        var text = Encoding.Latin1.GetString(await answer.Content.ReadAsByteArrayAsync()).ReplaceLineEndings("\n");
        return [.. TrackedPath().Matches(text.Replace("=\n", "")).Select(match => match.Value).Distinct()];
    }

    [GeneratedRegex("/c/[A-Za-z0-9_-]{40}")]
    private static partial Regex TrackedPath();
}
