using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tracking.AcmeAuthority;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>Orders and renewals in the program's composition, with a real database, the rights of the service, and an
/// authority with faults on demand.</summary>
public sealed class IssueCertificateTests(TestPostgres server)
{
    private const string Name = "track.shop.example.com";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_name_that_becomes_active_has_a_certificate_and_gateways_are_told()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync(Name);
        var issuer = database.Start();

        await issuer.LookAsync(Cancelled);

        Assert.Equal("True", await database.TextAsync(
            """
            SELECT d.certificate_until = i.not_after AND i.cluster_id = 1 AND NOT i.is_renewal AND n.order_id IS NULL
                AND n.failures = 0 AND n.leased_by IS NULL AND n.renew_at BETWEEN i.not_before AND i.not_after
            FROM certificates.names n JOIN certificates.issued i ON i.id = n.certificate_id
            JOIN domains.tracking_domains d ON d.hostname = n.hostname
            """));
        Assert.Contains(Name, database.Announced);
        Assert.Equal("order stored", await StepsAsync(database));
        // Nothing is left to do for this process and for a process that starts now.
        Assert.Equal(0, await issuer.LookAsync(Cancelled));
        var other = database.Start();
        Assert.Equal(0, await other.LookAsync(Cancelled));
        Assert.Equal(1, database.Authorities[0].Orders);
    }

    [Theory]
    [InlineData("new-order", false)]
    [InlineData("new-order", true)]
    [InlineData("authorization", false)]
    [InlineData("authorization", true)]
    [InlineData("challenge", false)]
    [InlineData("challenge", true)]
    [InlineData("order", false)]
    [InlineData("order", true)]
    [InlineData("finalize", false)]
    [InlineData("finalize", true)]
    [InlineData("certificate", false)]
    [InlineData("certificate", true)]
    public async Task A_process_that_dies_leaves_an_order_that_another_finishes(string resource, bool isDone)
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        var authority = database.Authorities[0];
        await database.AddAsync(Name);
        var dies = database.Start();
        using var death = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        if (isDone)
        {
            authority.Alter(resource, answer =>
            {
                death.Cancel();
                return answer;
            });
        }
        else
        {
            authority.Script(resource, async context =>
            {
                await death.CancelAsync();
                context.Abort();
            });
        }

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dies.LookAsync(death.Token));
        authority.Alter(resource, answer => answer);

        var other = database.Start();
        Assert.Equal(0, await other.LookAsync(Cancelled));
        await database.ExpireLeasesAsync();
        Assert.Equal(1, await other.LookAsync(Cancelled));

        Assert.Equal("1 0", await database.TextAsync(
            "SELECT count(i.id) || ' ' || max(n.failures) FROM certificates.names n JOIN certificates.issued i "
            + "ON i.id = n.certificate_id"));
        Assert.Equal(1, authority.Certificates);
        Assert.InRange(authority.Orders, 1, resource == "new-order" && isDone ? 2 : 1);
        Assert.Equal(1, authority.Accounts);
    }

    [Fact]
    public async Task An_answer_to_the_request_that_is_lost_loses_no_certificate()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        database.Authorities[0].LoseAnswer("finalize");
        database.Authorities[0].ProcessingLooks = 1;
        await database.AddAsync(Name);
        var issuer = database.Start();

        await issuer.LookAsync(Cancelled);

        Assert.Equal("1", await database.TextAsync("SELECT count(*) FROM certificates.issued"));
        Assert.Equal(1, database.Authorities[0].Certificates);
    }

    [Fact]
    public async Task Two_processes_order_each_name_once()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        for (var number = 0; number < 20; number++)
        {
            await database.AddAsync($"track.shop{number}.example.com");
        }

        var first = database.Start();
        var second = database.Start();
        await Task.WhenAll(first.LookAsync(Cancelled), second.LookAsync(Cancelled));

        Assert.Equal("20", await database.TextAsync("SELECT count(*) FROM certificates.issued"));
        Assert.Equal(20, database.Authorities[0].Orders);
    }

    [Fact]
    public async Task Without_room_in_a_limit_a_name_waits_and_that_is_no_failure()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync("track.a.example.com");
        await database.AddAsync("track.b.example.com");
        var issuer = database.Start(
            settings: ("Tracking:Certificates:Authorities:0:CertificatesPerDomain:Capacity", "1"));

        await issuer.LookAsync(Cancelled);

        Assert.Equal(1, database.Authorities[0].Orders);
        Assert.Equal("rate-limited 0 True", await database.TextAsync(
            """
            SELECT concat_ws(' ', last_failure->>'type', failures,
                CASE WHEN due_at > now() + interval '1 minute' THEN 'True' END)
            FROM certificates.names WHERE certificate_id IS NULL
            """));
        // A restart does not change that.
        var restarted = database.Start();
        Assert.Equal(0, await restarted.LookAsync(Cancelled));
    }

    [Fact]
    public async Task With_the_first_limit_full_a_new_name_goes_to_the_second_authority()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server, authorities: 2);
        await database.AddAsync("track.a.example.com");
        await database.AddAsync("track.b.example.com");
        var issuer = database.Start(
            settings: ("Tracking:Certificates:Authorities:0:CertificatesPerDomain:Capacity", "1"));

        await issuer.LookAsync(Cancelled);

        Assert.Equal((1, 1), (database.Authorities[0].Certificates, database.Authorities[1].Certificates));
    }

    [Fact]
    public async Task The_second_authority_issues_when_the_first_is_unreachable()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server, authorities: 2);
        database.Authorities[0].Script("new-order", Away, times: 100);
        await database.AddAsync(Name);
        var issuer = database.Start();

        for (var look = 0; look < 3; look++)
        {
            await issuer.LookAsync(Cancelled);
            await database.HurryAsync();
        }

        Assert.Equal(1, database.Authorities[1].Certificates);
        Assert.Equal("0", await database.TextAsync("SELECT failures FROM certificates.names"));
    }

    [Fact]
    public async Task An_order_at_an_authority_that_goes_away_is_not_waited_for_where_there_is_another()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server, authorities: 2);
        await database.AddAsync(Name);
        var dies = database.Start();
        using var death = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        database.Authorities[0].Script("authorization", async context =>
        {
            await death.CancelAsync();
            context.Abort();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dies.LookAsync(death.Token));

        database.Authorities[0].Script("order", Away, times: 100);
        database.Authorities[0].Script("new-order", Away, times: 100);
        var issuer = database.Start();
        for (var look = 0; look < 4; look++)
        {
            await database.ExpireLeasesAsync();
            await issuer.LookAsync(Cancelled);
            await database.HurryAsync();
        }

        Assert.Equal(1, database.Authorities[1].Certificates);
    }

    [Fact]
    public async Task With_the_account_deactivated_nothing_is_ordered_until_a_person_acts()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync("track.a.example.com");
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);
        database.Authorities[0].DeactivateAccounts();
        await database.AddAsync("track.b.example.com");

        await issuer.LookAsync(Cancelled);
        var asked = database.Authorities[0].Count("new-order");
        await database.HurryAsync();
        await issuer.LookAsync(Cancelled);
        var restarted = database.Start();
        await database.HurryAsync();
        await restarted.LookAsync(Cancelled);

        Assert.Equal("True", await database.TextAsync("SELECT refused IS NOT NULL FROM certificates.accounts"));
        Assert.Equal(asked, database.Authorities[0].Count("new-order"));
        Assert.Equal(1, database.Authorities[0].Accounts);
        Assert.Equal("unauthorized", await database.TextAsync(
            "SELECT last_failure->>'type' FROM certificates.names WHERE certificate_id IS NULL"));
    }

    [Fact]
    public async Task A_refused_order_does_not_close_an_account_that_is_open()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        database.Authorities[0].Script("new-order", new RefusalException(403, "unauthorized", "not this one"));
        await database.AddAsync(Name);
        var issuer = database.Start();

        await issuer.LookAsync(Cancelled);
        Assert.Equal("True", await database.TextAsync(
            "SELECT refused IS NULL AND (SELECT failures = 1 FROM certificates.names) FROM certificates.accounts"));
        await database.HurryAsync();
        await issuer.LookAsync(Cancelled);

        Assert.Equal(1, database.Authorities[0].Certificates);
    }

    [Fact]
    public async Task A_domain_that_was_deleted_and_added_again_uses_the_certificate_that_was_kept()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync(Name);
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET deleted_at = now()");
        await database.HurryAsync();
        await issuer.LookAsync(Cancelled);
        Assert.Equal("True", await database.TextAsync("SELECT due_at = 'infinity' FROM certificates.names"));
        database.Announced.Clear();

        await database.AddAsync(Name);
        await issuer.LookAsync(Cancelled);

        Assert.Equal("True", await database.TextAsync(
            """
            SELECT d.certificate_until = i.not_after FROM domains.tracking_domains d, certificates.issued i
            WHERE d.deleted_at IS NULL
            """));
        Assert.Contains(Name, database.Announced);
        Assert.Equal(1, database.Authorities[0].Orders);
    }

    [Fact]
    public async Task Another_cluster_that_verifies_the_name_gets_a_certificate_of_its_own()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync(Name);
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET status = 0");

        await database.AddAsync(Name, cluster: 2);
        await issuer.LookAsync(Cancelled);

        Assert.Equal("1 2", await database.TextAsync(
            "SELECT string_agg(cluster_id::text, ' ' ORDER BY cluster_id) FROM certificates.issued"));
        Assert.Equal("2 False", await database.TextAsync(
            """
            SELECT n.cluster_id || CASE WHEN n.first_renewed_at IS NULL AND d.certificate_until = i.not_after
                THEN ' False' ELSE ' True' END
            FROM certificates.names n JOIN certificates.issued i ON i.id = n.certificate_id AND i.cluster_id = 2
            JOIN domains.tracking_domains d ON d.hostname = n.hostname AND d.cluster_id = 2
            """));
    }

    [Fact]
    public async Task A_name_that_is_pending_again_is_not_ordered_for_and_is_at_once_when_it_is_verified()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync(Name);
        var issuer = database.Start();
        await issuer.FollowAsync(Cancelled);
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET status = 0");

        // The name is verified between the check and the end of the lease. It must still get its certificate.
        var taken = Assert.Single(await issuer.ClaimAsync(Cancelled));
        Assert.False(taken.IsWanted);
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET status = 1, status_since = now()");
        await issuer.FollowAsync(Cancelled);
        await issuer.WorkAsync(taken, Cancelled);
        Assert.Equal(0, database.Authorities[0].Orders);

        await issuer.LookAsync(Cancelled);
        Assert.Equal(1, database.Authorities[0].Certificates);
    }

    [Fact]
    public async Task Neither_a_restart_nor_a_changed_setting_begins_the_ladder_afresh_but_a_new_verification_does()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        database.Authorities[0].RefusedNames[Name] = new RefusalException(403, "connection", "Timeout during connect");
        await database.AddAsync(Name);
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);
        await database.HurryAsync();
        await issuer.LookAsync(Cancelled);
        Assert.Equal("2", await database.TextAsync("SELECT failures FROM certificates.names"));

        await database.ExecuteAsync("UPDATE domains.tracking_domains SET track_opens = NOT track_opens");
        Assert.Equal(0, await issuer.LookAsync(Cancelled));
        var restarted = database.Start();
        Assert.Equal(0, await restarted.LookAsync(Cancelled));
        Assert.Equal("2 connection", await database.TextAsync(
            "SELECT failures || ' ' || (last_failure->>'type') FROM certificates.names"));

        database.Authorities[0].RefusedNames.Clear();
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET status = 0");
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET status = 1, status_since = now()");
        await restarted.LookAsync(Cancelled);
        Assert.Equal(1, database.Authorities[0].Certificates);
    }

    [Fact]
    public async Task The_window_of_the_authority_is_chosen_in_once_and_the_renewal_names_what_it_replaces()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        var authority = database.Authorities[0];
        var start = TimeProvider.System.GetUtcNow().AddDays(5);
        authority.RenewalWindow = () => (start, start.AddDays(2));
        await database.AddAsync(Name);
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);

        var chosen = new HashSet<string>();
        for (var look = 0; look < 3; look++)
        {
            await database.HurryAsync();
            await issuer.LookAsync(Cancelled);
            chosen.Add(await database.TextAsync("SELECT renew_at::text FROM certificates.names"));
        }

        Assert.Equal(3, authority.Count("renewal-info"));
        var at = DateTimeOffset.Parse(Assert.Single(chosen), CultureInfo.InvariantCulture);
        Assert.InRange(at, start, start.AddDays(2));

        var later = database.Start(ahead: TimeSpan.FromDays(7.1));
        await later.LookAsync(Cancelled);

        Assert.Equal(1, authority.Replacements);
        Assert.Equal("True", await database.TextAsync("SELECT first_renewed_at IS NOT NULL FROM certificates.names"));
        Assert.Equal("2", await database.TextAsync("SELECT count(*) FROM certificates.issued"));
    }

    [Fact]
    public async Task A_certificate_that_nears_its_end_and_is_not_renewed_is_told_twice_and_no_more()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync(Name);
        await database.Start().LookAsync(Cancelled);
        database.Authorities[0].RefusedNames[Name] = new RefusalException(400, "connection", "Timeout during connect");

        foreach (var (days, told) in ((double, string)[])[(31, "0"), (39, "1"), (40, "1"), (43, "2"), (44, "2")])
        {
            await database.ExecuteAsync("UPDATE certificates.names SET due_at = now() + interval '30 days'");
            await database.Start(ahead: TimeSpan.FromDays(days)).LookAsync(Cancelled);
            Assert.Equal(told, await database.TextAsync("SELECT count(*) FROM domains.notices"));
        }

        Assert.Equal("3 Timeout during connect True", await database.TextAsync(
            """
            SELECT concat_ws(' ', n.kind, n.facts->>'error', CASE WHEN (n.facts->>'domain')::uuid = d.id
                AND (n.facts->>'notAfter')::timestamptz = d.certificate_until THEN 'True' END)
            FROM domains.notices n, domains.tracking_domains d LIMIT 1
            """));
    }

    private static Task Away(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return Task.CompletedTask;
    }

    private static Task<string> StepsAsync(IssuanceDatabase database) => database.TextAsync(
        """
        SELECT string_agg((ARRAY['check', 'order', 'challenge', 'finalize', 'download', 'stored'])[step + 1], ' '
            ORDER BY id) FROM certificates.attempts
        """);
}
