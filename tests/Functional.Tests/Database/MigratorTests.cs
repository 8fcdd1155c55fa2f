using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Tracking.Database;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Database;

public sealed class MigratorTests(TestPostgres server)
{
    private static readonly Migration _first = new("0001_first.sql", "CREATE TABLE first (id integer)");
    private static readonly Migration _second = new("0002_second.sql", "CREATE TABLE second (id integer)");

    [Fact]
    public async Task Migrations_are_applied_once_and_only_the_missing_ones()
    {
        await using var database = await SomeDatabase.CreateEmptyAsync(server);
        await ApplyAsync(database, _first);
        await ApplyAsync(database, _first);
        await ApplyAsync(database, _first, _second);

        Assert.Equal(
            ["1 0001_first.sql", "2 0002_second.sql"],
            await database.LinesAsync("SELECT number || ' ' || name FROM tracking_migrations ORDER BY number"));
    }

    [Fact]
    public async Task Many_processes_at_once_apply_each_migration_once()
    {
        await using var database = await SomeDatabase.CreateEmptyAsync(server);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            await using var own = NpgsqlDataSource.Create(database.ConnectionString);
            await new Migrator(own, NullLogger<Migrator>.Instance).ApplyAsync(CancellationToken.None);
        })));

        Assert.Equal(
            Migrator.Embedded().Select(migration => migration.Name),
            await database.LinesAsync("SELECT name FROM tracking_migrations ORDER BY number"));
    }

    [Fact]
    public async Task A_changed_old_migration_stops_the_start_with_one_line_that_names_it()
    {
        await using var database = await SomeDatabase.CreateEmptyAsync(server);
        await ApplyAsync(database, _first);

        var exception = await Assert.ThrowsAsync<MigrationException>(
            () => ApplyAsync(database, new Migration(_first.Name, _first.Sql + " -- changed"), _second));

        Assert.Contains("0001_first.sql", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
        Assert.Equal(1L, await database.ScalarAsync<long>("SELECT count(*) FROM tracking_migrations"));
    }

    [Fact]
    public async Task An_old_migration_that_this_version_lacks_stops_the_start_with_one_line_that_names_it()
    {
        await using var database = await SomeDatabase.CreateEmptyAsync(server);
        await ApplyAsync(database, _first, _second);

        var exception = await Assert.ThrowsAsync<MigrationException>(
            () => ApplyAsync(database, _first, new Migration("0003_third.sql", "SELECT 1")));

        Assert.Contains(_second.Name, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
        Assert.Equal(2L, await database.ScalarAsync<long>("SELECT count(*) FROM tracking_migrations"));
    }

    [Fact]
    public async Task A_database_of_a_later_version_is_left_alone()
    {
        await using var database = await SomeDatabase.CreateEmptyAsync(server);
        await ApplyAsync(database, _first, _second);

        await ApplyAsync(database, _first);

        Assert.Equal(2L, await database.ScalarAsync<long>("SELECT count(*) FROM tracking_migrations"));
    }

    [Fact]
    public async Task A_migration_that_fails_leaves_nothing_behind_and_is_applied_when_it_is_mended()
    {
        await using var database = await SomeDatabase.CreateEmptyAsync(server);
        await Assert.ThrowsAsync<PostgresException>(
            () => ApplyAsync(database, _first, new Migration(_second.Name, _second.Sql + "; SELECT 1/0")));

        await ApplyAsync(database, _first, _second);

        Assert.Equal(2L, await database.ScalarAsync<long>("SELECT count(*) FROM tracking_migrations"));
    }

    [Fact]
    public async Task A_migration_that_waits_for_a_table_delays_nobody_and_is_applied_when_the_table_is_free()
    {
        var cancelled = TestContext.Current.CancellationToken;
        await using var database = await SomeDatabase.CreateEmptyAsync(server);
        await ApplyAsync(database, _first);
        await using var report = await database.DataSource.OpenConnectionAsync(cancelled);
        await using var reading = await report.BeginTransactionAsync(cancelled);
        await using var read = new NpgsqlCommand("SELECT count(*) FROM first", report);
        await read.ExecuteScalarAsync(cancelled);

        var applying = ApplyAsync(database, _first, new Migration("0002_more.sql", "ALTER TABLE first ADD more text"));
        await Eventually.HoldsAsync(
            async () => await database.ScalarAsync<long>(
                "SELECT count(*) FROM pg_locks WHERE relation = 'first'::regclass AND NOT granted") == 1,
            "the migration waits for the table",
            cancelled);

        // This statement queues behind the waiting migration. It must return before the reading transaction ends.
        Assert.Equal(0L, await database.ScalarAsync<long>("SELECT count(*) FROM first"));
        Assert.False(applying.IsCompleted);
        await reading.RollbackAsync(cancelled);
        await applying.WaitAsync(Eventually.Deadline, cancelled);
        Assert.Equal(0L, await database.ScalarAsync<long>("SELECT count(more) FROM first"));
    }

    private static Task ApplyAsync(SomeDatabase database, params Migration[] migrations) =>
        new Migrator(database.DataSource, NullLogger<Migrator>.Instance)
            .ApplyAsync(migrations, TestContext.Current.CancellationToken);
}
