using Tracking.Servers;

namespace Tracking.Functional.Tests.EventIngest;

public sealed class CreatePartitionsTests(TestPostgres server)
{
    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    [Fact]
    public async Task Months_are_made_ahead_once()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        database.Settings.MonthsAhead = 5;

        Assert.Equal(3, await database.Partitions.RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, await database.Partitions.RunAsync(TestContext.Current.CancellationToken));
        Assert.True(await ExistsAsync(database, Now.AddMonths(5)));
    }

    [Fact]
    public async Task Events_of_a_month_without_a_partition_wait_and_then_move_into_theirs()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var late = Now.AddMonths(-2);
        await database.StoreAsync(SomeEvents.Batch(
            database.Edge, 1, database.Events(20).Select(e => e with { Time = late })));
        Assert.Equal(20, await database.CountAsync("ingest.events_default"));

        Assert.Equal(1, await database.Partitions.RunAsync(TestContext.Current.CancellationToken));

        Assert.Equal(0, await database.CountAsync("ingest.events_default"));
        Assert.Equal(20, await database.CountAsync($"ingest.events_{late:yyyy_MM}"));
        Assert.Equal(20, await database.CountEventsAsync());
    }

    [Fact]
    public async Task A_clock_that_is_years_ahead_makes_no_partition()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        await database.StoreAsync(SomeEvents.Batch(
            database.Edge, 1, [database.Event() with { Time = Now.AddYears(30) }]));

        Assert.Equal(0, await database.Partitions.RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal(1, await database.CountAsync("ingest.events_default"));
    }

    [Fact]
    public async Task Batches_go_on_being_stored_while_their_month_is_made()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var late = Now.AddMonths(-3);
        var storing = Task.WhenAll(Enumerable.Range(1, 30).Select(i => Task.Run(() => database.StoreAsync(
            SomeEvents.Batch(database.Edge, i, database.Events(100).Select(e => e with { Time = late }))))));

        do
        {
            await database.Partitions.RunAsync(TestContext.Current.CancellationToken);
        }
        while (!storing.IsCompleted);

        await storing;
        await database.Partitions.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(3000, await database.CountEventsAsync());
        Assert.Equal(3000, await database.CountAsync($"ingest.events_{late:yyyy_MM}"));
        Assert.Equal(0, await database.CountAsync("ingest.rejected_events"));
    }

    private static async Task<bool> ExistsAsync(IngestDatabase database, DateTimeOffset month) =>
        await database.ScalarAsync($"SELECT to_regclass('ingest.events_{month:yyyy_MM}')::text") is not null;
}
