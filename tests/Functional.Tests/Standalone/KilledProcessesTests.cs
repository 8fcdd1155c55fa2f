using System.Security.Cryptography;
using System.Text;
using Npgsql;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Standalone;

public sealed class KilledProcessesTests(PreparedDataFolder prepared)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stored_data_survives_kill_9()
    {
        await using var standalone = await prepared.StartAsync(Cancelled);
        await ExecuteAsync(standalone, "INSERT INTO management.clusters (id, name) VALUES (7, 'kept')");

        standalone.Kill();
        await standalone.RestartAsync(Cancelled);

        Assert.Equal("kept", await ReadNameAsync(standalone));
    }

    [Fact]
    public async Task A_key_whose_row_was_not_written_is_registered_by_the_next_start()
    {
        await using var standalone = await prepared.StartAsync(Cancelled);
        await ExecuteAsync(standalone, "DELETE FROM management.api_keys");

        standalone.Kill();
        await standalone.RestartAsync(Cancelled);

        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(standalone.AdminKey));
        Assert.Equal([hash], await RestartedStandalone.AdminHashesAsync(standalone));
    }

    [Fact]
    public async Task A_killed_database_is_started_again_on_the_same_port()
    {
        await using var standalone = await prepared.StartAsync(Cancelled);
        await ExecuteAsync(standalone, "INSERT INTO management.clusters (id, name) VALUES (7, 'kept')");
        var connection = standalone.DatabaseConnection;

        await Postmaster.SignalAsync(Postmaster.IdOf(standalone), "KILL");

        await Eventually.HoldsAsync(
            async () =>
            {
                try
                {
                    return await ReadNameAsync(standalone) == "kept";
                }
                catch (NpgsqlException)
                {
                    return false;
                }
            },
            "PostgreSQL answers again",
            Cancelled);
        Assert.Equal(connection, standalone.DatabaseConnection);
        Assert.Contains("PostgreSQL ended by itself", standalone.Output, StringComparison.Ordinal);
    }

    private static async Task<string?> ReadNameAsync(StandaloneProcess standalone)
    {
        await using var dataSource = NpgsqlDataSource.Create(standalone.DatabaseConnection);
        await using var command = dataSource.CreateCommand("SELECT name FROM management.clusters WHERE id = 7");
        return (string?)await command.ExecuteScalarAsync(Cancelled);
    }

    private static async Task ExecuteAsync(StandaloneProcess standalone, string sql)
    {
        await using var dataSource = NpgsqlDataSource.Create(standalone.DatabaseConnection);
        await using var command = dataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancelled);
    }
}
