using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Tracking.Database;
using Tracking.Servers;
using Tracking.System.Tests.Chaos;

namespace Tracking.System.Tests;

/// <summary>
/// A rolling upgrade with this version's services in the role of the previous version: the next version's migrator
/// changes the schema while they run. Its migration makes every permitted kind of change, on every table.
/// </summary>
public sealed class UpgradeSchemaUnderLoad
{
    private const string EveryTable =
        """
        SELECT format('%I.%I', schemaname, tablename)
        FROM pg_tables
        WHERE schemaname IN ('management', 'links', 'rewrite', 'ingest') AND tablename NOT LIKE 'events_%'
        """;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Services_wait_for_their_schema_and_run_and_restart_on_the_next_versions()
    {
        await using var deployment = await Deployment.StartEnginesAsync(Outage.Shape, Cancelled);
        await deployment.StartServicesAsync();
        foreach (var service in deployment.Services)
        {
            await Eventually.HoldsAsync(
                async () => await service.AskReadyAsync(Cancelled) == HttpStatusCode.ServiceUnavailable,
                $"{service.Name} says that it is not ready",
                Cancelled);
        }

        await deployment.MigrateAsync(Cancelled);
        await deployment.UntilReadyAsync(Cancelled);
        await using var database = NpgsqlDataSource.Create(deployment.Postgres.ConnectionString);
        await SteadyLoad.RunAsync(deployment, async load =>
        {
            var next = await NextVersionAsync(database);
            await new Database.Migrator(database, NullLogger<Database.Migrator>.Instance)
                .ApplyAsync([.. Database.Migrator.Embedded(), next], Cancelled);
            await load.UntilAllFlowsAsync();
            Assert.Equal(0, load.Unanswered);

            // This version must be able to make a partition again on the next version's table.
            await ExecuteAsync(database, "DROP TABLE ingest." + LastMonth());
            await deployment.MigrateAsync(Cancelled);
            foreach (var service in deployment.Services)
            {
                Assert.Equal((service.Name, 0), (service.Name, await service.StopAsync(Cancelled)));
                await service.StartAsync(Cancelled);
            }

            await load.UntilAllFlowsAsync();
        });
        Assert.Equal(2L, await ScalarAsync(
            database,
            $"""
            SELECT count(*) FROM information_schema.columns
            WHERE table_schema = 'ingest' AND table_name = '{LastMonth()}' AND column_name LIKE 'next%'
            """));
        Assert.Equal(7L * await ScalarAsync(database, "SELECT count(*) FROM ingest.events"), await ScalarAsync(
            database, "SELECT sum(next_count) FROM ingest.events"));
    }

    // The permitted changes: nullable columns, columns with a default, indexes, tables
    // (docs/decisions/0007-migrations.md).
    private static async Task<Migration> NextVersionAsync(NpgsqlDataSource database)
    {
        var sql = "CREATE TABLE ingest.next_totals (cluster_id integer PRIMARY KEY, count bigint NOT NULL);\n"
            + "CREATE INDEX events_next ON ingest.events (link_id);\n";
        await using var command = database.CreateCommand(EveryTable);
        await using var reader = await command.ExecuteReaderAsync(Cancelled);
        while (await reader.ReadAsync(Cancelled))
        {
            sql += $"ALTER TABLE {reader.GetString(0)} "
                + "ADD COLUMN next_note text, ADD COLUMN next_count integer NOT NULL DEFAULT 7;\n";
        }

        return new Migration($"{Database.Migrator.Embedded().Count + 1:0000}_next_version.sql", sql);
    }

    // Partitions exist for this month and the two next ones. Returns the last.
    private static string LastMonth()
    {
        var month = TimeProvider.System.GetUtcNow();
        return FormattableString.Invariant($"events_{month.AddDays(1 - month.Day).AddMonths(2):yyyy_MM}");
    }

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    private static async Task<long> ScalarAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(Cancelled))!;
    }
}
