using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Tenants;

public sealed class KnownApiKeysTests(RewritePostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Keys_that_could_not_be_read_at_start_are_read_as_soon_as_the_database_answers()
    {
        // Without an announcement the next refresh would be in a minute.
        var options = new SystemOptions { DirectoryRefresh = TimeSpan.FromMinutes(1) };
        await using var dataSource = NpgsqlDataSource.Create(await postgres.CreateDatabaseAsync());
        _ = ApiKeySecret.TryHash(ApiKeySecret.Create(), out var hash);
        await ExecuteAsync(
            dataSource,
            "INSERT INTO management.api_keys (id, name, secret_hash) VALUES ($1, 'key', $2)", Guid.NewGuid(), hash!);
        var key = ApiKeySecret.ShortHash(hash);
        await ExecuteAsync(dataSource, "ALTER TABLE management.api_keys RENAME TO away");
        using var keys = new KnownApiKeys(
            dataSource, Options.Create(options), TimeProvider.System, NullLogger<KnownApiKeys>.Instance);
        await keys.StartAsync(Cancelled);
        Assert.False(keys.Contains(key));

        await ExecuteAsync(dataSource, "ALTER TABLE management.away RENAME TO api_keys");

        await Eventually.HoldsAsync(
            () => keys.Contains(key), "the key is known", Cancelled, TimeSpan.FromSeconds(40));
        await keys.StopAsync(Cancelled);
    }

    private static async Task ExecuteAsync(NpgsqlDataSource dataSource, string sql, params object[] values)
    {
        await using var command = dataSource.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        await command.ExecuteNonQueryAsync(Cancelled);
    }
}
