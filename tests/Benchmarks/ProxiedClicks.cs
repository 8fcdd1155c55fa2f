using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Tracking.Servers;

namespace Tracking.Benchmarks;

/// <summary>
/// Compares the gateway that ends TLS and proxies clicks to an edge with nginx that does the same in front of the same
/// edge. Each proxy has one core for itself, and the other core has the edge, the load and all else. So the proxy's
/// processor time for a click counts, not the clicks in a second.
/// </summary>
internal static partial class ProxiedClicks
{
    private const int WarmUpSeconds = 5;
    private const double Wanted = 0.8;

    public static async Task RunAsync(int rounds, int seconds)
    {
        var tlsPort = FreePort.Take(1)[0];
        using var folder = new TemporaryFolder();
        TlsServers.WriteCertificate(folder.Path);
        await using var deployment = await Deployment.StartAsync(
            new DeploymentShape
            {
                IsWhole = true,
                GatewayTlsPort = tlsPort,
                Settings = new Dictionary<string, string> { ["Tracking__SystemHost"] = TlsServers.Name },
                GatewaySettings = new Dictionary<string, string>
                {
                    ["Tracking__Tls__Files__0__Certificate"] = folder.In("tls.crt"),
                    ["Tracking__Tls__Files__0__Key"] = folder.In("tls.key"),
                },
            },
            CancellationToken.None);
        var script = folder.In("clicks.lua");
        await File.WriteAllTextAsync(script, ClickPath.Script(await ClickPathsAsync(deployment)));
        using var nginx = TlsServers.Nginx.Start(folder.Path, deployment.Edges[0].Address.Port);
        foreach (var service in deployment.Services)
        {
            Pin(service.Id, core: service == deployment.Gateway ? 0 : 1);
        }

        (int Port, int Process)[] proxies =
            [(tlsPort, deployment.Gateway!.Id), (nginx.ProxyPort, nginx.WorkerId)];
        foreach (var (port, _) in proxies)
        {
            ClickPath.Load(port, script, WarmUpSeconds, "https");
        }

        var figures = new List<(double Ours, double Nginx, double OursRate, double NginxRate)>();
        for (var round = 0; round < rounds; round++)
        {
            var ours = Measure(proxies[0], script, seconds);
            var other = Measure(proxies[1], script, seconds);
            figures.Add((ours.Micros, other.Micros, ours.PerSecond, other.PerSecond));
            await Console.Error.WriteLineAsync($"round {round + 1}: {figures[^1]}");
        }

        await ReportAsync(figures, seconds);
    }

    private static (double Micros, double PerSecond) Measure((int Port, int Process) proxy, string script, int seconds)
    {
        var before = ProcessorTime(proxy.Process);
        var (perSecond, requests, _, _) = ClickPath.Load(proxy.Port, script, seconds, "https");
        return ((ProcessorTime(proxy.Process) - before).TotalMicroseconds / requests, perSecond);
    }

    private static TimeSpan ProcessorTime(int process)
    {
        using var found = Process.GetProcessById(process);
        return found.TotalProcessorTime;
    }

    // All threads, also those that the process has already.
    private static void Pin(int process, int core)
    {
        var arguments = string.Create(CultureInfo.InvariantCulture, $"-acp {core} {process}");
        using var taskset = Process.Start(
            new ProcessStartInfo("taskset", arguments) { RedirectStandardOutput = true })!;
        taskset.WaitForExit();
    }

    private static async Task<IReadOnlyList<string>> ClickPathsAsync(Deployment deployment)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", deployment.AdminKey);
        using var created = await http.PostAsJsonAsync(
            new Uri(deployment.Managements[0].Address, "/api/v1/clusters"),
            new { name = "proxied", settings = new { trackClicks = true, trackOpens = true } });
        var cluster = (await created.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>())
            .GetProperty("id").GetString();
        using var content = new ByteArrayContent(await File.ReadAllBytesAsync(Path.Combine(
            BuiltPrograms.Repository, "tests/Newsletters/shop-alternative-quoted-printable.eml")));
        content.Headers.ContentType = new("message/rfc822");
        using var rewritten = await http.PostAsync(
            new Uri(deployment.Rewriters[0].Address, $"/api/v1/clusters/{cluster}/rewrite"), content);
        var message = Encoding.Latin1.GetString(
            await rewritten.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync());
        return [.. TrackedPath().Matches(message.ReplaceLineEndings("\n").Replace("=\n", ""))
            .Select(match => match.Value).Distinct()];
    }

    private static async Task ReportAsync(
        List<(double Ours, double Nginx, double OursRate, double NginxRate)> figures, int seconds)
    {
        var ratios = figures.Select(figure => figure.Nginx / figure.Ours).Order().ToList();
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Clicks through a proxy with TLS

            Written by `dotnet run -c Release --project tests/Benchmarks -- proxied-clicks {figures.Count} {seconds}`; needs `wrk`,
            `nginx`, `taskset` and two cores.

            The system as separate processes. The gateway ends TLS and proxies clicks to an edge over HTTP/2 without TLS
            (`Tracking__Gateway__Edge=proxied`); nginx with one worker ends TLS and proxies to the same edge over kept
            HTTP/1.1 connections. Each proxy has a core for itself; the edge, the load over 64 kept TLS connections,
            the engines and all other services share the other core and limit the clicks in a second. So the figure is
            the proxy's processor time for a click; {figures.Count} alternating rounds of {seconds} s, medians.

            | | gateway | nginx | gateway of nginx | wanted |
            |---|---|---|---|---|
            | clicks in a second of the proxy's core | {1e6 / Median(figures, f => f.Ours):N0} | {1e6 / Median(figures, f => f.Nginx):N0} | **{ratios[ratios.Count / 2]:F2}** ({ratios[0]:F2} to {ratios[^1]:F2}) | {Wanted} |
            | processor time for a click | {Median(figures, f => f.Ours):F0} µs | {Median(figures, f => f.Nginx):F0} µs | | |
            | clicks a second in these rounds | {Median(figures, f => f.OursRate):N0} | {Median(figures, f => f.NginxRate):N0} | | |

            """);
        Console.WriteLine(text);
        await File.WriteAllTextAsync(
            Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results", "proxied-clicks.md"), text);
    }

    private static double Median<T>(List<T> figures, Func<T, double> of) =>
        figures.Select(of).Order().ElementAt(figures.Count / 2);

    [GeneratedRegex("/c/[A-Za-z0-9_-]{40}")]
    private static partial Regex TrackedPath();

    private static string SourceFile([CallerFilePath] string path = "") => path;
}
