using Tracking.Contracts;
using Tracking.Database;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.EventIngest;

/// <summary>Counters match the stored events, after repeated batches, lost connections and crashes too.</summary>
public sealed class CountersTests(TestPostgres server)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Counters_of_100000_events_in_any_order_with_duplicates_are_those_of_the_rows_and_of_a_rebuild()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var mail = new SomeCountedMail(database, seed, messages: 5000);
        await mail.RegisterAsync();
        var events = mail.Events(100_000);
        var batches = Batches(database, events, new Random(seed));

        // Two ingests store every batch twice. Changes are merged meanwhile.
        await Task.WhenAll(StoreAsync(batches), MergeAsync(), StoreAsync([.. batches.AsEnumerable().Reverse()]));

        Assert.Equal(events.Count, await database.CountEventsAsync());
        await NaiveCounts.AssertAsync(database);
        var firsts = await FirstsAsync(database);
        await database.Merge.RunAsync(Cancelled);
        await NaiveCounts.AssertAsync(database);

        Assert.Equal(5000, await database.Rebuild.RunAsync(database.Cluster, Cancelled));
        await NaiveCounts.AssertAsync(database);
        Assert.Equal(firsts, await FirstsAsync(database));
        Assert.Equal(1, await database.ScalarAsync("SELECT count(DISTINCT generation)::int FROM ingest.counted"));

        async Task StoreAsync(List<StoreEventBatch> some)
        {
            foreach (var batch in some)
            {
                await database.Consume.RunAsync(batch, (_, _) => Task.CompletedTask, Cancelled);
            }
        }

        async Task MergeAsync()
        {
            for (var i = 0; i < 20; i++)
            {
                await database.Merge.RunAsync(Cancelled);
            }
        }
    }

    [Fact]
    public async Task Counters_are_those_of_the_rows_when_the_connection_breaks_at_any_statement()
    {
        DatabaseCutter? cutter = null;
        await using var database = await IngestDatabase.CreateAsync(
            server, way: straight => (cutter = new DatabaseCutter(straight)).ConnectionString);
        await using var way = cutter!;
        var mail = new SomeCountedMail(database, 1, messages: 40);
        await mail.RegisterAsync();
        var batches = Batches(database, mail.Events(3000), new Random(1));
        var cut = 1;
        for (var i = 0; i < batches.Count; i++)
        {
            // Repeated until it is acknowledged, as an edge repeats a batch.
            cutter!.Arm(i % 2 == 0 ? CutPoint.BeforeSync : CutPoint.BeforeReady, cut);
            cut = (cut % 12) + 1;
            await database.Consume.RunAsync(batches[i], (_, _) => Task.CompletedTask, Cancelled);
            cutter.Disarm();
        }

        await NaiveCounts.AssertAsync(database);
    }

    [Fact]
    public async Task A_rebuild_that_dies_at_any_statement_leaves_what_is_read_and_the_next_one_ends_it()
    {
        DatabaseCutter? cutter = null;
        await using var database = await IngestDatabase.CreateAsync(
            server, way: straight => (cutter = new DatabaseCutter(straight)).ConnectionString);
        await using var way = cutter!;
        var mail = new SomeCountedMail(database, 2, messages: 40);
        await mail.RegisterAsync();
        foreach (var batch in Batches(database, mail.Events(1000), new Random(2)))
        {
            await database.StoreAsync(batch);
        }

        // Counts that an ingest of the previous version loses.
        await database.ExecuteAsync("DELETE FROM ingest.count_changes");
        await database.ExecuteAsync("UPDATE ingest.message_counts SET clicks = 0, firsts = '\\x0100'");
        var died = 0;
        for (var cut = 1; ; cut++)
        {
            cutter!.Arm(cut % 2 == 0 ? CutPoint.BeforeSync : CutPoint.BeforeReady, cut);
            try
            {
                if (await database.Rebuild.RunAsync(database.Cluster, Cancelled) is not null)
                {
                    break;
                }

                // PostgreSQL has not noticed yet that the last connection died. Its lock is still held.
                cut--;
                continue;
            }
            catch (Exception exception) when (StoreAway.Is(exception))
            {
                died++;
            }

            cutter.Disarm();
            await database.StoreAsync(SomeEvents.Batch(database.Edge, 1000 + cut, mail.Events(20)));
        }

        cutter.Disarm();
        Assert.True(died > 10, $"it died {died} times");
        await NaiveCounts.AssertAsync(database);
    }

    [Fact]
    public async Task A_rebuild_while_events_come_ends_with_the_counters_of_all_of_them()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var mail = new SomeCountedMail(database, 3, messages: 3000);
        await mail.RegisterAsync();
        var batches = Batches(database, mail.Events(30_000), new Random(3));
        var before = batches.Count / 3;
        foreach (var batch in batches.Take(before))
        {
            await database.StoreAsync(batch);
        }

        await database.ExecuteAsync("DELETE FROM ingest.count_changes");
        var rebuild = database.Rebuild.RunAsync(database.Cluster, Cancelled);
        foreach (var batch in batches.Skip(before))
        {
            await database.Consume.RunAsync(batch, (_, _) => Task.CompletedTask, Cancelled);
            await database.Merge.RunAsync(Cancelled);
        }

        await rebuild;
        await NaiveCounts.AssertAsync(database);
    }

    [Fact]
    public async Task An_earlier_first_that_comes_later_moves_the_unique_to_its_own_moment()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var late = database.Event();
        var early = late with { Time = late.Time.AddHours(-2) };
        await database.StoreAsync(SomeEvents.Batch(database.Edge, 1, [late]));
        Assert.Equal("1", await FirstClicksAsync());
        await database.StoreAsync(SomeEvents.Batch(database.Edge, 2, [early]));
        Assert.Equal("1 0", await FirstClicksAsync());
        await NaiveCounts.AssertAsync(database);

        async Task<object?> FirstClicksAsync() => await database.ScalarAsync(
            """
            SELECT string_agg(n::text, ' ' ORDER BY bucket) FROM (
                SELECT bucket, sum(first_clicks_people) AS n FROM ingest.counted WHERE dimension = 0 GROUP BY bucket) b
            """);
    }

    [Fact]
    public async Task Counts_from_before_the_first_stored_event_survive_deletion_and_a_rebuild()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var old = database.Event() with { Time = TimeProvider.System.GetUtcNow().AddDays(-40) };
        await database.StoreAsync(SomeEvents.Batch(database.Edge, 1, [old, old with { Kind = LinkKind.Open }]));
        await database.ExecuteAsync("DELETE FROM ingest.events");

        // The message was clicked in before, so this click is not the first.
        await database.StoreAsync(SomeEvents.Batch(database.Edge, 2, [database.Event()]));
        var before = await LinesAsync();
        await database.Rebuild.RunAsync(database.Cluster, Cancelled);

        Assert.Equal("2 1 1", before);
        Assert.Equal(before, await LinesAsync());
        Assert.Equal(2, await database.ScalarAsync("SELECT clicks FROM ingest.message_counts"));

        async Task<object?> LinesAsync() => await database.ScalarAsync(
            """
            SELECT sum(clicks_people) || ' ' || sum(opens_people) || ' ' || sum(first_clicks)
            FROM ingest.counted WHERE dimension = 0
            """);
    }

    [Fact]
    public async Task Two_rebuilds_of_a_cluster_do_not_run_at_once()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        await using var other = await database.DataSource.OpenConnectionAsync(Cancelled);
        await using var hold = new Npgsql.NpgsqlCommand(
            $"SELECT pg_advisory_lock(hashtext('tracking.ingest.rebuild'), {database.Cluster.Value})", other);
        await hold.ExecuteNonQueryAsync(Cancelled);
        Assert.Null(await database.Rebuild.RunAsync(database.Cluster, Cancelled));
    }

    [Fact]
    public async Task A_message_that_another_transaction_makes_meanwhile_is_counted_on_from_its_row()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var counted = database.Event();
        await using var other = await database.DataSource.OpenConnectionAsync(Cancelled);
        await using var transaction = await other.BeginTransactionAsync(Cancelled);
        await using var make = new Npgsql.NpgsqlCommand(
            """
            INSERT INTO ingest.message_counts (cluster_id, message_key, home_day, clicks_people, clicks_machines,
                opens_people, opens_machines, clicks, opens, weight, firsts, generation)
            VALUES ($1, $2, $3, 4, 0, 0, 0, 4, 0, 34, '\x0100', 0)
            """,
            other)
        {
            Parameters =
            {
                new() { Value = database.Cluster.Value },
                new() { Value = counted.Message.ToBytes() },
                new() { Value = (int)(counted.Time.ToUnixTimeSeconds() / 86_400) },
            },
        };
        await make.ExecuteNonQueryAsync(Cancelled);
        var storing = database.StoreAsync(SomeEvents.Batch(database.Edge, 1, [counted]));
        await Eventually.HoldsAsync(
            async () => await database.ScalarAsync(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                    + "AND datname = current_database()") is > 0L,
            "the batch waits for the row",
            Cancelled);
        await transaction.CommitAsync(Cancelled);
        await storing;
        Assert.Equal(5, await database.ScalarAsync(
            "SELECT clicks FROM ingest.message_counts WHERE message_key = $1", counted.Message.ToBytes()));
    }

    [Fact]
    public async Task Batches_that_are_stored_at_once_with_the_same_messages_are_counted_together()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var mail = new SomeCountedMail(database, 5, messages: 200);
        await mail.RegisterAsync();
        await Task.WhenAll(Enumerable.Range(1, 12).Select(
            sequence => database.StoreAsync(SomeEvents.Batch(database.Edge, sequence, mail.Events(300)))));
        await NaiveCounts.AssertAsync(database);
    }

    // Batches of many sizes. Some events are in two batches.
    private static List<StoreEventBatch> Batches(IngestDatabase database, List<SomeEvent> events, Random random)
    {
        var batches = new List<StoreEventBatch>();
        for (var at = 0; at < events.Count;)
        {
            var some = events.GetRange(at, Math.Min(random.Next(1, 3000) % 2000, events.Count - at));
            at += some.Count;
            if (random.Next(5) == 0)
            {
                some.AddRange(events[..10]);
            }

            batches.Add(SomeEvents.Batch(database.Edge, batches.Count + 1, some));
        }

        return batches;
    }

    private static async Task<object?> FirstsAsync(IngestDatabase database) => await database.ScalarAsync(
        "SELECT md5(string_agg(encode(message_key, 'hex') || encode(firsts, 'hex'), ',' ORDER BY message_key)) "
            + "FROM ingest.message_counts");
}
