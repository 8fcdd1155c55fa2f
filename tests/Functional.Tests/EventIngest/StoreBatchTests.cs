using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text;
using Tracking.Database.Entities;
using Tracking.EventIngest;
using Tracking.EventIngest.Batches;
using Tracking.EventIngest.Bots;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.RedirectEdge.Events;
using Tracking.Servers;

namespace Tracking.Functional.Tests.EventIngest;

public sealed class StoreBatchTests(TestPostgres server)
{
    [Fact]
    public async Task A_batch_replayed_three_times_is_stored_once()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var batch = SomeEvents.Batch(database.Edge, 1, database.Events(500));

        Assert.Equal(StoreOutcome.Stored, await database.StoreAsync(batch));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(StoreOutcome.SeenBefore, await database.StoreAsync(batch));
        }

        Assert.Equal(500, await database.CountEventsAsync());
        Assert.Equal(1, await database.CountAsync("ingest.batches"));
    }

    [Fact]
    public async Task Every_field_of_an_event_arrives_in_its_column()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var time = new DateTimeOffset(2026, 11, 20, 12, 34, 56, TimeSpan.Zero).AddMicroseconds(123_456);
        var sent = database.Event() with
        {
            Time = TimeProvider.System.GetUtcNow() is var now ? now.AddTicks(-(now.Ticks % 10)) : time,
            Kind = LinkKind.Open,
            Link = ulong.MaxValue - 5,
            Ordinal = 4095,
            UserAgent = Encoding.ASCII.GetBytes("Mozilla/5.0 (via ggpht.com GoogleImageProxy)"),
            Shape = 25,
        };
        await database.StoreAsync(SomeEvents.Batch(database.Edge, 7, [sent]));

        await using var command = database.DataSource.CreateCommand(
            "SELECT *, tableoid::regclass::text FROM ingest.events");
        await using var row = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        Assert.True(await row.ReadAsync(TestContext.Current.CancellationToken));
        Assert.Equal(sent.Time.UtcDateTime, row["occurred_at"]);
        Assert.Equal((short)LinkKind.Open, row["kind"]);
        Assert.Equal((short)0, row["method"]);
        Assert.Equal(database.Cluster.Value, row["cluster_id"]);
        Assert.Equal(sent.Message.ToBytes(), row["message_key"]);
        Assert.Equal(-6L, row["link_id"]);
        Assert.Equal((short)4095, row["ordinal"]);
        Assert.Equal(IPAddress.Parse("192.0.2.77"), row["client_address"]);
        Assert.Equal("Mozilla/5.0 (via ggpht.com GoogleImageProxy)", row["user_agent"]);
        Assert.Equal((short)Verdict.Proxy, row["verdict"]);
        Assert.Equal("google", row["vendor"]);
        Assert.Equal(new[] { "image-proxy" }, row["reasons"]);
        Assert.Equal((short)25, row["shape"]);
        Assert.Equal((short)-40, row["score"]);
        Assert.Equal(RuleSet.Shipped.Number, row["rules"]);
        Assert.Equal(DBNull.Value, row["revised_at"]);
        Assert.Equal($"ingest.events_{sent.Time:yyyy_MM}", row.GetString(row.FieldCount - 1));
    }

    [Fact]
    public async Task One_poison_event_in_5000_is_set_aside_and_its_neighbours_are_stored()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var frames = database.Events(5000).Select(e => e.ToFrame()).ToArray();
        frames[1234][^1] ^= 0x40;

        await database.StoreAsync(SomeEvents.Batch(database.Edge, 1, frames));

        Assert.Equal(4999, await database.CountEventsAsync());
        Assert.Equal(1, await database.CountAsync("ingest.rejected_events"));
        Assert.Equal("damaged-frame: checksum", await database.ScalarAsync(
            "SELECT reason FROM ingest.rejected_events WHERE position = 1234 AND event_id IS NULL"));
        Assert.Equal(5000, await database.ScalarAsync("SELECT event_count FROM ingest.batches"));
    }

    [Fact]
    public async Task An_event_that_PostgreSQL_refuses_is_found_among_5000_and_set_aside()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        await database.ExecuteAsync("ALTER TABLE ingest.events ADD CONSTRAINT no_99 CHECK (ordinal <> 99)");
        var events = database.Events(5000).ToArray();
        events[0] = events[0] with { Ordinal = 99 };
        events[3999] = events[3999] with { Ordinal = 99 };

        var batch = SomeEvents.Batch(database.Edge, 2, events);
        Assert.Equal(StoreOutcome.Stored, await database.StoreAsync(batch));
        Assert.Equal(StoreOutcome.SeenBefore, await database.StoreAsync(batch));

        Assert.Equal(4998, await database.CountEventsAsync());
        Assert.Equal(2, await database.ScalarAsync(
            """
            SELECT count(*)::int FROM ingest.rejected_events
            WHERE position IN (0, 3999) AND reason LIKE 'refused-by-database: 23514 %'
            """));
    }

    [Fact]
    public async Task An_id_that_comes_with_two_edges_is_stored_and_counted_once_beside_its_neighbours()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var events = database.Events(500).Select(e => e with { Id = Guid.CreateVersion7(e.Time) }).ToArray();
        var elsewhere = Guid.NewGuid();
        await database.StoreAsync(SomeEvents.Batch(database.Edge, 1, events[..300]));

        // A batch of another edge: events 200 to 499 in reverse order, two events once more, and 100 others.
        var batch = SomeEvents.Batch(
            elsewhere, 1, [.. database.Events(100), .. events[200..].Reverse(), events[499], events[7]]);
        Assert.Equal(StoreOutcome.Stored, await database.StoreAsync(batch));
        Assert.Equal(StoreOutcome.SeenBefore, await database.StoreAsync(batch));

        Assert.Equal(600, await database.CountEventsAsync());
        Assert.Equal(0, await database.CountAsync("ingest.rejected_events"));
        Assert.Equal(2, await database.CountAsync("ingest.batches"));
    }

    [Fact]
    public async Task A_batch_of_nothing_but_repeats_is_acknowledged_and_adds_nothing()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var events = database.Events(20).Select(e => e with { Id = Guid.CreateVersion7(e.Time) }).ToArray();
        await database.StoreAsync(SomeEvents.Batch(database.Edge, 1, events));

        Assert.Equal(StoreOutcome.Stored, await database.StoreAsync(SomeEvents.Batch(Guid.NewGuid(), 1, events)));

        Assert.Equal(20, await database.CountEventsAsync());
        Assert.Equal(0, await database.CountAsync("ingest.rejected_events"));
    }

    [Fact]
    public async Task Repeats_beside_rows_that_PostgreSQL_and_ingest_refuse_are_told_apart()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        await database.ExecuteAsync("ALTER TABLE ingest.events ADD CONSTRAINT no_99 CHECK (ordinal <> 99)");
        var repeated = database.Event() with { Id = Guid.CreateVersion7() };
        await database.StoreAsync(SomeEvents.Batch(database.Edge, 1, [repeated]));

        await database.StoreAsync(SomeEvents.Batch(
            Guid.NewGuid(), 1,
            [database.Event() with { Ordinal = 99 }, repeated, database.Event(),
            database.Event() with { KindNumber = 9 },
                repeated]));

        Assert.Equal(2, await database.CountEventsAsync());
        Assert.Equal("refused-by-database, unknown-kind", await database.ScalarAsync(
            "SELECT string_agg(split_part(reason, ':', 1), ', ' ORDER BY reason) FROM ingest.rejected_events"));
    }

    [Fact]
    public async Task Two_edges_batches_with_the_same_ids_at_once_are_stored_once()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        for (var round = 1; round <= 10; round++)
        {
            var events = database.Events(300).Select(e => e with { Id = Guid.CreateVersion7(e.Time) }).ToArray();
            await Task.WhenAll(Enumerable.Range(0, 3).Select(copy => Task.Run(() => database.StoreAsync(
                SomeEvents.Batch(Guid.NewGuid(), 1, events.Concat(database.Events(50)))))));
            Assert.Equal(round * 450, await database.CountEventsAsync());
        }

        Assert.Equal(0, await database.CountAsync("ingest.rejected_events"));
    }

    [Fact]
    public async Task Copies_of_one_batch_and_other_batches_at_the_same_time_are_each_stored_once()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var batches = Enumerable.Range(1, 8)
            .Select(i => SomeEvents.Batch(database.Edge, i, database.Events(300).Reverse()))
            .ToArray();

        var outcomes = await Task.WhenAll(
            from copy in Enumerable.Range(0, 3)
            from batch in batches
            select Task.Run(() => database.StoreAsync(batch)));

        Assert.Equal(8, outcomes.Count(outcome => outcome == StoreOutcome.Stored));
        Assert.Equal(2400, await database.CountEventsAsync());
    }

    [Fact]
    public async Task Ids_that_run_ahead_of_an_edges_clock_that_was_set_back_are_stored_under_the_least_setting()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var range = typeof(EventIngestOptions).GetProperty(nameof(EventIngestOptions.LargestIdOffset))!
            .GetCustomAttribute<RangeAttribute>()!;
        database.Settings.LargestIdOffset = TimeSpan.Parse((string)range.Minimum, CultureInfo.InvariantCulture);
        var clock = new StandingTime();
        clock.Advance(TimeProvider.System.GetUtcNow() - clock.GetUtcNow());
        var ids = new EventIds(clock);
        var events = new List<SomeEvent>();
        for (var millisecond = 0; millisecond < 2; millisecond++)
        {
            // The most that an id's time may be ahead: a second, up to the end of its millisecond.
            clock.Advance(TimeSpan.FromTicks(
                TimeSpan.TicksPerSecond + 9_999 - (clock.GetUtcNow().Ticks % TimeSpan.TicksPerMillisecond)));
            Add();
            clock.Advance(-TimeSpan.FromSeconds(1));
            Add();
            Add();
        }

        await database.StoreAsync(SomeEvents.Batch(database.Edge, 1, events));
        Assert.Equal(events.Count, await database.CountEventsAsync());

        void Add()
        {
            var id = ids.Next(out var micros);
            events.Add(database.Event() with { Id = id, Time = DateTimeOffset.UnixEpoch.AddMicroseconds(micros) });
        }
    }

    [Fact]
    public async Task Events_that_can_never_be_stored_are_rejected_each_with_its_reason()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var e = database.Event();
        var unknownVersion = e.ToFrame();
        unknownVersion[8] = 9;
        BitConverter.TryWriteBytes(
            unknownVersion.AsSpan(4), Contracts.EventRecord.Crc32C(unknownVersion.AsSpan(8)));
        var old = e.Time.AddMonths(-13).AddMinutes(-1);

        await database.StoreAsync(SomeEvents.Batch(
            database.Edge, 1,
            e.ToFrame(),
            unknownVersion,
            (e with { KindNumber = 4 }).ToFrame(),
            (e with { Cluster = new ClusterId(database.Cluster.Value ^ 1) }).ToFrame(),
            (e with { Ordinal = LinkToken.MaxOrdinal + 1 }).ToFrame(),
            (e with { Id = Guid.NewGuid() }).ToFrame(),
            (e with { Id = Guid.CreateVersion7(e.Time.AddSeconds(2)) }).ToFrame(),
            (e with { Time = new DateTimeOffset(1969, 1, 1, 0, 0, 0, default), Id = Guid.CreateVersion7() }).ToFrame(),
            (e with { Time = old }).ToFrame(),
            e.ToFrame()[..40]));

        Assert.Equal(1, await database.CountEventsAsync());
        Assert.Equal(
            "1 unknown-version, 2 unknown-kind, 3 unknown-cluster, 4 ordinal-out-of-range, 5 not-uuidv7, "
            + "6 id-and-time-differ, 7 time-out-of-range, 8 older-than-retention, 9 torn-frame",
            await database.ScalarAsync(
                """
                SELECT string_agg(position || ' ' || split_part(reason, ':', 1), ', ' ORDER BY position)
                FROM ingest.rejected_events
                """));
    }

    [Fact]
    public async Task An_event_of_the_far_future_waits_in_the_default_partition()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var future = database.Event() with { Time = TimeProvider.System.GetUtcNow().AddYears(40) };
        await database.StoreAsync(SomeEvents.Batch(database.Edge, 1, [future, database.Event()]));

        Assert.Equal(1, await database.CountAsync("ingest.events_default"));
        Assert.Equal(2, await database.CountEventsAsync());
    }

    [Fact]
    public async Task An_empty_batch_is_stored_and_acknowledged_like_any_other()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var batch = SomeEvents.Batch(database.Edge, 1, Array.Empty<byte[]>());

        Assert.Equal(StoreOutcome.Stored, await database.StoreAsync(batch));
        Assert.Equal(StoreOutcome.SeenBefore, await database.StoreAsync(batch));
    }
}
