using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Servers;
using Tracking.ServiceDefaults;
using Tracking.SharedCache;
using Tracking.Tls;
using Tracking.Tls.Stored;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures the cost of invented names of a scanner. All names are requested over TLS, and then all of them again.
/// Results are the database queries, the memory, and whether a certificate was ordered.
/// </summary>
internal static class RandomServerNames
{
    private const int AtOnce = 32;

    public static async Task RunAsync(int count)
    {
        await using var server = new TestPostgres();
        var connection = await server.CreateDatabaseAsync(default);
        await using var source = NpgsqlDataSource.Create(connection);
        using var figures = new Figures();
        await using var app = await StartAsync(connection);
        var port = new Uri(app.Urls.Single()).Port;
        var names = new string[count];
        for (var i = 0; i < count; i++)
        {
            names[i] = $"{Guid.NewGuid():N}.example.com";
        }

        // The first connections load code, so they come before the measurement.
        await AskAsync(port, names.AsMemory(0, Math.Min(100, count)));
        var rows = new List<string>();
        var before = Memory();
        foreach (var round in (string[])["the first time", "again"])
        {
            figures.Reset();
            var refused = await AskAsync(port, names);
            var after = Memory();
            rows.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"| {round} | {refused:N0} | {figures.Of("tracking.hosts.lookups"):N0} | "
                + $"{figures.Of("tracking.tls.lookups"):N0} | {(after - before) / 1048576.0:N1} MB |"));
        }

        await using var command = source.CreateCommand("SELECT count(*) FROM certificates.names");
        var ordered = await command.ExecuteScalarAsync();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{count:N0} names that nobody has, {AtOnce} connections at once."));
        Console.WriteLine();
        Console.WriteLine("| asked | refused | look-ups of tracking domains | of certificates | memory more than before |");
        Console.WriteLine("|---|---|---|---|---|");
        rows.ForEach(Console.WriteLine);
        Console.WriteLine();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"Names that want a certificate afterwards: {ordered}."));
    }

    private static long Memory() => GC.GetTotalMemory(forceFullCollection: true);

    private static async Task<WebApplication> StartAsync(string connection)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = connection,
            ["Tracking:MasterKey"] = Convert.ToBase64String(new byte[32]),
            ["Tracking:SystemHost"] = "links.operator.example",
        });
        builder.WebHost.UseUrls("https://127.0.0.1:0");
        builder.AddServiceDefaults();
        builder.AddBus();
        builder.AddTrackingDatabase();
        builder.AddDirectoryChanges();
        builder.AddTls();
        builder.AddTrackingHosts();
        builder.AddStoredCertificates();
        builder.ListenWithTls();
        var app = builder.Build();
        app.MapTls(_ => true);
        await app.StartAsync();
        return app;
    }

    // Returns the number of refused connections.
    private static async Task<int> AskAsync(int port, ReadOnlyMemory<string> names)
    {
        var refused = 0;
        await Parallel.ForEachAsync(
            Enumerable.Range(0, names.Length), new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (index, cancellationToken) =>
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
                await using var tls = new SslStream(client.GetStream());
                try
                {
                    await tls.AuthenticateAsClientAsync(
                        new SslClientAuthenticationOptions { TargetHost = names.Span[index] }, cancellationToken);
                }
                catch (Exception exception) when (exception is AuthenticationException or IOException)
                {
                    Interlocked.Increment(ref refused);
                }
            });
        return refused;
    }

    private sealed class Figures : IDisposable
    {
        private readonly ConcurrentDictionary<string, long> _counts = new();
        private readonly MeterListener _listener;

        public Figures()
        {
            _listener = new MeterListener
            {
                InstrumentPublished = (instrument, listener) =>
                {
                    if (instrument.Name is "tracking.hosts.lookups" or "tracking.tls.lookups")
                    {
                        listener.EnableMeasurementEvents(instrument);
                    }
                },
            };
            _listener.SetMeasurementEventCallback<long>((instrument, count, _, _) =>
                _counts.AddOrUpdate(instrument.Name, count, (_, before) => before + count));
            _listener.Start();
        }

        public long Of(string instrument) => _counts.GetValueOrDefault(instrument);

        public void Reset() => _counts.Clear();

        public void Dispose() => _listener.Dispose();
    }
}
