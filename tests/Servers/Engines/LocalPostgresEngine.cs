using System.Diagnostics;
using System.Globalization;
using System.Text;
using Tracking.Standalone;
using Tracking.Standalone.PrivatePostgres;

namespace Tracking.Servers.Engines;

/// <summary>PostgreSQL as programs of this machine: a server and its children, found by their folder.</summary>
internal sealed class LocalPostgresEngine : IEngine
{
    private readonly StringBuilder _output = new();
    private readonly DataFolder _data;
    private readonly Task _ended;

    /// <summary>Starts the server.</summary>
    /// <param name="data">The folder with the database cluster.</param>
    /// <param name="settings">The server's settings.</param>
    public LocalPostgresEngine(DataFolder data, ServerSettings settings)
    {
        _data = data;
        var program = FindPostgres.For(null, data.Cluster).Postgres;
        _ended = OnOwnThread(() => Run([program, "-D", LaunchPostgres.Folder, .. settings.Arguments()]));
    }

    public bool HasExited => _ended.IsCompleted;

    /// <summary>Makes the cluster.</summary>
    public static Task InitializeAsync(DataFolder data, bool durable) =>
        OnOwnThread(() => InitializePostgres.UnlessThere(data, FindPostgres.For(null, data.Cluster), durable));

    public Task<string> ReadOutputAsync()
    {
        lock (_output)
        {
            return Task.FromResult(_output.ToString());
        }
    }

    // Each signal is stronger than the one before.
    public async Task StopAsync(string signal, CancellationToken cancellationToken)
    {
        await Task.Run(() => StopLeftovers.Of(_data.Cluster), cancellationToken);
        await _ended.WaitAsync(Eventually.Deadline, cancellationToken);
    }

    public async Task KillAsync()
    {
        await Eventually.HoldsAsync(
            () =>
            {
                Signal("KILL");
                return StopLeftovers.Find(_data.Cluster).Count == 0;
            },
            "PostgreSQL is gone",
            CancellationToken.None);
        await _ended.WaitAsync(Eventually.Deadline);
    }

    public Task FreezeAsync()
    {
        Signal("STOP");
        return Task.CompletedTask;
    }

    public Task ThawAsync()
    {
        Signal("CONT");
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync() => await KillAsync();

    // The kernel's parent-death signal belongs to the thread that started the server: see LaunchPostgres.
    private static Task OnOwnThread(Action action) =>
        Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Run(string[] command)
    {
        using var server = LaunchPostgres.Start(_data.Cluster, _data.DatabasePassword, command);
        server.OutputDataReceived += (_, line) => Add(line.Data);
        server.ErrorDataReceived += (_, line) => Add(line.Data);
        server.BeginOutputReadLine();
        server.BeginErrorReadLine();
        server.WaitForExit();
    }

    private void Signal(string name)
    {
        var processes = StopLeftovers.Find(_data.Cluster);
        if (processes.Count > 0)
        {
            using var kill = Process.Start(
                "/bin/kill",
                ["-" + name, .. processes.Select(id => id.ToString(CultureInfo.InvariantCulture))]);
            kill.WaitForExit();
        }
    }

    private void Add(string? line)
    {
        lock (_output)
        {
            _output.Append(line).Append('\n');
        }
    }
}
