using System.Net;
using Npgsql;
using Tracking.Standalone;
using Tracking.Standalone.PrivatePostgres;

namespace Tracking.Servers.Engines;

/// <summary>
/// A PostgreSQL in its own folder, on a fixed loopback port. It can be ended and started any number of times. It ends
/// with the test process.
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly DataFolder _data;
    private readonly ServerSettings _settings;
    private IEngine? _engine;

    private PostgresServer(int port, bool isDurable)
    {
        _data = DataFolder.Open(_folder.Path);
        _settings = new ServerSettings { TestPort = port, IsDurable = isDurable };
        (Port, IsDurable) = (port, isDurable);
    }

    /// <summary>The loopback port.</summary>
    public int Port { get; }

    /// <summary>Whether committed data is forced to disk.</summary>
    public bool IsDurable { get; }

    /// <summary>The folder of the server's files.</summary>
    public string Cluster => _data.Cluster;

    /// <summary>Makes a server and starts it.</summary>
    public static async Task<PostgresServer> CreateAsync(int port, bool isDurable, CancellationToken cancellationToken)
    {
        LaunchPostgres.CheckMachine();
        var server = new PostgresServer(port, isDurable);
        try
        {
            await (EngineKind.Chosen == EngineKind.Containers
                ? PostgresContainer.InitializeAsync(server._data, isDurable)
                : LocalPostgresEngine.InitializeAsync(server._data, isDurable));
            await server.StartAsync(cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the server and waits until it accepts connections. After a kill it recovers first.</summary>
    /// <exception cref="InvalidOperationException">The server ended.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (_engine is not null)
        {
            await _engine.DisposeAsync();
        }

        var engine = _engine = EngineKind.Chosen == EngineKind.Containers
            ? await PostgresContainer.StartAsync(_data, _settings)
            : new LocalPostgresEngine(_data, _settings);
        await Eventually.HoldsAsync(
            async () => engine.HasExited || await AnswersAsync(cancellationToken),
            "PostgreSQL takes connections",
            cancellationToken);
        if (engine.HasExited)
        {
            throw new InvalidOperationException($"PostgreSQL did not start:\n{await engine.ReadOutputAsync()}");
        }
    }

    /// <summary>Stops the server in order; sessions end.</summary>
    public Task StopAsync() => _engine!.StopAsync("INT", CancellationToken.None);

    /// <summary>Sends SIGKILL to all processes of the server. Returns when they have ended.</summary>
    public Task KillAsync() => _engine!.KillAsync();

    /// <summary>Freezes all processes of the server: connections stay open, and no query is answered.</summary>
    public Task FreezeAsync() => _engine!.FreezeAsync();

    /// <summary>Continues the processes after <see cref="FreezeAsync"/>.</summary>
    public Task ThawAsync() => _engine!.ThawAsync();

    /// <summary>The connection string of the server's administrator, over TCP.</summary>
    public NpgsqlConnectionStringBuilder Connection(string database) => new()
    {
        Host = IPAddress.Loopback.ToString(),
        Port = Port,
        Database = database,
        Username = InitializePostgres.User,
        Password = File.ReadAllText(_data.DatabasePassword).Trim(),
        SslMode = SslMode.Disable,
    };

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_engine is not null)
        {
            await _engine.DisposeAsync();
        }

        _data.Dispose();
        _folder.Dispose();
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        var maintenance = Connection("postgres");
        maintenance.Pooling = false;
        try
        {
            await using var connection = new NpgsqlConnection(maintenance.ConnectionString);
            await connection.OpenAsync(cancellationToken);
            return true;
        }
        catch (NpgsqlException)
        {
            // The server is not started yet, or it is recovering.
            return false;
        }
    }
}
