using System.Diagnostics;
using System.Globalization;
using System.Net;
using Npgsql;
using Tracking.Standalone;
using Tracking.Standalone.PrivatePostgres;

namespace Tracking.Servers;

/// <summary>
/// A PostgreSQL of one test's own, forced to disk as in production, that can be killed, frozen and kept away, and comes
/// back on the same port with what was committed. Its database <c>tracking</c> is empty at first.
/// </summary>
public sealed class BreakablePostgres : IAsyncDisposable
{
    private const string Database = "tracking";
    private readonly TemporaryFolder _folder = new();
    private readonly DataFolder _data;
    private readonly PostgresBinaries _binaries;
    private readonly int _port = FreePort.Take(1)[0];
    private Task _server = Task.CompletedTask;

    private BreakablePostgres()
    {
        _data = DataFolder.Open(_folder.Path);
        _binaries = FindPostgres.For(null, _data.Cluster);
    }

    /// <summary>For Npgsql; the same before and after a restart.</summary>
    public string ConnectionString => Connection(Database);

    /// <summary>Makes one and starts it.</summary>
    public static async Task<BreakablePostgres> CreateAsync(CancellationToken cancellationToken)
    {
        var postgres = new BreakablePostgres();
        try
        {
            await OnOwnThread(() => InitializePostgres.UnlessThere(postgres._data, postgres._binaries, durable: true));
            await postgres.StartAsync(cancellationToken);
            await using var maintenance = new NpgsqlConnection(postgres.Connection("postgres"));
            await maintenance.OpenAsync(cancellationToken);
            await using var create = new NpgsqlCommand($"CREATE DATABASE {Database}", maintenance);
            await create.ExecuteNonQueryAsync(cancellationToken);
            return postgres;
        }
        catch
        {
            await postgres.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it and waits until it takes connections; recovers first after <see cref="KillAsync"/>.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _server = OnOwnThread(Run);
        await Eventually.HoldsAsync(
            async () =>
            {
                try
                {
                    await using var connection = new NpgsqlConnection(Connection("postgres"));
                    await connection.OpenAsync(cancellationToken);
                    return true;
                }
                catch (NpgsqlException) when (!_server.IsCompleted)
                {
                    return false;
                }
            },
            "PostgreSQL takes connections",
            cancellationToken);
    }

    /// <summary>Stops it in order; sessions are ended.</summary>
    public async Task StopAsync()
    {
        await Task.Run(() => StopLeftovers.Of(_data.Cluster));
        await _server.WaitAsync(Eventually.Deadline);
    }

    /// <summary>SIGKILL to all its processes; returns when they are gone.</summary>
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
        await _server.WaitAsync(Eventually.Deadline);
    }

    /// <summary>SIGSTOP to all its processes: connections stay open, nothing answers.</summary>
    public void Freeze() => Signal("STOP");

    /// <summary>SIGCONT after <see cref="Freeze"/>.</summary>
    public void Thaw() => Signal("CONT");

    /// <summary>Copies its files, owners and all; it is stopped.</summary>
    public void CopyTo(string folder) => Copy(_data.Cluster, folder);

    /// <summary>Makes its files what they were at <see cref="CopyTo"/>; it is stopped.</summary>
    public void TakeBack(string folder)
    {
        Directory.Delete(_data.Cluster, recursive: true);
        Directory.CreateDirectory(_data.Cluster);
        Copy(folder, _data.Cluster);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _data.Dispose();
        _folder.Dispose();
    }

    // The kernel's parent-death signal is tied to the thread that started the server: see LaunchPostgres.
    private static Task OnOwnThread(Action action) =>
        Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Run()
    {
        using var server = LaunchPostgres.Start(
            _data.Cluster,
            _data.DatabasePassword,
            [_binaries.Postgres, "-D", LaunchPostgres.Folder, .. new ServerSettings { TestPort = _port }.Arguments()]);
        server.BeginOutputReadLine();
        server.BeginErrorReadLine();
        server.WaitForExit();
    }

    // cp keeps the owner, which is not ours where tests run as root.
    private static void Copy(string from, string to)
    {
        using var copy = Process.Start("/bin/cp", ["-a", from + "/.", to]);
        copy.WaitForExit();
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

    private string Connection(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = IPAddress.Loopback.ToString(),
        Port = _port,
        Database = database,
        Username = InitializePostgres.User,
        Password = File.ReadAllText(_data.DatabasePassword).Trim(),
        SslMode = SslMode.Disable,
        Pooling = database == Database,
    }.ConnectionString;
}
