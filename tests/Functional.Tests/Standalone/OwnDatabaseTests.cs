using Npgsql;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Standalone;

public sealed class OwnDatabaseTests(TestPostgres server)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_of_ones_own_is_used_instead_of_a_private_one()
    {
        var settings = new Dictionary<string, string>
        {
            ["ConnectionStrings__tracking"] = await server.CreateEmptyDatabaseAsync(Cancelled),
        };

        await using var standalone = await StandaloneProcess.StartAsync(Cancelled, settings: settings);

        Assert.False(Directory.Exists(Path.Combine(standalone.DataFolder, "postgres")));
        await using var dataSource = NpgsqlDataSource.Create(settings["ConnectionStrings__tracking"]);
        await using var count = dataSource.CreateCommand("SELECT count(*) FROM management.api_keys");
        Assert.Equal(1L, await count.ExecuteScalarAsync(Cancelled));
    }
}
