using Npgsql;
using Tracking.Contracts;
using Tracking.EventIngest.Batches;
using Tracking.Servers;

namespace Tracking.Functional.Tests.EventIngest;

public sealed class PruneBatchesTests(TestPostgres server)
{
    [Fact]
    public async Task A_replay_after_pruning_is_recognised_without_its_key()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var (old, last) = await StoreTwoAsync(database);

        Assert.Equal(1, await database.Prune.RunAsync(TestContext.Current.CancellationToken));

        Assert.Equal(StoreOutcome.SeenBefore, await database.StoreAsync(old));
        Assert.Equal(StoreOutcome.SeenBefore, await database.StoreAsync(last));
        Assert.Equal(20, await database.CountEventsAsync());
        Assert.Equal(2L, await database.ScalarAsync("SELECT sequence FROM ingest.batches"));
        Assert.Equal(2L, await database.ScalarAsync("SELECT acknowledged_below FROM ingest.edges"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_replay_during_pruning_waits_for_it_and_stores_nothing(bool pruningCommits)
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var (old, _) = await StoreTwoAsync(database);
        await using var connection = await database.DataSource.OpenConnectionAsync(
            TestContext.Current.CancellationToken);
        await using var pruning = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await ExecuteAsync(connection, PruneBatches.WriteDown);
        await ExecuteAsync(connection, PruneBatches.Delete);

        var replay = database.StoreAsync(old);
        await Eventually.HoldsAsync(
            () => IsWaitingAsync(database),
            "the replay waits for the deleted key",
            TestContext.Current.CancellationToken);
        await (pruningCommits
            ? pruning.CommitAsync(TestContext.Current.CancellationToken)
            : pruning.RollbackAsync(TestContext.Current.CancellationToken));

        Assert.Equal(StoreOutcome.SeenBefore, await replay);
        Assert.Equal(20, await database.CountEventsAsync());
    }

    [Fact]
    public async Task Replays_and_pruning_at_the_same_time_store_nothing_twice()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var batches = Enumerable.Range(1, 50)
            .Select(i => SomeEvents.Batch(database.Edge, i, database.Events(10)) with { AcknowledgedBelow = i })
            .ToArray();
        foreach (var batch in batches)
        {
            await database.StoreAsync(batch);
        }

        var replays = Task.WhenAll(batches.Select(batch => Task.Run(() => database.StoreAsync(batch))));
        while (!replays.IsCompleted)
        {
            await database.Prune.RunAsync(TestContext.Current.CancellationToken);
        }

        Assert.All(await replays, outcome => Assert.Equal(StoreOutcome.SeenBefore, outcome));
        Assert.Equal(500, await database.CountEventsAsync());
        Assert.Equal(1, await database.CountAsync("ingest.batches"));
    }

    private static async Task<(StoreEventBatch Old, StoreEventBatch Last)> StoreTwoAsync(IngestDatabase database)
    {
        var old = SomeEvents.Batch(database.Edge, 1, database.Events(10));
        var last = SomeEvents.Batch(database.Edge, 2, database.Events(10)) with { AcknowledgedBelow = 2 };
        await database.StoreAsync(old);
        await database.StoreAsync(last);
        return (old, last);
    }

    private static async Task<bool> IsWaitingAsync(IngestDatabase database) => await database.ScalarAsync(
        """
        SELECT true FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%ingest.batches%' LIMIT 1
        """) is true;

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
