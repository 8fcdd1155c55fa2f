using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Rights;
using Tracking.Servers.Engines;

namespace Tracking.Servers;

/// <summary>
/// One PostgreSQL for a test assembly (an assembly fixture). It starts when the first test needs a database, and does
/// not force data to disk. Each database is a copy of one migrated database, with its rights, and belongs to one test.
/// Services log in as <see cref="ServiceLogins"/>. A test that stops PostgreSQL makes its own server.
/// </summary>
public sealed class TestPostgres : IAsyncDisposable
{
    private const string Template = "tracking";
    private readonly Lazy<Task<PostgresServer>> _running;
    private readonly SemaphoreSlim _copying = new(1, 1);
    private int _databases;

    /// <summary>Does not start the server yet.</summary>
    public TestPostgres() => _running = new Lazy<Task<PostgresServer>>(StartAsync);

    /// <summary>Whether committed data is forced to disk, as in production: for measurements and crashes. Set before
    /// the first database.</summary>
    public bool IsDurable { get; init; }

    /// <summary>A database that contains only the schema.</summary>
    /// <returns>The connection string of the server's administrator.</returns>
    public Task<string> CreateDatabaseAsync(CancellationToken cancellationToken) =>
        CreateAsync($"TEMPLATE {Template} STRATEGY FILE_COPY", cancellationToken);

    /// <summary>A database without the schema, for tests of the migrator.</summary>
    /// <returns>The connection string.</returns>
    public Task<string> CreateEmptyDatabaseAsync(CancellationToken cancellationToken) =>
        CreateAsync("TEMPLATE template0", cancellationToken);

    /// <summary>
    /// Ends the server during its work and starts it again on the same port. If <see cref="IsDurable"/> is true,
    /// committed data is kept.
    /// </summary>
    public async Task CrashAsync()
    {
        var server = await _running.Value;
        await server.KillAsync();
        await server.StartAsync(CancellationToken.None);
    }

    /// <summary>Stops the server for good. Its databases are removed with this object.</summary>
    public async Task StopAsync()
    {
        if (_running.IsValueCreated)
        {
            await (await _running.Value).StopAsync();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_running.IsValueCreated)
        {
            await (await _running.Value).DisposeAsync();
        }

        _copying.Dispose();
    }

    private async Task<string> CreateAsync(string options, CancellationToken cancellationToken)
    {
        var server = await _running.Value;
        var number = Interlocked.Increment(ref _databases).ToString(CultureInfo.InvariantCulture);
        var name = "test_" + number;

        // While a template is copied, no other connection may use it.
        await _copying.WaitAsync(cancellationToken);
        try
        {
            await CreateAsync(server, name, options, cancellationToken);
        }
        finally
        {
            _copying.Release();
        }

        var connection = server.Connection(name);
        connection.IncludeErrorDetail = true;
        return connection.ConnectionString;
    }

    private static async Task CreateAsync(
        PostgresServer server, string name, string options, CancellationToken cancellationToken)
    {
        await using var maintenance = new NpgsqlConnection(WithoutPool(server, "postgres"));
        await maintenance.OpenAsync(cancellationToken);
        await using var create = new NpgsqlCommand($"CREATE DATABASE {name} {options}", maintenance);
        await create.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<PostgresServer> StartAsync()
    {
        var server = await PostgresServer.CreateAsync(FreePort.Take(1)[0], IsDurable, CancellationToken.None);
        await CreateAsync(server, Template, "TEMPLATE template0", CancellationToken.None);
        var administrator = WithoutPool(server, Template);
        await ServiceLogins.MakeAsync(administrator);
        await ServiceLogins.MakeOneOfTwoAsync(administrator);
        await using var dataSource = NpgsqlDataSource.Create(ServiceLogins.Of(administrator, "migrator"));
        await new Migrator(dataSource, NullLogger<Migrator>.Instance).ApplyAsync(CancellationToken.None);
        await new GrantServiceRights(dataSource, NullLogger<GrantServiceRights>.Instance).RunAsync(
            CancellationToken.None);
        return server;
    }

    private static string WithoutPool(PostgresServer server, string database)
    {
        var connection = server.Connection(database);
        connection.Pooling = false;
        return connection.ConnectionString;
    }
}
