using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.Links;
using Tracking.RedirectEdge;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Events;
using Tracking.RedirectEdge.Hosts;
using Tracking.Tls;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures the cost of a click at the edge against an empty endpoint. The edge is warm, and its publisher is paused.
/// The other side is a Kestrel endpoint that answers the same 302 with the same headers and does nothing else. Each
/// runs in its own process on one core. The load (wrk) comes from another core. Rounds alternate, and the median
/// counts.
/// </summary>
internal static partial class ClickPath
{
    internal const string Destination =
        "https://www.example.com/spring/offers?utm_source=newsletter&utm_campaign=spring-2026";
    private const string UserAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        + "Chrome/131.0.0.0 Safari/537.36";

    private const int Tokens = 1_000;
    private const int Connections = 64;
    private const int Group = 50;
    private const int WarmUpSeconds = 6;

    public static int Run(string[] args)
    {
        if (args is ["parts"])
        {
            Console.WriteLine(Parts());
            return 0;
        }

        if (args is ["edge" or "empty" or TlsServers.Bare or TlsServers.Ours or TlsServers.Edge, ..])
        {
            ServeAsync(args[0], args[1]).GetAwaiter().GetResult();
            return 0;
        }

        var rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 7;
        var seconds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 4;
        var folder = Directory.CreateTempSubdirectory("click-path-").FullName;
        try
        {
            var report = Compare(folder, rounds, seconds);
            Console.WriteLine(report);
            if (args.Length > 2)
            {
                File.WriteAllText(args[2], report);
            }

            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Compare(string folder, int rounds, int seconds)
    {
        using var empty = Server.Start("empty", folder);
        using var edge = Server.Start("edge", folder);
        var script = Path.Combine(folder, "clicks.lua");
        File.WriteAllText(script, Script(edge.Paths));

        // Warm up until the JIT compiler is done with all tiers, because it uses the same core.
        foreach (var server in new[] { empty, edge, empty, edge })
        {
            Load(server.Port, script, WarmUpSeconds);
        }

        var emptyRounds = new List<Round>();
        var edgeRounds = new List<Round>();
        for (var i = 0; i < rounds; i++)
        {
            emptyRounds.Add(Measure(empty, script, seconds));
            edgeRounds.Add(Measure(edge, script, seconds));
            Console.Error.WriteLine($"round {i + 1}: empty {emptyRounds[^1]}, edge {edgeRounds[^1]}");
        }

        return Report(rounds, seconds, emptyRounds, edgeRounds);
    }

    private static Round Measure(Server server, string script, int seconds)
    {
        var before = server.Spent();
        var (perSecond, requests, p50, p99) = Load(server.Port, script, seconds);
        var after = server.Spent();
        return new Round(
            perSecond,
            p50,
            p99,
            (after.Bytes - before.Bytes) / (double)requests,
            (after.Micros - before.Micros) / requests);
    }

    private static string Report(int rounds, int seconds, List<Round> empty, List<Round> edge)
    {
        var ratios = empty.Zip(edge, (baseline, click) => click.PerSecond / baseline.PerSecond).ToList();
        var bytes = Median(empty.Select(round => round.BytesPerRequest));
        var edgeBytes = Median(edge.Select(round => round.BytesPerRequest));
        var speed = string.Create(
            CultureInfo.InvariantCulture, $"**{Median(ratios):F2}** ({ratios.Min():F2} to {ratios.Max():F2})");
        var processor = Median(empty.Zip(edge, (baseline, click) => baseline.Micros / click.Micros));
        return string.Create(CultureInfo.InvariantCulture, $"""
            # The click path against an empty endpoint

            Written by `dotnet run -c Release --project tests/Benchmarks -- click-path {rounds} {seconds} <file>`;
            needs `wrk` and `taskset`, and two cores.

            Each server is a process of its own on one core: Kestrel over loopback, HTTP/1.1 keep-alive, {Connections}
            connections, load from another core, {rounds} alternating rounds of {seconds} s. The edge verifies the
            token, looks up host, cluster and link in memory ({Tokens} tokens in turn), appends the event to its spool
            on disk (fsync every second, sealing as in production) and answers; its publisher is paused. The empty
            endpoint answers the same 302 with the same headers from a delegate that does nothing else.

            | | empty endpoint | edge | edge / empty |
            |---|---|---|---|
            | requests a second, median of the rounds' ratios (lowest to highest) | 1 | | {speed} |
            | processor time a request, empty / edge | 1 | | {processor:F2} |
            | latency p50 | {Latencies(empty, edge, round => round.P50)} |
            | latency p99 | {Latencies(empty, edge, round => round.P99)} |
            | bytes allocated a request | {bytes:F0} | {edgeBytes:F0} | {edgeBytes - bytes:+0;-0;0} a click |

            Cores of the machine: {Environment.ProcessorCount}. Telemetry has no listener in either. Latencies are those
            of {Connections} connections that keep one core busy: they show queueing, not what one click takes.
            Processor time is the whole process's, user and system: it moves less than the rate when other work shares
            the machine.

            ## Where a click's time goes

            Each part alone on one thread, best of eight rounds. A `write()` for each click would be most of it, which
            is why a busy edge writes the events of queued requests together (`docs/decisions/0002-spool.md`).

            | part | time |
            |---|---|
            {Parts()}

            """);
    }

    private static string Latencies(List<Round> empty, List<Round> edge, Func<Round, double> percentile)
    {
        var (baseline, clicks) = (Median(empty.Select(percentile)), Median(edge.Select(percentile)));
        return string.Create(
            CultureInfo.InvariantCulture, $"{baseline:F2} ms | {clicks:F2} ms | {clicks / baseline:F2}");
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count % 2 == 1
            ? sorted[sorted.Count / 2]
            : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
    }

    internal static string Script(IReadOnlyList<string> paths) =>
        $$"""
        local paths = { {{string.Join(',', paths.Select(path => $"\"{path}\""))}} }
        local requests = {}
        local at = 0
        init = function(args)
          local headers = { ["Host"] = "track.localhost", ["User-Agent"] = "{{UserAgent}}", ["Accept"] = "text/html" }
          for i, path in ipairs(paths) do requests[i] = wrk.format("GET", path, headers) end
        end
        request = function()
          at = at % #requests + 1
          return requests[at]
        end
        """;

    internal static (double PerSecond, long Requests, double P50, double P99) Load(
        int port, string script, int seconds, string scheme = "http")
    {
        var arguments = string.Create(
            CultureInfo.InvariantCulture,
            $"-c 1 wrk -t 1 -c {Connections} -d {seconds} --latency -s {script} {scheme}://127.0.0.1:{port}/");
        using var wrk = Process.Start(new ProcessStartInfo("taskset", arguments) { RedirectStandardOutput = true })!;
        var output = wrk.StandardOutput.ReadToEnd();
        wrk.WaitForExit();
        if (output.Contains("Non-2xx", StringComparison.Ordinal)
            || output.Contains("Socket errors", StringComparison.Ordinal))
        {
            throw new InvalidOperationException(output);
        }

        return (
            Number(RatePattern().Match(output)),
            (long)Number(CountPattern().Match(output)),
            Milliseconds(P50Pattern().Match(output)),
            Milliseconds(P99Pattern().Match(output)));
    }

    private static double Number(Match match) => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);

    private static double Milliseconds(Match match) =>
        Number(match) * match.Groups[2].Value switch { "us" => 0.001, "ms" => 1, _ => 1000 };

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex RatePattern();

    [GeneratedRegex(@"(\d+) requests in")]
    private static partial Regex CountPattern();

    [GeneratedRegex(@"50%\s+([\d.]+)(us|ms|s)")]
    private static partial Regex P50Pattern();

    [GeneratedRegex(@"99%\s+([\d.]+)(us|ms|s)")]
    private static partial Regex P99Pattern();

    // ---- the parts of a click, in this process

    private static string Parts()
    {
        var folder = Directory.CreateTempSubdirectory("click-parts-").FullName;
        try
        {
            using var app = BuildEdge(WebApplication.CreateSlimBuilder(), folder);
            var path = FillEdge(app)[0];
            var hosts = app.Services.GetRequiredService<HostDirectory>();
            hosts.Restore();
            var links = app.Services.GetRequiredService<LinkLookup>();
            var spool = app.Services.GetRequiredService<EventSpool>();
            var ids = new EventIds(TimeProvider.System);
            var keys = hosts.Keys!;
            _ = LinkToken.Read(path, keys, out var token);
            var key = new LinkKey(token.Cluster, token.Link);
            var agent = System.Text.Encoding.UTF8.GetBytes(UserAgent);
            var waiting = new Task[Group];
            var lines = new List<string>
            {
                Part("keys and token", () => LinkToken.Read(path, hosts.Keys!, out _)),
                Part("host and cluster", () => hosts.Check("track.localhost", token.Cluster)),
                Part("link", () => links.TryGet(key, out _)),
                Part("event id, EventIds", () => ids.Next(out _)),
                Part("event id, Guid.CreateVersion7", () => Guid.CreateVersion7(TimeProvider.System.GetUtcNow())),
                Part("spool, an event at a time", () => Append(spool, token, agent).Wait()),
                Part("spool, an event of 50 at a time", () =>
                {
                    for (var i = 0; i < Group; i++)
                    {
                        waiting[i] = Append(spool, token, agent);
                    }

                    Task.WaitAll(waiting);
                }, Group),
            };
            spool.Write = static (_, _, _) => { };
            lines.Add(Part(
                "spool, an event at a time, without its `write()`", () => Append(spool, token, agent).Wait()));
            return string.Join(Environment.NewLine, lines);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static readonly byte[] _loopback = IPAddress.Loopback.GetAddressBytes();

    private static Task Append(EventSpool spool, LinkToken token, byte[] agent) => spool.Append(new SpoolEvent
    {
        Token = token,
        ClientAddress = _loopback,
        UserAgent = agent,
    });

    private static string Part(string name, Action part, int each = 1)
    {
        var times = 100_000 / each;
        var best = double.MaxValue;
        for (var round = 0; round < 8; round++)
        {
            var started = Stopwatch.GetTimestamp();
            for (var i = 0; i < times; i++)
            {
                part();
            }

            best = Math.Min(best, Stopwatch.GetElapsedTime(started).TotalNanoseconds / (times * each));
        }

        return string.Create(CultureInfo.InvariantCulture, $"| {name} | {best:F0} ns |");
    }

    // ---- the servers, each in its own process

    private static async Task ServeAsync(string which, string folder)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, 0, listen => TlsServers.Configure(listen, which));
        });

        var isEdge = which is "edge" or TlsServers.Edge;
        if (which == TlsServers.Ours)
        {
            TlsServers.Add(builder);
        }

        var app = isEdge ? BuildEdge(builder, folder, which == TlsServers.Edge) : builder.Build();
        if (which is TlsServers.Ours or TlsServers.Edge)
        {
            app.MapTls(_ => true);
        }

        if (!isEdge)
        {
            app.Run(static context =>
            {
                var response = context.Response;
                response.StatusCode = StatusCodes.Status302Found;
                var headers = response.Headers;
                headers.CacheControl = "no-store";
                headers["Referrer-Policy"] = "no-referrer";
                headers.Location = Destination;
                headers.ContentLength = 0;
                return Task.CompletedTask;
            });
        }

        await app.StartAsync();
        var paths = isEdge ? FillEdge(app) : [];
        Console.WriteLine(new Uri(app.Urls.First()).Port);
        Console.WriteLine(string.Join(' ', paths));
        while (await Console.In.ReadLineAsync() is { } line && line != "stop")
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{GC.GetTotalAllocatedBytes(precise: false)} {Environment.CpuUsage.TotalTime.TotalMicroseconds}"));
        }

        await app.StopAsync();
    }

    private static WebApplication BuildEdge(WebApplicationBuilder builder, string folder, bool withTls = false)
    {
        var edgeFolder = Path.Combine(folder, "edge");
        var masterKey = RandomNumberGenerator.GetBytes(MasterKey.Size);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = "Host=127.0.0.1;Port=1;Timeout=1",
            [$"Tracking:{RedirectEdgeOptions.Section}:{nameof(RedirectEdgeOptions.Folder)}"] = edgeFolder,
        });
        builder.Services.Configure<SystemOptions>(options => options.MasterKey = Convert.ToBase64String(masterKey));
        builder.AddRedirectEdge();

        // Removed: the publisher, the bus, and the refresh of directories, because there is no database here.
        foreach (var service in builder.Services
            .Where(service => service.ServiceType == typeof(IHostedService)
                && service.ImplementationFactory is not null)
            .ToList())
        {
            builder.Services.Remove(service);
        }

        using (var owned = EdgeFolder.Open(edgeFolder))
        using (var master = new MasterKey(masterKey))
        {
            var sealedKey = master.Seal(_signingMaterial, "links.signing_keys/1");
            owned.WriteChecked("directory.copy", DirectoryCopy.Encode(
                [(_cluster, new ClusterPolicy(AddressPolicy.Truncated, IsAnonymous: false, 0))],
                [new SealedSigningKey(1, sealedKey, DateTimeOffset.UnixEpoch)]));
        }

        if (withTls)
        {
            TlsServers.Add(builder);
        }

        return builder.Build().MapRedirectEdge();
    }

    private static readonly ClusterId _cluster = new(4711);
    private static readonly byte[] _signingMaterial = RandomNumberGenerator.GetBytes(SigningKey.Size);

    private static List<string> FillEdge(WebApplication app)
    {
        var links = app.Services.GetRequiredService<LinkLookup>();
        var key = new SigningKey(1, _signingMaterial);
        var paths = new List<string>();
        Span<byte> message = stackalloc byte[MessageKey.Size];
        for (var i = 0; i < Tokens; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(message, i);
            var link = new LinkId(unchecked(((ulong)i + 1) * 0x9E3779B97F4A7C15));
            links.Add(new LinkKey(_cluster, link), Destination);
            var token = new LinkToken(_cluster, MessageKey.Read(message), link, i % 100, LinkKind.Click);
            paths.Add("/c/" + token.ToString(key));
        }

        return paths;
    }

    private sealed record Round(double PerSecond, double P50, double P99, double BytesPerRequest, double Micros)
    {
        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture,
            $"{PerSecond:F0}/s p50 {P50:F2} p99 {P99:F2} ms {BytesPerRequest:F0} B {Micros:F1} us");
    }

    internal sealed class Server : IDisposable
    {
        private readonly Process _process;

        private Server(Process process)
        {
            _process = process;
            Port = int.Parse(Read(), CultureInfo.InvariantCulture);
            Paths = Read().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }

        public int Port { get; }

        /// <summary>The memory in bytes.</summary>
        public long Memory
        {
            get
            {
                _process.Refresh();
                return _process.WorkingSet64;
            }
        }

        public IReadOnlyList<string> Paths { get; }

        public static Server Start(string which, string folder)
        {
            var start = new ProcessStartInfo("taskset")
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                ArgumentList = { "-c", "0", Environment.ProcessPath! },
            };
            if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            {
                start.ArgumentList.Add(typeof(ClickPath).Assembly.Location);
            }

            foreach (var argument in new[] { "click-path", which, folder })
            {
                start.ArgumentList.Add(argument);
            }

            return new Server(Process.Start(start)!);
        }

        /// <summary>The allocated bytes and the processor time in microseconds since the start.</summary>
        public (long Bytes, double Micros) Spent()
        {
            _process.StandardInput.WriteLine("spent");
            var parts = Read().Split(' ');
            return (
                long.Parse(parts[0], CultureInfo.InvariantCulture),
                double.Parse(parts[1], CultureInfo.InvariantCulture));
        }

        public void Dispose()
        {
            _process.StandardInput.WriteLine("stop");
            if (!_process.WaitForExit(10_000))
            {
                _process.Kill();
            }

            _process.Dispose();
        }

        private string Read() => _process.StandardOutput.ReadLine()
            ?? throw new InvalidOperationException("The server ended.");
    }
}
