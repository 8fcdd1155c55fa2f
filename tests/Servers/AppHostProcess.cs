using System.Collections;
using System.Globalization;
using System.Net;

namespace Tracking.Servers;

/// <summary>
/// The built AppHost as a separate process, as <c>dotnet run --project AppHost -- --engines local</c> starts it, on
/// free ports. It gets only the given variables of the tests' environment.
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

    /// <summary>The longest time until the whole system is ready: some twenty processes on two busy cores.</summary>
    public static TimeSpan LongestStart { get; } = TimeSpan.FromMinutes(6);

    /// <summary>The gateway's address: by this name to the API, by <c>track.localhost</c> for recipients.</summary>
    public Uri Gateway { get; }

    /// <summary>The dashboard, which needs no login.</summary>
    public Uri Dashboard { get; }

    /// <summary>The AppHost's output.</summary>
    public string Output => _process.Output;

    /// <summary>Starts the AppHost without waiting.</summary>
    /// <param name="home">The process's HOME, which keeps its secrets.</param>
    /// <param name="data">The folder for the data of its engines and edges.</param>
    /// <param name="gateway">The gateway's port, which links contain.</param>
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

        // The place of .NET, if it is not the installer's default.
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

    /// <summary>Waits until the gateway is ready, which waits for all other services.</summary>
    public Task UntilReadyAsync(CancellationToken cancellationToken) => Eventually.HoldsAsync(
        async () => _process.HasExited
            ? throw new InvalidOperationException($"The AppHost ended:\n{Output}")
            : await IsReadyAsync(cancellationToken),
        "the gateway is ready",
        cancellationToken,
        LongestStart);

    /// <summary>Sends Ctrl-C. Returns when the process has ended.</summary>
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
