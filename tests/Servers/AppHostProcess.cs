using System.Collections;
using System.Globalization;
using System.Net;

namespace Tracking.Servers;

/// <summary>
/// The built AppHost as a process of its own, as <c>dotnet run --project AppHost -- --engines local</c> starts it, on
/// free ports. Nothing of the tests' environment reaches it but what is passed.
/// </summary>
public sealed class AppHostProcess : IDisposable
{
    private static readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private readonly ServerProcess _process;

    private AppHostProcess(ServerProcess process, int gateway, int dashboard)
    {
        _process = process;
        Gateway = new Uri(Localhost(gateway));
        Dashboard = new Uri(Localhost(dashboard));
    }

    /// <summary>How long everything may take until it is ready: some twenty processes on two busy cores.</summary>
    public static TimeSpan LongestStart { get; } = TimeSpan.FromMinutes(6);

    /// <summary>The way in; by this name to the API, by <c>track.localhost</c> for recipients.</summary>
    public Uri Gateway { get; }

    /// <summary>The dashboard; it asks nobody who he is.</summary>
    public Uri Dashboard { get; }

    /// <summary>What it wrote.</summary>
    public string Output => _process.Output;

    /// <summary>Starts it, without waiting.</summary>
    /// <param name="home">Its HOME, which keeps its secrets.</param>
    /// <param name="data">What its engines and edges keep.</param>
    /// <param name="gateway">The gateway's port, which is in links.</param>
    public static async Task<AppHostProcess> LaunchAsync(string home, string data, int gateway)
    {
        var ports = FreePort.Take(3);
        var environment = new Dictionary<string, string>
        {
            ["HOME"] = home,
            ["DOTNET_ENVIRONMENT"] = "Development",
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["ASPNETCORE_URLS"] = Localhost(ports[0]),
            ["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = Localhost(ports[1]),
            ["ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"] = Localhost(ports[2]),
            ["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true",
            ["ASPIRE_DASHBOARD_UNSECURED_ALLOW_ANONYMOUS"] = "true",
            ["DOTNET_NOLOGO"] = "1",
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
            ["DOTNET_GENERATE_ASPNET_CERTIFICATE"] = "false",
        };

        // Where .NET is, if not where its installer puts it.
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (variable.Key is string key && key.StartsWith("DOTNET_ROOT", StringComparison.Ordinal))
            {
                environment.TryAdd(key, (string)variable.Value!);
            }
        }

        var process = await ServerProcess.StartAsync(
            [
                BuiltPrograms.AppHost, "--engines", "local", "--data", data,
                string.Create(CultureInfo.InvariantCulture, $"--Parameters:system-port={gateway}"),
            ],
            BuiltPrograms.AppHostFolder,
            environment);
        return new AppHostProcess(process, gateway, ports[0]);
    }

    /// <summary>Waits until the gateway is ready, which waits for everything else.</summary>
    public Task UntilReadyAsync(CancellationToken cancellationToken) => Eventually.HoldsAsync(
        async () => _process.HasExited
            ? throw new InvalidOperationException($"The AppHost ended:\n{Output}")
            : await IsReadyAsync(cancellationToken),
        "the gateway is ready",
        cancellationToken,
        LongestStart);

    /// <summary>Ctrl-C; returns when it has ended.</summary>
    public Task InterruptAsync(CancellationToken cancellationToken) => _process.StopAsync(cancellationToken, "INT");

    /// <inheritdoc/>
    public void Dispose() => _process.Dispose();

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri(Gateway, "/health/ready"), cancellationToken);
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException
            && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private static string Localhost(int port) =>
        string.Create(CultureInfo.InvariantCulture, $"http://localhost:{port}");
}
