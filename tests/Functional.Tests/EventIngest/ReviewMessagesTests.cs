using System.Text.Json.Nodes;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.EventIngest.Batches;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.EventIngest;

/// <summary>The results of reviews. The counters match them exactly.</summary>
public sealed class ReviewMessagesTests(TestPostgres server)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_burst_over_three_edges_reaches_back_to_the_open_and_the_first_click()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var begin = database.Event().Time.AddMinutes(-1);
        SomeEvent At(double seconds, ulong link, LinkKind kind = LinkKind.Click) => database.Event() with
        {
            Time = begin.AddSeconds(seconds),
            Kind = kind,
            Link = link,
            Ordinal = (ushort)link,
        };

        await StoreAsync(database, 1, [At(0, 0, LinkKind.Open), At(20, 1), At(33, 2)]);
        await database.Review.RunAsync(Cancelled);
        Assert.Equal(0L, await MachinesAsync(database));

        await StoreAsync(database, 2, [At(33.3, 3)]);
        await StoreAsync(database, 3, [At(33.6, 4)]);
        await database.Review.RunAsync(Cancelled);

        Assert.Equal(5L, await MachinesAsync(database));
        Assert.Equal(0L, await database.CountAsync("ingest.reviews"));
        Assert.Equal(
            "1 browser | before-burst browser", await database.ScalarAsync(
                """
                SELECT r.verdict_before || ' ' || array_to_string(r.reasons_before, ' ') || ' | '
                    || array_to_string(e.reasons, ' ')
                FROM ingest.revisions r JOIN ingest.events e ON e.id = r.event_id WHERE e.kind = 1
                """));
        await NaiveCounts.AssertAsync(database);

        // A later click of a person is counted as the first by a person.
        await StoreAsync(database, 4, [At(60, 1)]);
        await database.Review.RunAsync(Cancelled);
        Assert.Equal(5L, await MachinesAsync(database));
        Assert.Equal(1L, await database.ScalarAsync(
            "SELECT sum(first_clicks_people)::bigint FROM ingest.counted WHERE dimension = 0"));
        await NaiveCounts.AssertAsync(database);
    }

    [Fact]
    public async Task A_persons_click_opens_the_message_until_it_turns_out_to_be_a_machines()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var begin = database.Event().Time.AddMinutes(-20);
        var (pixelBlocked, pixelLoaded) = (database.Event().Message, new MessageKey(77, 7));
        SomeEvent At(double seconds, MessageKey message, ulong link, LinkKind kind = LinkKind.Click) =>
            database.Event() with
            {
                Time = begin.AddSeconds(seconds),
                Message = message,
                Kind = kind,
                Link = link,
                Ordinal = (ushort)link,
            };

        await StoreAsync(database, 1, [
            At(0, pixelBlocked, 1), At(0, pixelLoaded, 1), At(600, pixelLoaded, 0, LinkKind.Open)]);
        await database.Review.RunAsync(Cancelled);
        Assert.Equal("2 of 2 first clicks, 1 first opens", await OpenersAsync());

        // Two more links within the same second make all of them clicks of a scanner. The open was ten minutes later.
        await StoreAsync(database, 2, [
            At(0.2, pixelBlocked, 2), At(0.4, pixelBlocked, 3), At(0.2, pixelLoaded, 2), At(0.4, pixelLoaded, 3)]);
        await database.Review.RunAsync(Cancelled);
        Assert.Equal("1 of 0 first clicks, 1 first opens", await OpenersAsync());
        await NaiveCounts.AssertAsync(database);

        // The person comes after the scanner.
        await StoreAsync(database, 3, [At(700, pixelBlocked, 1)]);
        Assert.Equal("2 of 1 first clicks, 1 first opens", await OpenersAsync());
        await NaiveCounts.AssertAsync(database);

        async Task<object?> OpenersAsync() => await database.ScalarAsync(
            """
            SELECT sum(openers) || ' of ' || sum(first_clicks_people) || ' first clicks, ' || sum(first_opens_people)
                || ' first opens'
            FROM ingest.counted WHERE dimension = 0
            """);
    }

    [Fact]
    public async Task A_persons_open_after_a_prefetch_makes_the_message_opened()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var open = database.Event() with { Kind = LinkKind.Open, Link = 0, Ordinal = 0 };
        await StoreAsync(database, 1, [
            open with { Time = open.Time.AddHours(-1), UserAgent = "Barracuda Sentinel (EE)"u8.ToArray() }]);
        Assert.Equal("0 people, 1 machines", await FirstOpensAsync());

        await StoreAsync(database, 2, [open]);
        Assert.Equal("1 people, 1 machines", await FirstOpensAsync());
        await NaiveCounts.AssertAsync(database);

        async Task<object?> FirstOpensAsync() => await database.ScalarAsync(
            """
            SELECT sum(openers) || ' people, ' || sum(first_opens_machines) || ' machines'
            FROM ingest.counted WHERE dimension = 0
            """);
    }

    [Fact]
    public async Task Counters_after_revisions_are_those_of_the_rows_and_of_a_rebuild_over_20000_events()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var mail = new SomeCountedMail(database, 15, messages: 800);
        await mail.RegisterAsync();
        var random = new Random(15);
        var events = WithBursts(mail.Events(18_000), random);
        var sequence = 0;
        foreach (var some in events.OrderBy(_ => random.Next()).Chunk(1000))
        {
            await StoreAsync(database, ++sequence, some);
            if (sequence % 3 == 0)
            {
                await ReviewAllAsync(database);
            }

            if (sequence == 12)
            {
                await database.Rebuild.RunAsync(database.Cluster, Cancelled);
            }
        }

        await ReviewAllAsync(database);
        Assert.True(await database.CountAsync("ingest.revisions") > 500);
        await NaiveCounts.AssertAsync(database);
        await database.Merge.RunAsync(Cancelled);
        await NaiveCounts.AssertAsync(database);
        var firsts = await FirstsAsync(database);
        await database.Rebuild.RunAsync(database.Cluster, Cancelled);
        await NaiveCounts.AssertAsync(database);
        Assert.Equal(firsts, await FirstsAsync(database));
    }

    [Fact]
    public async Task A_revision_while_a_rebuild_runs_counts_in_both()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var mail = new SomeCountedMail(database, 16, messages: 3000);
        await mail.RegisterAsync();
        var random = new Random(16);
        var sequence = 0;
        foreach (var some in WithBursts(mail.Events(10_000), random).OrderBy(_ => random.Next()).Chunk(1000))
        {
            await StoreAsync(database, ++sequence, some);
        }

        var rebuild = database.Rebuild.RunAsync(database.Cluster, Cancelled);
        await ReviewAllAsync(database);
        await rebuild;

        await NaiveCounts.AssertAsync(database);
    }

    [Fact]
    public async Task A_revision_that_dies_at_any_statement_has_done_nothing_and_is_done_by_the_next()
    {
        DatabaseCutter? cutter = null;
        await using var database = await IngestDatabase.CreateAsync(
            server, way: straight => (cutter = new DatabaseCutter(straight)).ConnectionString);
        await using var way = cutter!;
        var mail = new SomeCountedMail(database, 17, messages: 40);
        await mail.RegisterAsync();
        await StoreAsync(database, 1, WithBursts(mail.Events(600), new Random(17)));

        var died = 0;
        for (var cut = 1; ; cut++)
        {
            cutter!.Arm(cut % 2 == 0 ? CutPoint.BeforeSync : CutPoint.BeforeReady, cut);
            try
            {
                await database.Review.RunAsync(Cancelled);
                break;
            }
            catch (Exception exception) when (StoreAway.Is(exception))
            {
                died++;
            }

            cutter.Disarm();
            await NaiveCounts.AssertAsync(database);
        }

        cutter.Disarm();
        Assert.True(died > 5, $"it died {died} times");
        Assert.True(await database.CountAsync("ingest.revisions") > 10);
        await NaiveCounts.AssertAsync(database);
    }

    [Fact]
    public async Task An_endpoint_hears_of_a_revision_once_even_one_that_wants_people_only()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        await database.ExecuteAsync(
            """
            INSERT INTO webhooks.endpoints (cluster_id, id, url, description, event_types, people_only, sealed_secret,
                created_at)
            VALUES ($1, $2, 'https://example.com/', '', '{}', true, '\x00', now())
            """,
            database.Cluster.Value, Guid.NewGuid());
        await database.Endpoints.RefreshAsync(Cancelled);
        var begin = database.Event().Time;
        await StoreAsync(database, 1, [.. Enumerable.Range(1, 3).Select(n => database.Event() with
        {
            Time = begin.AddMilliseconds(n * 100),
            Link = (ulong)n,
            Ordinal = (ushort)n,
        })]);

        await ReviewAllAsync(database);
        await ReviewAllAsync(database);

        Assert.Equal(3L, await database.ScalarAsync("SELECT count(*) FROM webhooks.deliveries WHERE event_type = 8"));
        var body = JsonNode.Parse((string)(await database.ScalarAsync(
            "SELECT payload FROM webhooks.deliveries WHERE event_type = 8 LIMIT 1"))!)!;
        Assert.Equal("message.event_reclassified", (string?)body["type"]);
        Assert.Equal("human", (string?)body["data"]!["before"]!["verdict"]);
        Assert.Equal("scanner", (string?)body["data"]!["classification"]!["verdict"]);
        Assert.Equal("burst", (string?)body["data"]!["classification"]!["reasons"]![0]);
    }

    [Theory]
    [InlineData(AddressPolicy.Full, 4)]
    [InlineData(AddressPolicy.Truncated, 4)]
    [InlineData(AddressPolicy.None, 3)]
    public async Task A_burst_is_seen_under_every_address_policy(AddressPolicy policy, long machines)
    {
        await using var database = await IngestDatabase.CreateAsync(
            server, new ClusterSettings { AddressPolicy = policy });
        var begin = database.Event().Time.AddMinutes(-1);
        var open = database.Event() with { Time = begin, Kind = LinkKind.Open, Link = 0, Ordinal = 0 };
        await StoreAsync(database, 1, [open, .. Enumerable.Range(1, 3).Select(n => database.Event() with
        {
            Time = begin.AddSeconds(30).AddMilliseconds(n * 100),
            Link = (ulong)n,
            Ordinal = (ushort)n,
        })]);

        await ReviewAllAsync(database);

        Assert.Equal(machines, await MachinesAsync(database));
        await NaiveCounts.AssertAsync(database);
    }

    // Every tenth click brings the rest of a burst with it.
    private static List<SomeEvent> WithBursts(List<SomeEvent> events, Random random)
    {
        var all = new List<SomeEvent>(events);
        foreach (var click in events.Where(one => one.Kind == LinkKind.Click && random.Next(10) == 0))
        {
            for (var n = 1; n < 4; n++)
            {
                var time = click.Time.AddMilliseconds(n * 150);
                all.Add(click with
                {
                    Id = Guid.CreateVersion7(time),
                    Time = time,
                    Ordinal = (ushort)((click.Ordinal + (2 * n)) % 6),
                    Link = 0x9e37_79b9_7f4a_7c15 * (ulong)((((click.Ordinal + (2 * n)) % 6) / 2) + 1),
                });
            }
        }

        return all;
    }

    private static async Task ReviewAllAsync(IngestDatabase database)
    {
        while (await database.Review.RunAsync(Cancelled))
        {
            // Repeat while reviews are due.
        }
    }

    private static Task<StoreOutcome> StoreAsync(
        IngestDatabase database, long sequence, IEnumerable<SomeEvent> events) =>
        database.StoreAsync(SomeEvents.Batch(database.Edge, sequence, events));

    private static async Task<long> MachinesAsync(IngestDatabase database) => (long)(await database.ScalarAsync(
        "SELECT count(*) FROM ingest.events WHERE verdict IN (3, 4, 5)"))!;

    private static async Task<string?> FirstsAsync(IngestDatabase database) => (string?)await database.ScalarAsync(
        "SELECT md5(string_agg(encode(firsts, 'hex'), ',' ORDER BY message_key)) FROM ingest.message_counts");
}
