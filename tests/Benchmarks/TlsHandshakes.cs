using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures the cost of a TLS connection at our listener against Kestrel's own and nginx's: full handshakes with ECDSA
/// P-256 over TLS 1.3. Also measures requests over kept connections: the edge in the process against an endpoint of
/// Kestrel over TLS with the same answer, against nginx in front of an edge, and against nginx alone with the same
/// answer. Each server runs in its own process, all on one core, and the load comes from the other core.
/// </summary>
internal static class TlsHandshakes
{
    private const int Clients = 8;
    private const int WarmUpSeconds = 4;

    public static async Task RunAsync(string[] args)
    {
        var rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5;
        var seconds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 4;
        var folder = Directory.CreateTempSubdirectory("tls-handshakes-").FullName;
        try
        {
            using var bare = ClickPath.Server.Start(TlsServers.Bare, folder);
            using var edge = ClickPath.Server.Start(TlsServers.Edge, folder);
            using var ours = ClickPath.Server.Start(TlsServers.Ours, folder);
            using var plain = ClickPath.Server.Start("edge", Directory.CreateDirectory(Path.Combine(folder, "plain")).FullName);
            using var nginx = TlsServers.Nginx.Start(folder, plain.Port);
            int[] ports = [bare.Port, ours.Port, nginx.Port];
            var handshakes = await CompareAsync(rounds, ports, port => HandshakesAsync(port, seconds));

            var script = await ScriptAsync(folder, "edge", edge.Paths);
            var scriptOfPlain = await ScriptAsync(folder, "plain", plain.Paths);
            int[] served = [bare.Port, edge.Port, nginx.ProxyPort, nginx.RedirectPort];
            foreach (var port in served.Concat(served))
            {
                ClickPath.Load(port, ScriptOf(port), WarmUpSeconds, "https");
            }

            var clicks = await CompareAsync(rounds, served, port => Task.FromResult(
                ClickPath.Load(port, ScriptOf(port), seconds, "https").PerSecond));
            var text = string.Create(CultureInfo.InvariantCulture, $"""
                # TLS against bare Kestrel and nginx

                Written by `dotnet run -c Release --project tests/Benchmarks -- tls-handshakes {rounds} {seconds}`;
                needs `wrk`, `nginx`, `taskset` and two cores. Each server is a process of its own, all on one core, and
                the load comes from the other core; {rounds} alternating rounds of {seconds} s; medians of the rounds'
                ratios, lowest to highest. The serving core is busy all the time, so that a ratio is one per busy second.

                | | of bare Kestrel | of nginx | wanted |
                |---|---|---|---|
                | full handshakes a second, TLS 1.3, ECDSA P-256, {Clients} clients | {Ratio(handshakes, 1, 0)} | {Ratio(handshakes, 1, 2)} | level with Kestrel, 0.9 of nginx |
                | the same of Kestrel itself | 1 | {Ratio(handshakes, 0, 2)} | |

                The clients of the handshakes are .NET's and keep their core as busy as a server does its own.

                | clicks a second over TLS connections that stay | of bare Kestrel with the same answer | wanted |
                |---|---|---|
                | the edge in the process | {Ratio(clicks, 1, 0)} | 0.9 |
                | nginx in front of an edge without TLS, both on the serving core | {Ratio(clicks, 2, 0)} | less than the row above |
                | nginx alone, which answers the 302 by itself | {Ratio(clicks, 3, 0)} | |

                The edge in the process serves **{Median(clicks, 1, 2):F2}** times what nginx in front of an edge does.

                """);
            Console.WriteLine(text);
            await File.WriteAllTextAsync(
                Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results", "tls.md"), text);

            string ScriptOf(int port) => port == nginx.ProxyPort ? scriptOfPlain : script;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<List<double[]>> CompareAsync(int rounds, int[] ports, Func<int, Task<double>> measure)
    {
        var figures = new List<double[]>();
        // The first round is not counted.
        for (var round = 0; round <= rounds; round++)
        {
            var figure = new double[ports.Length];
            for (var i = 0; i < ports.Length; i++)
            {
                figure[i] = await measure(ports[i]);
            }

            await Console.Error.WriteLineAsync(
                $"round {round}: {string.Join(", ", figure.Select(f => f.ToString("F0", CultureInfo.InvariantCulture)))}");
            if (round > 0)
            {
                figures.Add(figure);
            }
        }

        return figures;
    }

    private static async Task<string> ScriptAsync(string folder, string name, IReadOnlyList<string> paths)
    {
        var script = Path.Combine(folder, name + ".lua");
        await File.WriteAllTextAsync(script, ClickPath.Script(paths));
        return script;
    }

    private static double Median(List<double[]> figures, int one, int other) =>
        figures.Select(figure => figure[one] / figure[other]).Order().ElementAt(figures.Count / 2);

    private static string SourceFile([CallerFilePath] string path = "") => path;

    private static string Ratio(List<double[]> figures, int one, int other)
    {
        var ratios = figures.Select(figure => figure[one] / figure[other]).Order().ToList();
        return string.Create(
            CultureInfo.InvariantCulture, $"**{ratios[ratios.Count / 2]:F2}** ({ratios[0]:F2} to {ratios[^1]:F2})");
    }

    private static async Task<double> HandshakesAsync(int port, double seconds)
    {
        var done = 0;
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => Task.Run(async () =>
        {
            while (Stopwatch.GetElapsedTime(began).TotalSeconds < seconds)
            {
                await TlsServers.ConnectAsync(port, TlsServers.Name, resumes: false);
                Interlocked.Increment(ref done);
            }
        })));
        return done / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}
