using Npgsql;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Database;

/// <summary>A new database with short methods for queries.</summary>
internal sealed class SomeDatabase : IAsyncDisposable
{
    private SomeDatabase(string connectionString)
    {
        ConnectionString = connectionString;
        DataSource = NpgsqlDataSource.Create(connectionString);
    }

    public string ConnectionString { get; }

    public NpgsqlDataSource DataSource { get; }

    /// <summary>Makes a database with the schema.</summary>
    public static async Task<SomeDatabase> CreateAsync(TestPostgres server) =>
        new(await server.CreateDatabaseAsync(TestContext.Current.CancellationToken));

    /// <summary>Makes a database without the schema.</summary>
    public static async Task<SomeDatabase> CreateEmptyAsync(TestPostgres server) =>
        new(await server.CreateEmptyDatabaseAsync(TestContext.Current.CancellationToken));

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = DataSource.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    public async Task<List<string>> LinesAsync(string sql)
    {
        await using var command = DataSource.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var lines = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            lines.Add(reader.GetString(0));
        }

        return lines;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = DataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync() => DataSource.DisposeAsync();
}
