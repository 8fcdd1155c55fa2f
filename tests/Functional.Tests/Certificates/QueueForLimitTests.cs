using System.Globalization;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>More new names than an authority's limits allow at once. Each name has its turn, whose time is known from
/// the beginning.</summary>
public sealed class QueueForLimitTests(TestPostgres server)
{
    private static readonly (string, string)[] _tenAnHour =
    [
        ("Tracking:Certificates:Authorities:0:Orders:Capacity", "2"),
        ("Tracking:Certificates:Authorities:0:Orders:Refill", "00:06:00"),
    ];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_of_many_new_names_has_its_time_and_gets_its_certificate_then()
    {
        const int Names = 12;
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await AddAsync(database, Names);
        var issuer = database.Start(settings: _tenAnHour);

        await issuer.LookAsync(Cancelled);

        Assert.Equal(2, database.Authorities[0].Orders);
        // Ten names wait, six minutes apart. The last one waits an hour.
        var turns = await TurnsAsync(database);
        Assert.Equal(Names - 2, turns.Count);
        for (var place = 0; place < turns.Count; place++)
        {
            Assert.InRange(turns[place], (6 * (place + 1)) - 1, 6 * (place + 1));
        }

        Assert.Equal("1", await database.TextAsync(
            "SELECT count(*) FROM certificates.names WHERE last_failure->>'detail' LIKE '%turn in about 60 minutes.'"));
        Assert.Equal("0", await database.TextAsync("SELECT sum(failures) FROM certificates.names"));

        // Nothing is asked before the turn, and waiting is not counted as attempts.
        Assert.Equal(0, await issuer.LookAsync(Cancelled));
        for (var minutes = 6; minutes <= 60; minutes += 6)
        {
            await database.Start(TimeSpan.FromMinutes(minutes + 0.5), _tenAnHour).LookAsync(Cancelled);
            Assert.Equal(2 + (minutes / 6), database.Authorities[0].Orders);
        }

        Assert.Equal(Names, database.Authorities[0].Certificates);
        Assert.Equal("0", await database.TextAsync(
            "SELECT count(*) FROM certificates.names WHERE queued_for IS NOT NULL"));
    }

    [Fact]
    public async Task A_new_name_goes_to_the_end_of_the_queue_and_a_renewal_goes_first()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        database.Authorities[0].OffersRenewalInformation = false;
        await AddAsync(database, 1);
        await database.Start(settings: _tenAnHour).LookAsync(Cancelled);
        await AddAsync(database, 6, from: 10);
        await database.Start(settings: _tenAnHour).LookAsync(Cancelled);
        Assert.Equal(2, database.Authorities[0].Orders);
        var last = (await TurnsAsync(database))[^1];

        // The token belongs to the first name in the queue. A new name does not take it.
        await AddAsync(database, 1, from: 100);
        await database.ExecuteAsync(
            "UPDATE certificates.names SET due_at = now() + interval '1 day' WHERE queued_for IS NOT NULL");
        await database.Start(TimeSpan.FromMinutes(7), _tenAnHour).LookAsync(Cancelled);
        Assert.Equal(2, database.Authorities[0].Orders);
        var newcomer = double.Parse(
            await database.TextAsync(
                """
                SELECT extract(epoch FROM due_at - now())::int / 60 FROM certificates.names
                WHERE hostname = 'track.shop100.example'
                """),
            CultureInfo.InvariantCulture);
        Assert.True(newcomer > last, $"{newcomer} is not behind {last}");

        // A renewal takes the token.
        await database.ExecuteAsync(
            "UPDATE certificates.names SET renew_at = now(), due_at = now() WHERE hostname = 'track.shop0.example'");
        await database.Start(TimeSpan.FromMinutes(7), _tenAnHour).LookAsync(Cancelled);
        Assert.Equal(3, database.Authorities[0].Orders);
    }

    [Fact]
    public async Task A_new_name_does_not_wait_for_names_that_have_left_the_queue()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await AddAsync(database, 100);
        await database.Start(settings: _tenAnHour).LookAsync(Cancelled);
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET deleted_at = now()");
        await AddAsync(database, 1, from: 1_000);

        // The queue is ten hours long, and its names have left it. After a while two tokens exist.
        await database.Start(TimeSpan.FromMinutes(13), _tenAnHour).LookAsync(Cancelled);

        Assert.Equal("1", await database.TextAsync(
            """
            SELECT count(certificate_id) FROM certificates.names WHERE hostname = 'track.shop1000.example'
            """));
    }

    [Fact]
    public async Task The_authority_whose_turn_comes_first_has_the_name_in_its_queue()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server, authorities: 2);
        await AddAsync(database, 6);

        await database.Start(settings:
        [
            .. _tenAnHour,
            ("Tracking:Certificates:Authorities:1:Orders:Capacity", "1"),
            ("Tracking:Certificates:Authorities:1:Orders:Refill", "00:01:00"),
        ]).LookAsync(Cancelled);

        Assert.Equal((2, 1), (database.Authorities[0].Orders, database.Authorities[1].Orders));
        Assert.Equal($"3 {database.Authorities[1].Directory}|orders", await database.TextAsync(
            "SELECT count(*) || ' ' || max(queued_for) FROM certificates.names WHERE queued_for IS NOT NULL"));
        Assert.Equal([1, 2, 3], (await TurnsAsync(database)).Select(turn => (int)Math.Ceiling(turn)));
    }

    [Fact]
    public async Task Names_under_one_registered_domain_have_a_queue_of_their_own()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        for (var number = 0; number < 4; number++)
        {
            await database.AddAsync($"track{number}.franchise.example");
        }

        await database.AddAsync("track.other.example");
        await database.Start(settings:
        [
            ("Tracking:Certificates:Authorities:0:CertificatesPerDomain:Capacity", "2"),
            ("Tracking:Certificates:Authorities:0:CertificatesPerDomain:Refill", "03:22:00"),
        ]).LookAsync(Cancelled);

        Assert.Equal(3, database.Authorities[0].Orders);
        Assert.Equal([202, 404], (await TurnsAsync(database)).Select(turn => (int)Math.Ceiling(turn)));
    }

    private static async Task AddAsync(IssuanceDatabase database, int names, int from = 0)
    {
        for (var number = from; number < from + names; number++)
        {
            await database.AddAsync($"track.shop{number}.example");
        }
    }

    // The minutes until the turn of each waiting name, in the order of the queue.
    private static async Task<List<double>> TurnsAsync(IssuanceDatabase database)
    {
        var text = await database.TextAsync(
            """
            SELECT string_agg((extract(epoch FROM due_at - last_failed_at) / 60)::text, ' ' ORDER BY due_at)
            FROM certificates.names WHERE queued_for IS NOT NULL
            """);
        return [.. text.Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
    }
}
