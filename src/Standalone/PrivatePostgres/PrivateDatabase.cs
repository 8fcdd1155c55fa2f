using System.Globalization;
using Npgsql;
using Tracking.Database;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone.PrivatePostgres;

/// <summary>
/// Our own PostgreSQL in the data folder. It is made at the first start, runs while this process runs, and restarts if
/// it dies. It listens on a socket in its own folder, which no other user may enter, and on no port. Every connection
/// needs the password.
/// </summary>
internal sealed partial class PrivateDatabase : IAsyncDisposable
{
    private const string Database = "tracking";
    private static readonly TimeSpan _pollInterval = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan _restartPause = TimeSpan.FromSeconds(1);

    // Together with the stop of the services this is shorter than the ten seconds that a stop may take.
    private static readonly TimeSpan _fastShutdown = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan _immediateShutdown = TimeSpan.FromSeconds(1);

    // Recovery after a power cut reads the write-ahead log, which max_wal_size limits: seconds, or minutes on a slow
    // disk.
    private static readonly TimeSpan _longestRecovery = TimeSpan.FromMinutes(10);

    private readonly DataFolder _folder;
    private readonly PostgresBinaries _binaries;
    private readonly ServerSettings _settings;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly ServerLog _log;
    private readonly ManualResetEventSlim _stopping = new();
    private volatile int _server;
    private volatile bool _ready;
    private Task _supervision = Task.CompletedTask;
    private SocketFolder? _socket;

    private PrivateDatabase(
        DataFolder folder, PostgresBinaries binaries, ServerSettings settings, ILogger logger, TimeProvider time)
    {
        (_folder, _binaries, _settings, _logger, _time) = (folder, binaries, settings, logger, time);
        _log = new ServerLog(logger);
    }

    /// <summary>The connection string for Npgsql, valid until this is disposed.</summary>
    public string ConnectionString => Connection(Database).ConnectionString;

    /// <summary>Starts the database of a data folder and waits until it answers.</summary>
    /// <param name="folder">The data folder. The caller holds it until after this is disposed.</param>
    /// <param name="postgresBin">The folder of PostgreSQL's programs; <see langword="null"/> to search for
    /// them.</param>
    /// <param name="settings">The server's settings.</param>
    /// <param name="logger">Logs restarts and the server's messages.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StartUpException">The database cannot start. The message has the remedy.</exception>
    public static async Task<PrivateDatabase> StartAsync(
        DataFolder folder,
        string? postgresBin,
        ServerSettings settings,
        ILogger logger,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        LaunchPostgres.CheckMachine();
        var binaries = FindPostgres.For(postgresBin, folder.Cluster);
        var database = new PrivateDatabase(folder, binaries, settings, logger, time);
        try
        {
            await OnOwnThread(() => InitializePostgres.UnlessThere(folder, binaries, settings.IsDurable));
            database._socket = new SocketFolder(folder.Cluster);
            if (StopLeftovers.Of(folder.Cluster) is > 0 and var count)
            {
                LogLeftovers(logger, count);
            }

            await database.StartServerAsync(cancellationToken);
            await database.CreateDatabaseAsync(cancellationToken);
            DataFolder.WriteSecret(folder.DatabaseUri, database.Uri());
            return database;
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops the server: with a fast shutdown, and immediately if that takes too long.</summary>
    public async ValueTask DisposeAsync()
    {
        _stopping.Set();
        if (_server is not 0 and var server && !_supervision.IsCompleted)
        {
            StopLeftovers.AskToStop(server);
            if (await Task.WhenAny(_supervision, Task.Delay(_fastShutdown, _time)) != _supervision)
            {
                LogSlowStop();
                StopLeftovers.AskToQuit(server);
                await Task.WhenAny(_supervision, Task.Delay(_immediateShutdown, _time));
            }
        }

        if (!_supervision.IsCompleted)
        {
            await Task.Run(() => StopLeftovers.Of(_folder.Cluster));
        }

        File.Delete(_folder.DatabaseUri);
        _socket?.Dispose();
    }

    // The kernel's parent-death signal belongs to the thread that started the server: see LaunchPostgres.
    private static Task OnOwnThread(Action action) =>
        Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private async Task StartServerAsync(CancellationToken cancellationToken)
    {
        _supervision = OnOwnThread(Supervise);
        if (!await AnswersAsync(cancellationToken))
        {
            await _supervision;
            throw new StartUpException($"PostgreSQL {_binaries.Major} did not start: {_log.Tail()}", StartUp.Failed);
        }

        _ready = true;
    }

    /// <summary>Starts the server. After its first readiness, starts it again whenever it ends.</summary>
    private void Supervise()
    {
        while (!_stopping.IsSet)
        {
            using var server = LaunchPostgres.Start(_folder.Cluster, _folder.DatabasePassword, Command());
            _server = server.Id;
            _log.Read(server.StandardError, whileStarting: () => !_ready);
            server.WaitForExit();
            _server = 0;
            if (_stopping.IsSet || !_ready)
            {
                return;
            }

            LogDied(server.ExitCode, _log.Tail());
            _stopping.Wait(_restartPause);
            try
            {
                StopLeftovers.Of(_folder.Cluster);
            }
            catch (StartUpException stuck)
            {
                LogStuck(stuck.Message);
            }
        }
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (!_supervision.IsCompleted)
        {
            try
            {
                await using var connection = new NpgsqlConnection(Connection("postgres").ConnectionString);
                await connection.OpenAsync(cancellationToken);
                return true;
            }
            catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.InvalidPassword)
            {
                throw new StartUpException(
                    $"{_folder.DatabasePassword} does not hold the password of this database.", StartUp.Failed);
            }
            catch (Exception away) when (StoreAway.Is(away) && _time.GetElapsedTime(began) < _longestRecovery)
            {
                await Task.WhenAny(_supervision, Task.Delay(_pollInterval, _time, cancellationToken));
            }
        }

        return false;
    }

    private async Task CreateDatabaseAsync(CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(Connection("postgres").ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var look = new NpgsqlCommand($"SELECT 1 FROM pg_database WHERE datname = '{Database}'", connection);
        if (await look.ExecuteScalarAsync(cancellationToken) is null)
        {
            await using var create = new NpgsqlCommand($"CREATE DATABASE {Database}", connection);
            await create.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private IEnumerable<string> Command() =>
        [_binaries.Postgres, "-D", LaunchPostgres.Folder, .. _settings.Arguments()];

    private NpgsqlConnectionStringBuilder Connection(string database) => new()
    {
        Host = _socket!.Here,
        Port = _settings.SocketNumber,
        Database = database,
        Username = InitializePostgres.User,
        Password = File.ReadAllText(_folder.DatabasePassword).Trim(),
        SslMode = SslMode.Disable,
        Pooling = database == Database,
    };

    private string Uri()
    {
        var server = Connection(Database);
        var folder = System.Uri.EscapeDataString(_socket!.Elsewhere(server.Port))
            .Replace("%2F", "/", StringComparison.Ordinal);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"postgresql://{server.Username}:{server.Password}@/{Database}?host={folder}&port={server.Port}\n");
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Stopped {Count} PostgreSQL processes left by an earlier run")]
    private static partial void LogLeftovers(ILogger logger, int count);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "PostgreSQL ended by itself (exit code {ExitCode}) and is started again: {Said}")]
    private partial void LogDied(int exitCode, string said);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Reason} PostgreSQL is started again")]
    private partial void LogStuck(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "PostgreSQL stops too slowly; an immediate shutdown follows")]
    private partial void LogSlowStop();
}
