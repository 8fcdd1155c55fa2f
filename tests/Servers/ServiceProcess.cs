using System.Collections;
using System.Globalization;
using System.Net;

namespace Tracking.Servers;

/// <summary>
/// A service's built program as a separate process, on loopback ports that stay the same over restarts. It gets only
/// the given variables of the tests' environment, and ends with the test process.
/// </summary>
public sealed class ServiceProcess : IDisposable
{
    // For a program that starts beside nine others on two busy cores.
    private static readonly TimeSpan _longestStart = TimeSpan.FromMinutes(2);
    private static readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };

    private readonly string _program;
    private readonly string _folder;
    private readonly Dictionary<string, string> _environment;
    private string _earlierOutput = "";
    private ServerProcess? _process;

    /// <summary>Takes the ports, and does not start the process yet.</summary>
    /// <param name="project">The project's folder under <c>src</c>.</param>
    /// <param name="name">The service's name in telemetry and failures.</param>
    /// <param name="folder">The working directory.</param>
    /// <param name="environment">The service's settings.</param>
    /// <param name="port">The port; the default is a free port.</param>
    /// <param name="urls">All addresses, if the port alone is not enough.</param>
    public ServiceProcess(
        string project,
        string name,
        string folder,
        IReadOnlyDictionary<string, string> environment,
        int? port = null,
        string? urls = null)
    {
        Name = name;
        _program = BuiltPrograms.Service(project);
        _folder = folder;
        Address = Loopback(port ?? FreePort.Take(1)[0]);
        Health = Address;
        _environment = new Dictionary<string, string>(environment)
        {
            ["ASPNETCORE_URLS"] = urls ?? Address.ToString(),
            ["HOME"] = folder,
        };

        // The place of .NET, if it is not the installer's default.
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (variable.Key is string key && key.StartsWith("DOTNET_ROOT", StringComparison.Ordinal))
            {
                _environment.TryAdd(key, (string)variable.Value!);
            }
        }
    }

    /// <summary>The service's name.</summary>
    public string Name { get; }

    /// <summary>The service's address.</summary>
    public Uri Address { get; }

    /// <summary>The address of the health endpoints; the default is <see cref="Address"/>.</summary>
    public Uri Health { get; init; }

    /// <summary>The id of the process, which has started.</summary>
    public int Id => _process!.Id;

    /// <summary>The output since the first start, from both streams.</summary>
    public string Output => _earlierOutput + _process?.Output;

    /// <summary>Whether the process has started and not ended.</summary>
    public bool IsRunning => _process is { HasExited: false };

    /// <summary>A loopback address with a port.</summary>
    public static Uri Loopback(int port) => new(string.Create(
        CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));

    /// <summary>Starts the process, also again after its end, without waiting until it is ready.</summary>
    public async Task LaunchAsync()
    {
        _earlierOutput = Output;
        _process?.Dispose();
        _process = await ServerProcess.StartAsync([_program], _folder, _environment);
    }

    /// <summary>Starts the process, also again after its end, and waits until it is ready.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await LaunchAsync();
        await UntilReadyAsync(cancellationToken);
    }

    /// <summary>Waits until <c>/health/ready</c> reports readiness.</summary>
    /// <exception cref="InvalidOperationException">The process ended.</exception>
    public async Task UntilReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Eventually.HoldsAsync(
                async () => IsRunning
                    ? await AskReadyAsync(cancellationToken) == HttpStatusCode.OK
                    : throw new InvalidOperationException($"{Name} ended with {_process!.ExitCode}:\n{Output}"),
                $"{Name} is ready",
                cancellationToken,
                _longestStart);
        }
        catch (TimeoutException slow)
        {
            throw new TimeoutException($"{slow.Message}\n{Output}", slow);
        }
    }

    /// <summary>The answer of <c>/health/ready</c>.</summary>
    /// <returns><see langword="null"/> without an answer.</returns>
    public async Task<HttpStatusCode?> AskReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri(Health, "/health/ready"), cancellationToken);
            return answer.StatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException
            && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Runs a program that ends by itself.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> RunToEndAsync(CancellationToken cancellationToken)
    {
        await LaunchAsync();
        await Eventually.HoldsAsync(() => !IsRunning, $"{Name} has ended", cancellationToken, _longestStart);
        return _process!.ExitCode;
    }

    /// <summary>Sends SIGKILL. Returns when the process has ended.</summary>
    public void Kill() => _process!.Kill();

    /// <summary>Sends SIGSTOP: the process freezes, and its connections stay open.</summary>
    public void Freeze() => _process!.Freeze();

    /// <summary>Sends SIGCONT after <see cref="Freeze"/>.</summary>
    public void Thaw() => _process!.Thaw();

    /// <summary>Sends SIGTERM. Returns when the process has ended.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync(CancellationToken cancellationToken)
    {
        await _process!.StopAsync(cancellationToken);
        return _process.ExitCode;
    }

    /// <inheritdoc/>
    public void Dispose() => _process?.Dispose();
}
