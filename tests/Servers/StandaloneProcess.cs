using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Npgsql;
using Tracking.Standalone.PrivatePostgres;

namespace Tracking.Servers;

/// <summary>
/// The built Standalone as a separate process, on free ports, with its own data folder unless one is given. It gets
/// only the given variables of the tests' environment.
/// </summary>
public sealed partial class StandaloneProcess : IAsyncDisposable
{
    // Free ports at the first start, and the same ports at a restart, because links contain them.
    private static readonly Dictionary<string, string> _freePorts = new()
    {
        ["TRACKING_HTTP_PORT"] = "0",
        ["TRACKING_EDGE_PORT"] = "0",
        ["TRACKING_EDGE_TLS_PORT"] = "0",
    };

    private readonly TemporaryFolder? _ownFolder;
    private readonly Dictionary<string, string> _environment;
    private Running _running;

    private StandaloneProcess(TemporaryFolder? ownFolder, Dictionary<string, string> environment, Running running) =>
        (_ownFolder, _environment, _running) = (ownFolder, environment, running);

    /// <summary>API and console.</summary>
    public Uri Api => Address("TRACKING_HTTP_PORT", "http");

    /// <summary>The edge over HTTP.</summary>
    public Uri Edge => Address("TRACKING_EDGE_PORT", "http");

    /// <summary>The edge over TLS.</summary>
    public Uri EdgeTls => Address("TRACKING_EDGE_TLS_PORT", "https");

    /// <summary>The data folder.</summary>
    public string DataFolder => _environment["TRACKING_DATA"];

    /// <summary>The admin API key of the first start.</summary>
    public string AdminKey => File.ReadAllText(Path.Combine(DataFolder, "admin.key")).Trim();

    /// <summary>The connection string for Npgsql to the private database, valid while the process runs.</summary>
    public string DatabaseConnection
    {
        get
        {
            var uri = PostgresUri().Match(File.ReadAllText(Path.Combine(DataFolder, "postgres.uri")));
            return new NpgsqlConnectionStringBuilder
            {
                Host = Uri.UnescapeDataString(uri.Groups["host"].Value),
                Port = int.Parse(uri.Groups["port"].Value, CultureInfo.InvariantCulture),
                Database = uri.Groups["database"].Value,
                Username = uri.Groups["user"].Value,
                Password = uri.Groups["password"].Value,
                SslMode = SslMode.Disable,
            }.ConnectionString;
        }
    }

    /// <summary>The output since the last start, from both streams.</summary>
    public string Output => _running.Output;

    /// <summary>The process id.</summary>
    public int Id => _running.Process.Id;

    /// <summary>Starts a process and waits for its ready line.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="dataFolder">The data folder; the default is a temporary one.</param>
    /// <param name="settings">Environment variables.</param>
    /// <exception cref="StandaloneFailedException">The process ended, or was not ready in time.</exception>
    public static Task<StandaloneProcess> StartAsync(
        CancellationToken cancellationToken,
        string? dataFolder = null,
        IReadOnlyDictionary<string, string>? settings = null) =>
        StartAsync(dataFolder is null ? new TemporaryFolder() : null, dataFolder, settings, cancellationToken);

    /// <summary>Starts a process with the data folder <c>data</c> in a folder that is removed with this
    /// object.</summary>
    internal static Task<StandaloneProcess> StartAsync(TemporaryFolder own, CancellationToken cancellationToken) =>
        StartAsync(own, null, null, cancellationToken);

    private static async Task<StandaloneProcess> StartAsync(
        TemporaryFolder? own,
        string? dataFolder,
        IReadOnlyDictionary<string, string>? settings,
        CancellationToken cancellationToken)
    {
        var environment = new Dictionary<string, string>(_freePorts)
        {
            ["TRACKING_DATA"] = dataFolder ?? own!.In("data"),
        };
        foreach (var (key, value) in settings ?? new Dictionary<string, string>())
        {
            environment[key] = value;
        }

        var running = await LaunchAsync(environment, cancellationToken);
        foreach (var (key, pattern) in (ReadOnlySpan<(string, Regex)>)
            [
                ("TRACKING_HTTP_PORT", ApiPort()), ("TRACKING_EDGE_PORT", EdgePort()),
                ("TRACKING_EDGE_TLS_PORT", TlsPort()),
            ])
        {
            environment[key] = pattern.Match(running.Output).Groups[1].Value;
        }

        return new StandaloneProcess(own, environment, running);
    }

    /// <summary>Runs a process that is expected to end.</summary>
    /// <returns>The exit code and the output.</returns>
    /// <exception cref="TimeoutException">The process did not end.</exception>
    public static async Task<(int ExitCode, string Output)> RunToEndAsync(
        IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken)
    {
        var complete = new Dictionary<string, string>(_freePorts);
        foreach (var (key, value) in environment)
        {
            complete[key] = value;
        }

        using var running = new Running(complete);
        try
        {
            await running.Process.WaitForExitAsync(cancellationToken).WaitAsync(Eventually.Deadline, cancellationToken);
            return (running.Process.ExitCode, running.Output);
        }
        finally
        {
            running.Kill();
        }
    }

    /// <summary>
    /// Starts the process again after <see cref="Kill"/> or <see cref="StopAsync"/>, with the same folder, ports and
    /// settings.
    /// </summary>
    public async Task RestartAsync(CancellationToken cancellationToken)
    {
        _running.Dispose();
        _running = await LaunchAsync(_environment, cancellationToken);
    }

    /// <summary>Sends SIGKILL. Returns when the process has ended.</summary>
    public void Kill() => _running.Kill();

    /// <summary>Requests a stop and waits for the end.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="signal">The signal; the default is SIGTERM.</param>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync(CancellationToken cancellationToken, PosixSignal signal = PosixSignal.SIGTERM)
    {
        var number = signal == PosixSignal.SIGINT ? "INT" : "TERM";
        using var kill = Process.Start("kill", ["-" + number, Id.ToString(CultureInfo.InvariantCulture)]);
        await _running.Process.WaitForExitAsync(cancellationToken).WaitAsync(Eventually.Deadline, cancellationToken);
        return _running.Process.ExitCode;
    }

    /// <summary>Stops the process, by force if necessary, and removes its temporary folder.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_running.Process.HasExited)
        {
            try
            {
                await StopAsync(CancellationToken.None);
            }
            catch (TimeoutException)
            {
                Kill();
            }
        }

        _running.Dispose();
        if (_ownFolder is not null)
        {
            // After a kill the database is still shutting down.
            var cluster = Path.Combine(DataFolder, "postgres");
            if (Directory.Exists(cluster))
            {
                await Task.Run(() => StopLeftovers.Of(cluster));
            }

            _ownFolder.Dispose();
        }
    }

    private static async Task<Running> LaunchAsync(
        Dictionary<string, string> environment, CancellationToken cancellationToken)
    {
        var running = new Running(environment);
        var ended = running.Process.WaitForExitAsync(cancellationToken);
        var first = await Task.WhenAny(running.Ready, ended, Task.Delay(Eventually.Deadline, cancellationToken));
        if (first == running.Ready)
        {
            return running;
        }

        running.Kill();
        var how = first == ended ? $"ended with {running.Process.ExitCode}" : "was not ready in time";
        throw new StandaloneFailedException($"Standalone {how}:\n{running.Output}");
    }

    private Uri Address(string key, string scheme) => new($"{scheme}://127.0.0.1:{_environment[key]}/");

    [GeneratedRegex(@"^  API .*http://[0-9.]+:([0-9]+)", RegexOptions.Multiline)]
    private static partial Regex ApiPort();

    [GeneratedRegex(@"^  edge .*http://[0-9.]+:([0-9]+)", RegexOptions.Multiline)]
    private static partial Regex EdgePort();

    [GeneratedRegex(@"^  edge .*https://[0-9.]+:([0-9]+)", RegexOptions.Multiline)]
    private static partial Regex TlsPort();

    [GeneratedRegex("^postgresql://(?<user>[^:]+):(?<password>[^@]+)@/(?<database>[^?]+)[?]host=(?<host>[^&]+)&port=(?<port>[0-9]+)\n$")]
    private static partial Regex PostgresUri();

    private sealed class Running : IDisposable
    {
        private readonly StringBuilder _output = new();
        private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Running(IReadOnlyDictionary<string, string> environment)
        {
            var start = new ProcessStartInfo(BuiltPrograms.Standalone)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = Path.GetTempPath(),
            };
            foreach (var name in start.Environment.Keys.Where(IsConfiguration).ToList())
            {
                start.Environment.Remove(name);
            }

            foreach (var (key, value) in environment)
            {
                start.Environment[key] = value;
            }

            Process = new Process { StartInfo = start };
            Process.OutputDataReceived += (_, line) => Add(line.Data);
            Process.ErrorDataReceived += (_, line) => Add(line.Data);
            Process.Start();
            Process.BeginOutputReadLine();
            Process.BeginErrorReadLine();
        }

        public Process Process { get; }

        public Task Ready => _ready.Task;

        public string Output
        {
            get
            {
                lock (_output)
                {
                    return _output.ToString();
                }
            }
        }

        public void Kill()
        {
            if (!Process.HasExited)
            {
                Process.Kill();
                Process.WaitForExit();
            }
        }

        public void Dispose() => Process.Dispose();

        private static bool IsConfiguration(string name) =>
            name.StartsWith("TRACKING_", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("ConnectionStrings__", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("Logging__", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("OTEL_", StringComparison.Ordinal)
            || name.StartsWith("ASPNETCORE_", StringComparison.Ordinal);

        private void Add(string? line)
        {
            lock (_output)
            {
                _output.Append(line).Append('\n');
            }

            // The last line of the text that announces the addresses.
            if (line?.StartsWith("  admin key", StringComparison.Ordinal) == true)
            {
                _ready.TrySetResult();
            }
        }
    }
}

/// <summary>Standalone did not start. The message contains its output.</summary>
public sealed class StandaloneFailedException(string message) : Exception(message);
