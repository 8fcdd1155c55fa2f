using System.Collections;
using System.Globalization;
using System.Net;

namespace Tracking.Servers;

/// <summary>
/// A service's built program as a process of its own, on loopback ports that it keeps over restarts. Nothing of the
/// tests' environment reaches it but what is passed, and it is gone with the test process.
/// </summary>
public sealed class ServiceProcess : IDisposable
{
    // A program that starts beside nine others on two busy cores.
    private static readonly TimeSpan _longestStart = TimeSpan.FromMinutes(2);
    private static readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };

    private readonly string _program;
    private readonly string _folder;
    private readonly Dictionary<string, string> _environment;
    private string _earlierOutput = "";
    private ServerProcess? _process;

    /// <summary>Takes its ports; starts nothing yet.</summary>
    /// <param name="project">The folder under <c>src</c>.</param>
    /// <param name="name">What it is called in telemetry and failures.</param>
    /// <param name="folder">Its working directory.</param>
    /// <param name="environment">Its settings.</param>
    /// <param name="port">Where it listens; a free port unless given.</param>
    /// <param name="urls">All the addresses, when the port alone is not enough.</param>
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

        // Where .NET is, if not where its installer puts it.
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (variable.Key is string key && key.StartsWith("DOTNET_ROOT", StringComparison.Ordinal))
            {
                _environment.TryAdd(key, (string)variable.Value!);
            }
        }
    }

    /// <summary>What it is called.</summary>
    public string Name { get; }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>Where it answers health; <see cref="Address"/> unless set.</summary>
    public Uri Health { get; init; }

    /// <summary>What it wrote since its first start, both streams.</summary>
    public string Output => _earlierOutput + _process?.Output;

    /// <summary>Whether it has been started and has not ended.</summary>
    public bool IsRunning => _process is { HasExited: false };

    /// <summary>A loopback address with a port.</summary>
    public static Uri Loopback(int port) => new(string.Create(
        CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));

    /// <summary>Starts it, also again after it has ended, without waiting until it is ready.</summary>
    public async Task LaunchAsync()
    {
        _earlierOutput = Output;
        _process?.Dispose();
        _process = await ServerProcess.StartAsync([_program], _folder, _environment);
    }

    /// <summary>Starts it, also again after it has ended, and waits until it is ready.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await LaunchAsync();
        await UntilReadyAsync(cancellationToken);
    }

    /// <summary>Waits until <c>/health/ready</c> says so.</summary>
    /// <exception cref="InvalidOperationException">It ended instead.</exception>
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

    /// <summary>What <c>/health/ready</c> answers.</summary>
    /// <returns><see langword="null"/> when there is no answer.</returns>
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
    /// <returns>Its exit code.</returns>
    public async Task<int> RunToEndAsync(CancellationToken cancellationToken)
    {
        await LaunchAsync();
        await Eventually.HoldsAsync(() => !IsRunning, $"{Name} has ended", cancellationToken, _longestStart);
        return _process!.ExitCode;
    }

    /// <summary>SIGKILL; returns when it is gone.</summary>
    public void Kill() => _process!.Kill();

    /// <summary>SIGSTOP: it stands still, its connections stay open.</summary>
    public void Freeze() => _process!.Freeze();

    /// <summary>SIGCONT after <see cref="Freeze"/>.</summary>
    public void Thaw() => _process!.Thaw();

    /// <summary>SIGTERM; returns when it has ended.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync(CancellationToken cancellationToken)
    {
        await _process!.StopAsync(cancellationToken);
        return _process.ExitCode;
    }

    /// <inheritdoc/>
    public void Dispose() => _process?.Dispose();
}
