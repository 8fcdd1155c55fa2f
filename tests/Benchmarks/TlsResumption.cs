using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures how many returning visitors resume their TLS session, by the number of names that are visited in turn, and
/// the memory per name. .NET keeps tickets in a context per certificate and drops unused contexts whenever there are 32
/// more. So with many names most handshakes are full.
/// </summary>
internal static class TlsResumption
{
    // A full handshake includes a certificate, of some 400 bytes here. A resumed one stays below this limit.
    private const long LargestResumed = 500;

    public static async Task RunAsync(string[] args)
    {
        var counts = args.Length > 0
            ? [.. args.Select(text => int.Parse(text, CultureInfo.InvariantCulture))]
            : (int[])[1, 31, 33, 1_000, 10_000];
        var folder = Directory.CreateTempSubdirectory("tls-resumption-").FullName;
        try
        {
            var rows = new StringBuilder();
            foreach (var count in counts)
            {
                // Each measurement has a new process without contexts of others.
                using var server = ClickPath.Server.Start(TlsServers.Ours, folder);
                await TlsServers.ConnectAsync(server.Port, TlsServers.Name, resumes: true);
                var memory = server.Memory;
                await VisitAsync(server.Port, count);
                var perName = (server.Memory - memory) / count / 1024;
                var began = Stopwatch.GetTimestamp();
                var visits = 0;
                var resumed = 0;
                while (visits < Math.Max(count, 300))
                {
                    resumed += await VisitAsync(server.Port, count);
                    visits += count;
                }

                rows.AppendLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {count:N0} | {(double)resumed / visits:P0} | {visits / Stopwatch.GetElapsedTime(began).TotalSeconds:F0} | {(count < 1_000 ? "" : $"{perName} kB")} |"));
                await Console.Error.WriteLineAsync(rows);
            }

            Console.WriteLine($"""
                # Resumed sessions by the number of names

                Written by `dotnet run -c Release --project tests/Benchmarks -- tls-resumption`. All names are visited
                in turn by one client, then again: how many of the later visits resume.

                | names | resumed | visits a second, one client | memory a name, at the server |
                |---|---|---|---|
                {rows}
                """);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<int> VisitAsync(int port, int count)
    {
        var resumed = 0;
        for (var i = 0; i < count; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"track{i}.example.net");
            resumed += await TlsServers.ConnectAsync(port, name, resumes: true) < LargestResumed ? 1 : 0;
        }

        return resumed;
    }
}
