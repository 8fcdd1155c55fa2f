using System.Collections;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Npgsql;
using Tracking.Servers;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures each service's time to readiness and its memory, idle and under load. The built programs run as separate
/// processes with a real PostgreSQL, RabbitMQ and Redis, configured as by the AppHost. The load comes through the
/// gateway. In the end every answered click must be stored.
/// </summary>
internal static partial class ServicesAtRestAndAtLoad
{
    private const int Starts = 5;
    private const int Mailers = 8;
    private static readonly TimeSpan _rest = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan _longestStart = TimeSpan.FromMinutes(2);
    private static readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(60) };

    public static async Task RunAsync(int seconds)
    {
        var busy = (await File.ReadAllTextAsync("/proc/loadavg")).Split(' ')[0];
        using var folder = new TemporaryFolder();
        await using var postgres = new TestPostgres();
        await using var rabbit = new TestRabbit();
        await using var redis = new TestRedis { Password = RandomNumberGenerator.GetHexString(16) };
        await redis.StartAsync(default);
        var broker = await rabbit.CreateVirtualHostAsync(default);
        var database = await postgres.CreateEmptyDatabaseAsync(default);
        var adminKey = "trk_" + RandomNumberGenerator.GetString("0123456789abcdefghjkmnpqrstvwxyz", 32);
        var common = new Dictionary<string, string>
        {
            ["ConnectionStrings__tracking"] = database,
            ["ConnectionStrings__rabbitmq"] = broker.AmqpUri.AbsoluteUri,
            ["ConnectionStrings__redis"] = redis.ConnectionString,
            ["Tracking__MasterKey"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
        };

        var migrations = new List<double>();
        for (var run = 0; run <= Starts; run++)
        {
            migrations.Add(await MigrateAsync(folder.Path, new Dictionary<string, string>(common)
            {
                ["Tracking__Migrator__AdminKey"] = adminKey,
            }));
        }

        var services = Compose(folder, common);
        foreach (var service in services)
        {
            // The first start reads the program from disk.
            for (var run = 0; run <= Starts; run++)
            {
                var ready = await service.StartAsync(folder.Path);
                var spent = service.ProcessorTime();
                await service.StopAsync();
                if (run > 0)
                {
                    service.Readies.Add(ready);
                    service.Spent.Add(spent);
                }
            }
        }

        try
        {
            await Task.WhenAll(services.Select(service => service.StartAsync(folder.Path)));
            await Task.Delay(_rest);
            services.ForEach(service => service.Idle = service.Resident());
            var load = await LoadAsync(services, adminKey, database, folder.Path, seconds);
            await Task.Delay(_rest);
            services.ForEach(service => service.After = service.Resident());
            await WriteAsync(services, migrations, load, seconds, busy);
        }
        finally
        {
            services.ForEach(service => service.Dispose());
        }
    }

    private static List<Service> Compose(TemporaryFolder folder, Dictionary<string, string> common)
    {
        var ports = FreePort.Take(8);
        (string, string)[] names = [("Tracking__SystemScheme", "http"), ("Tracking__SystemPort", Text(ports[6]))];
        return
        [
            New("rewrite", "Rewrite", 0),
            New("edge", "RedirectEdge", 1,
                ("Tracking__Edge__Folder", folder.In("edge")), ("Tracking__Edge__HealthPort", Text(ports[7])),
                ("Tracking__Edge__TrustedProxies__0", "127.0.0.0/8")),
            New("ingest", "EventIngest", 2),
            New("management", "Management", 3),
            New("verifier", "DomainVerifier", 4),
            New("certificates", "Certificates", 5),
            New("gateway", "Gateway", 6,
                ("Tracking__Gateway__Edge", "proxied"), ("services__rewrite__http__0", Address(ports[0])),
                ("services__edge__http__0", Address(ports[1])), ("services__management__http__0", Address(ports[3])),
                ("services__certificates__http__0", Address(ports[5]))),
        ];

        Service New(string name, string project, int port, params (string, string)[] own)
        {
            var settings = new Dictionary<string, string>(common)
            {
                ["ASPNETCORE_URLS"] = Address(ports[port]),
                ["HOME"] = folder.Path,
            };
            foreach (var (key, value) in names.Concat(own))
            {
                settings[key] = value;
            }

            return new Service(name, project, settings, ports[port], name == "edge" ? ports[7] : ports[port]);
        }
    }

    private static async Task<double> MigrateAsync(string folder, Dictionary<string, string> settings)
    {
        var began = Stopwatch.GetTimestamp();
        using var migrator = await ServerProcess.StartAsync(
            [BuiltPrograms.Service("Migrator")], folder, WithDotnet(settings));
        await Eventually.HoldsAsync(() => migrator.HasExited, "the migrator ends", default, _longestStart);
        return migrator.ExitCode == 0
            ? Stopwatch.GetElapsedTime(began).TotalMilliseconds
            : throw new InvalidOperationException(migrator.Output);
    }

    private static async Task<Figures> LoadAsync(
        List<Service> services, string adminKey, string database, string folder, int seconds)
    {
        var gateway = services.Single(service => service.Name == "gateway");
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", adminKey);
        using var created = await _http.PostAsJsonAsync(
            new Uri(gateway.Root, "/api/v1/clusters"),
            new { name = "load", settings = new { trackClicks = true, trackOpens = true } });
        created.EnsureSuccessStatusCode();
        var cluster = (await created.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString();
        var rewrite = new Uri(gateway.Root, $"/api/v1/clusters/{cluster}/rewrite");
        var newsletter = await File.ReadAllBytesAsync(Path.Combine(
            BuiltPrograms.Repository, "tests/Newsletters/shop-alternative-quoted-printable.eml"));
        var rewritten = Encoding.Latin1.GetString(await RewriteAsync(rewrite, newsletter, "first@example.com"));
        var script = Path.Combine(folder, "clicks.lua");
        await File.WriteAllTextAsync(script, ClickPath.Script([.. TrackedPath()
            .Matches(rewritten.ReplaceLineEndings("\n").Replace("=\n", "")).Select(match => match.Value).Distinct()]));

        using var over = new CancellationTokenSource();
        var watching = WatchAsync(services, over.Token);
        var messages = 0L;
        var mailing = Enumerable.Range(0, Mailers).Select(mailer => Task.Run(async () =>
        {
            for (var number = 0; !over.IsCancellationRequested; number++)
            {
                await RewriteAsync(rewrite, newsletter, $"reader{number}-{mailer}@example.com");
                Interlocked.Increment(ref messages);
            }
        })).ToList();
        var clicks = await Task.Run(() => ClickPath.Load(gateway.Root.Port, script, seconds));
        await over.CancelAsync();
        await Task.WhenAll(mailing);
        await watching;

        await using var source = NpgsqlDataSource.Create(database);
        await Eventually.HoldsAsync(
            async () =>
            {
                await using var count = source.CreateCommand("SELECT count(*) FROM ingest.events");
                return (long)(await count.ExecuteScalarAsync())! >= clicks.Requests;
            },
            "every click is stored",
            default,
            TimeSpan.FromMinutes(5));
        return new Figures(clicks.PerSecond, messages / (double)seconds);
    }

    private static async Task<byte[]> RewriteAsync(Uri address, byte[] message, string recipient)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address)
        {
            Content = new ByteArrayContent(message),
        };
        request.Content.Headers.ContentType = new("message/rfc822");
        request.Headers.Add("tracking-recipient", recipient);
        using var answer = await _http.SendAsync(request);
        var body = await answer.Content.ReadAsByteArrayAsync();
        return answer.StatusCode == HttpStatusCode.OK
            ? body
            : throw new InvalidOperationException($"{answer.StatusCode}: {Encoding.UTF8.GetString(body)}");
    }

    private static async Task WatchAsync(List<Service> services, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            services.ForEach(service => service.Most = Math.Max(service.Most, service.Resident()));
            await Task.Delay(200, CancellationToken.None);
        }
    }

    private static async Task WriteAsync(
        List<Service> services, List<double> migrations, Figures load, int seconds, string busy)
    {
        var rows = string.Join('\n', services.Select(service => string.Create(
            CultureInfo.InvariantCulture,
            $"| {service.Name} | {Median(service.Spent):F0} | {Median(service.Readies):F0} "
            + $"| {service.Readies.Min():F0} to {service.Readies.Max():F0} | {Megabytes(service.Idle)} "
            + $"| {Megabytes(service.Most)} | {Megabytes(service.After)} |")));
        var rest = _rest.TotalSeconds;
        var (first, again) = (migrations[0], Median(migrations[1..]));
        var report = string.Create(CultureInfo.InvariantCulture, $"""
            # Services: until ready, and memory

            Written by `dotnet run -c Release --project tests/Benchmarks -- services`; needs `wrk` and `taskset`.

            Each service's program as a process of its own, on a real PostgreSQL, RabbitMQ and Redis, all on the same
            {Environment.ProcessorCount} cores. *Ready* is from the start of the process to the first 200 of
            `/health/ready`, one service at a time, {Starts} starts after one to warm up, medians; *processor* is what
            the process had used by then, which other work on the machine hardly changes (its load average was {busy} at
            the beginning, and all else suffers from that). Memory is resident (`VmRSS`): {rest:F0} s after all have
            started, the most while they are loaded for {seconds} s, and {rest:F0} s after that. The load comes through
            the gateway, edge proxied: {load.ClicksPerSecond:F0} clicks a second over 64 connections and, at the same
            time, {load.MessagesPerSecond:F0} messages of 61 kB a second over {Mailers}; with engines and load generator
            on the same cores that is all they do. Every click answered was stored.

            | service | processor, ms | ready, ms | from … to | idle, MB | at load, MB | after, MB |
            |---|---|---|---|---|---|---|
            {rows}

            The migrator, from start to end: {first:F0} ms on an empty database, {again:F0} ms where there is nothing
            to do.

            """);
        Console.WriteLine(report);
        await File.WriteAllTextAsync(
            Path.Combine(BuiltPrograms.Repository, "tests/Benchmarks/Results/services.md"), report);
    }

    private static Dictionary<string, string> WithDotnet(Dictionary<string, string> settings)
    {
        var all = new Dictionary<string, string>(settings);
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (variable.Key is string key && key.StartsWith("DOTNET_ROOT", StringComparison.Ordinal))
            {
                all.TryAdd(key, (string)variable.Value!);
            }
        }

        return all;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string Megabytes(long bytes) => (bytes / 1e6).ToString("F0", CultureInfo.InvariantCulture);

    private static string Address(int port) => $"http://127.0.0.1:{Text(port)}";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex("/c/[A-Za-z0-9_-]{40}")]
    private static partial Regex TrackedPath();

    private sealed record Figures(double ClicksPerSecond, double MessagesPerSecond);

    private sealed class Service(
        string name, string project, Dictionary<string, string> settings, int port, int healthPort) : IDisposable
    {
        private ServerProcess? _process;

        public string Name => name;

        public Uri Root { get; } = new(Address(port));

        public List<double> Readies { get; } = [];

        public List<double> Spent { get; } = [];

        public long Idle { get; set; }

        public long Most { get; set; }

        public long After { get; set; }

        /// <summary>Starts the service and waits until it is ready.</summary>
        /// <returns>The duration in milliseconds.</returns>
        public async Task<double> StartAsync(string folder)
        {
            var began = Stopwatch.GetTimestamp();
            _process = await ServerProcess.StartAsync(
                [BuiltPrograms.Service(project)], folder, WithDotnet(settings));
            while (!await IsReadyAsync())
            {
                if (_process.HasExited || Stopwatch.GetElapsedTime(began) > _longestStart)
                {
                    throw new InvalidOperationException($"{name} does not become ready:\n{_process.Output}");
                }

                await Task.Delay(5);
            }

            return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }

        public async Task StopAsync()
        {
            await _process!.StopAsync(default);
            _process.Dispose();
        }

        /// <summary>The processor time since the start, user and system, in milliseconds.</summary>
        public double ProcessorTime()
        {
            using var process = Process.GetProcessById(_process!.Id);
            return process.TotalProcessorTime.TotalMilliseconds;
        }

        public long Resident()
        {
            var line = File.ReadLines($"/proc/{_process!.Id}/status").First(line => line.StartsWith("VmRSS:"));
            return 1024 * long.Parse(line.Split(' ')[^2], CultureInfo.InvariantCulture);
        }

        public void Dispose() => _process?.Dispose();

        private async Task<bool> IsReadyAsync()
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri($"{Address(healthPort)}/health/ready"));
                return answer.StatusCode == HttpStatusCode.OK;
            }
            catch (HttpRequestException)
            {
                // The service does not listen yet.
                return false;
            }
        }
    }
}
