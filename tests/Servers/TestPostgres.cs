using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Rights;
using Tracking.Standalone;
using Tracking.Standalone.PrivatePostgres;

namespace Tracking.Servers;

/// <summary>
/// One private PostgreSQL for a test assembly (an assembly fixture), started when the first test asks for a database
/// and never forced to disk. Each database is a copy of one that was migrated once, rights and all, and belongs to one
/// test; services log in to it as <see cref="ServiceLogins"/>. A test that takes PostgreSQL away makes one of its own.
/// </summary>
public sealed class TestPostgres : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Lazy<Task<Running>> _running;
    private readonly SemaphoreSlim _copying = new(1, 1);
    private readonly int _port = FreePort.Take(1)[0];
    private int _databases;
    private bool _isStopped;

    /// <summary>Starts nothing yet.</summary>
    public TestPostgres() => _running = new Lazy<Task<Running>>(StartAsync);

    /// <summary>Forced to disk, as in production: for measurements and crashes. Set before the first
    /// database.</summary>
    public bool IsDurable { get; init; }

    /// <summary>A database with the schema, and nothing else, in it.</summary>
    /// <returns>Its connection string, as an administrator of the server.</returns>
    public Task<string> CreateDatabaseAsync(CancellationToken cancellationToken) =>
        CreateAsync("TEMPLATE tracking", cancellationToken);

    /// <summary>A database without even the schema: for tests of the migrator.</summary>
    /// <returns>Its connection string.</returns>
    public Task<string> CreateEmptyDatabaseAsync(CancellationToken cancellationToken) =>
        CreateAsync("TEMPLATE template0", cancellationToken);

    /// <summary>
    /// Ends it in the middle of whatever it does; returns when it is gone. It comes back by itself, about a second
    /// later, on the same port, and if it <see cref="IsDurable"/> with all that was committed.
    /// </summary>
    public async Task CrashAsync()
    {
        var running = await _running.Value;
        var file = Path.Combine(running.Folder.Cluster, "postmaster.pid");
        var server = int.Parse((await File.ReadAllLinesAsync(file))[0], CultureInfo.InvariantCulture);
        StopLeftovers.AskToQuit(server);
        await Eventually.HoldsAsync(
            () => !Directory.Exists($"/proc/{server}"), "PostgreSQL is gone", CancellationToken.None);
    }

    /// <summary>Stops it for good; its databases are gone with the object only.</summary>
    public async Task StopAsync()
    {
        if (_running.IsValueCreated && !_isStopped)
        {
            _isStopped = true;
            var running = await _running.Value;
            await running.Database.DisposeAsync();
            running.Folder.Dispose();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _copying.Dispose();
        _folder.Dispose();
    }

    private async Task<string> CreateAsync(string options, CancellationToken cancellationToken)
    {
        var connection = new NpgsqlConnectionStringBuilder(OverTcp((await _running.Value).Database));
        var number = Interlocked.Increment(ref _databases).ToString(CultureInfo.InvariantCulture);
        var name = "test_" + number;

        // A template must have no other visitor while it is copied.
        await _copying.WaitAsync(cancellationToken);
        try
        {
            connection.Database = "postgres";
            connection.Pooling = false;
            await using var maintenance = new NpgsqlConnection(connection.ConnectionString);
            await maintenance.OpenAsync(cancellationToken);
            await using var create = new NpgsqlCommand($"CREATE DATABASE {name} {options}", maintenance);
            await create.ExecuteNonQueryAsync(cancellationToken);
        }
        finally
        {
            _copying.Release();
        }

        connection.Database = name;
        connection.Pooling = true;
        connection.IncludeErrorDetail = true;
        return connection.ConnectionString;
    }

    private async Task<Running> StartAsync()
    {
        var folder = DataFolder.Open(_folder.Path);
        var database = await PrivateDatabase.StartAsync(
            folder,
            postgresBin: null,
            new ServerSettings { IsDurable = IsDurable, TestPort = _port },
            NullLogger.Instance,
            TimeProvider.System,
            CancellationToken.None);
        var administrator = OverTcp(database);
        await ServiceLogins.MakeAsync(administrator);
        await ServiceLogins.MakeOneOfTwoAsync(administrator);
        var migrator = ServiceLogins.Of(administrator, "migrator");
        await using var dataSource = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(migrator) { Pooling = false });
        await new Migrator(dataSource, NullLogger<Migrator>.Instance).ApplyAsync(CancellationToken.None);
        await new GrantServiceRights(dataSource, NullLogger<GrantServiceRights>.Instance).RunAsync(
            CancellationToken.None);
        return new Running(folder, database);
    }

    // As services of their own, and other programs, reach theirs.
    private static string OverTcp(PrivateDatabase database) =>
        new NpgsqlConnectionStringBuilder(database.ConnectionString) { Host = "127.0.0.1" }.ConnectionString;

    private sealed record Running(DataFolder Folder, PrivateDatabase Database);
}
