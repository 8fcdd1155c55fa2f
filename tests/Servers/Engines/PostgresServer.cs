using System.Net;
using Npgsql;
using Tracking.Standalone;
using Tracking.Standalone.PrivatePostgres;

namespace Tracking.Servers.Engines;

/// <summary>
/// A PostgreSQL in a folder of its own, on a loopback port that it keeps, which can be ended and started any number of
/// times. It is gone with the test process.
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

    /// <summary>Whether what is committed is forced to disk.</summary>
    public bool IsDurable { get; }

    /// <summary>The folder of its files.</summary>
    public string Cluster => _data.Cluster;

    /// <summary>Makes one and starts it.</summary>
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

    /// <summary>Starts it and waits until it takes connections; it recovers first after a kill.</summary>
    /// <exception cref="InvalidOperationException">It ended instead.</exception>
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

    /// <summary>Stops it in order; sessions are ended.</summary>
    public Task StopAsync() => _engine!.StopAsync("INT", CancellationToken.None);

    /// <summary>SIGKILL to all its processes; returns when they are gone.</summary>
    public Task KillAsync() => _engine!.KillAsync();

    /// <summary>All its processes stand still: connections stay open, nothing answers.</summary>
    public Task FreezeAsync() => _engine!.FreezeAsync();

    /// <summary>They go on after <see cref="FreezeAsync"/>.</summary>
    public Task ThawAsync() => _engine!.ThawAsync();

    /// <summary>As an administrator of the server, over TCP.</summary>
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
            // Not there yet, or it recovers.
            return false;
        }
    }
}
