using Tracking.AcmeAuthority;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>Requests to the certificate service: tests, revocations, accounts and their keys.</summary>
public sealed class RequestTests(TestPostgres server)
{
    private const string Name = "track.shop.example.com";
    private const short Register = 0;
    private const short ChangeKey = 1;
    private const short Test = 2;
    private const short Revoke = 3;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_test_orders_at_the_test_environment_and_nothing_of_it_is_kept_or_served()
    {
        using var folder = new TemporaryFolder();
        await using var staging = new TestAuthority();
        await staging.StartAsync();
        await File.WriteAllTextAsync(folder.In("staging.pem"), staging.RootPem, Cancelled);
        await using var database = await IssuanceDatabase.CreateAsync(server);
        var issuer = database.Start(settings:
        [
            ("Tracking:Certificates:Authorities:0:TestDirectory", staging.Directory),
            ("Tracking:Certificates:Authorities:0:TestRootCertificates", folder.In("staging.pem")),
        ]);
        await AskAsync(database, Test, Name);

        await issuer.CarryOutAsync(Cancelled);

        Assert.Equal("True look caa order certificate", await OutcomeAsync(database));
        Assert.Equal((1, 0), (staging.Certificates, database.Authorities[0].Orders));
        Assert.Equal("0 0", await database.TextAsync(
            "SELECT (SELECT count(*) FROM certificates.issued) || ' ' || (SELECT count(*) FROM certificates.names)"));
        Assert.Equal("True", await database.TextAsync("SELECT challenge_token IS NULL FROM certificates.requests"));
        Assert.Contains(Name, database.Announced);
        // Unknown challenges are answered with the first account's thumbprint, never with that of the test environment.
        Assert.Equal(database.Authorities[0].Directory, await database.TextAsync(
            "SELECT directory FROM certificates.accounts ORDER BY rank LIMIT 1"));
    }

    [Fact]
    public async Task A_test_says_what_the_test_environment_says()
    {
        using var folder = new TemporaryFolder();
        await using var staging = new TestAuthority();
        await staging.StartAsync();
        await File.WriteAllTextAsync(folder.In("staging.pem"), staging.RootPem, Cancelled);
        staging.RefusedNames[Name] = new RefusalException(400, "connection", "During secondary validation: timeout");
        await using var database = await IssuanceDatabase.CreateAsync(server);
        var issuer = database.Start(settings:
        [
            ("Tracking:Certificates:Authorities:0:TestDirectory", staging.Directory),
            ("Tracking:Certificates:Authorities:0:TestRootCertificates", folder.In("staging.pem")),
        ]);
        await AskAsync(database, Test, Name);

        await issuer.CarryOutAsync(Cancelled);

        Assert.Equal("False look caa order challenge", await OutcomeAsync(database));
        var last = await database.TextAsync("SELECT steps->-1 FROM certificates.requests");
        Assert.Contains("During secondary validation", last, StringComparison.Ordinal);
        Assert.Contains("several countries", last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_test_environment_a_test_looks_and_orders_nothing()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await AskAsync(database, Test, Name);

        await database.Start().CarryOutAsync(Cancelled);

        Assert.Equal("True look caa order", await OutcomeAsync(database));
        Assert.Contains("Nothing was ordered", await database.TextAsync("SELECT steps->-1 FROM certificates.requests"),
            StringComparison.Ordinal);
        Assert.Equal(0, database.Authorities[0].Orders);
    }

    [Fact]
    public async Task A_revoked_certificate_has_its_successor_with_another_key_first()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync(Name);
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);
        var old = await database.TextAsync("SELECT certificate_id FROM certificates.names");
        await AskAsync(database, Revoke, Name, reason: 1, isReplacedFirst: true);

        await issuer.CarryOutAsync(Cancelled);
        Assert.Equal((0, old), (database.Authorities[0].Revoked,
            await database.TextAsync("SELECT certificate_id FROM certificates.names")));
        await issuer.LookAsync(Cancelled);
        Assert.Equal(0, database.Authorities[0].Revoked);
        await HurryAsync(database);
        await issuer.CarryOutAsync(Cancelled);

        Assert.Equal("True replacement revocation", await OutcomeAsync(database));
        Assert.Equal((1, 1), (database.Authorities[0].Revoked, database.Authorities[0].FirstRevocationReason));
        Assert.Equal("True", await database.TextAsync(
            $"""
            SELECT n.certificate_id <> '{old}' AND i.revoked_at IS NULL AND d.certificate_until = i.not_after
                AND o.revoked_at IS NOT NULL AND o.sealed_key <> i.sealed_key
            FROM certificates.names n JOIN certificates.issued i ON i.id = n.certificate_id
            JOIN certificates.issued o ON o.id = '{old}'
            JOIN domains.tracking_domains d ON d.hostname = n.hostname
            """));
        Assert.Equal("1", await database.TextAsync("SELECT count(*) FROM certificates.attempts WHERE step = 6"));
    }

    [Fact]
    public async Task A_revocation_without_replacement_stops_serving_at_once_and_is_tried_again()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync(Name);
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);
        database.Announced.Clear();
        database.Authorities[0].Script("revoke", context =>
        {
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        await AskAsync(database, Revoke, Name, reason: 1);

        await issuer.CarryOutAsync(Cancelled);

        Assert.Equal("True", await database.TextAsync(
            """
            SELECT n.certificate_id IS NULL AND d.certificate_until IS NULL FROM certificates.names n
            JOIN domains.tracking_domains d ON d.hostname = n.hostname
            """));
        Assert.Contains(Name, database.Announced);
        Assert.Equal(0, database.Authorities[0].Revoked);

        // The name gets another certificate, never the one that is to be revoked.
        await issuer.LookAsync(Cancelled);
        Assert.Equal(2, database.Authorities[0].Certificates);
        await HurryAsync(database);
        await issuer.CarryOutAsync(Cancelled);
        Assert.Equal(1, database.Authorities[0].Revoked);
        Assert.Equal("True", await database.TextAsync(
            """
            SELECT r.succeeded AND d.certificate_until IS NOT NULL FROM certificates.requests r,
                domains.tracking_domains d
            """));
    }

    [Fact]
    public async Task A_registration_makes_another_account_where_the_authority_has_closed_one()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync("track.a.example.com");
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);
        await AskAsync(database, Register);
        await issuer.CarryOutAsync(Cancelled);
        Assert.Equal("True account", await OutcomeAsync(database));
        Assert.Equal(1, database.Authorities[0].Accounts);

        database.Authorities[0].DeactivateAccounts();
        await database.AddAsync("track.b.example.com");
        await issuer.LookAsync(Cancelled);
        Assert.Equal("True", await database.TextAsync("SELECT refused IS NOT NULL FROM certificates.accounts"));
        await database.ExecuteAsync("DELETE FROM certificates.requests");
        await AskAsync(database, Register);
        await issuer.CarryOutAsync(Cancelled);
        await database.HurryAsync();
        await issuer.LookAsync(Cancelled);

        Assert.Equal("True account", await OutcomeAsync(database));
        Assert.Equal((2, 2), (database.Authorities[0].Accounts, database.Authorities[0].Certificates));
    }

    [Fact]
    public async Task A_registration_where_terms_are_not_accepted_says_which_setting_accepts_them()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        database.Authorities[0].TermsOfService = "https://authority.example/terms";
        await AskAsync(database, Register);

        await database.Start().CarryOutAsync(Cancelled);

        Assert.Equal("False account", await OutcomeAsync(database));
        Assert.Contains("Tracking__Certificates__AcceptTermsOfService", await database.TextAsync(
            "SELECT steps->0->>'advice' FROM certificates.requests"), StringComparison.Ordinal);
        Assert.Equal(0, database.Authorities[0].Accounts);
    }

    [Fact]
    public async Task A_key_change_keeps_the_account_and_a_process_with_the_old_key_goes_on()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync("track.a.example.com");
        var (first, second) = (database.Start(), database.Start());
        await first.LookAsync(Cancelled);
        await database.AddAsync("track.b.example.com");
        await second.LookAsync(Cancelled);
        var before = await database.TextAsync("SELECT url || ' ' || thumbprint FROM certificates.accounts");
        await AskAsync(database, ChangeKey);

        await first.CarryOutAsync(Cancelled);

        Assert.Equal("True key", await OutcomeAsync(database));
        var after = await database.TextAsync("SELECT url || ' ' || thumbprint FROM certificates.accounts");
        Assert.Equal(before.Split(' ')[0], after.Split(' ')[0]);
        Assert.NotEqual(before.Split(' ')[1], after.Split(' ')[1]);
        await database.AddAsync("track.c.example.com");
        await second.LookAsync(Cancelled);
        await second.LookAsync(Cancelled);
        Assert.Equal("3 0", await database.TextAsync(
            "SELECT count(certificate_id) || ' ' || sum(failures) FROM certificates.names"));
        Assert.Equal(1, database.Authorities[0].Accounts);
        // Shortly after the key change gateways are told of each challenge, because they may still have the old
        // thumbprint.
        Assert.Contains("track.c.example.com", database.Announced);
    }

    [Fact]
    public async Task An_order_during_which_the_key_changes_goes_on_and_that_is_no_failure()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync(Name);
        var issuer = database.Start();
        await AskAsync(database, ChangeKey);
        database.Authorities[0].Script("authorization", async context =>
        {
            await issuer.CarryOutAsync(Cancelled);
            context.Response.StatusCode = 503;
        });

        await issuer.LookAsync(Cancelled);
        Assert.Equal("0", await database.TextAsync("SELECT failures FROM certificates.names"));
        await issuer.LookAsync(Cancelled);

        Assert.Equal("True", await database.TextAsync(
            """
            SELECT n.failures = 0 AND n.certificate_id IS NOT NULL AND a.key_changed_at IS NOT NULL
            FROM certificates.names n, certificates.accounts a
            """));
        Assert.Equal((1, 1), (database.Authorities[0].Orders, database.Authorities[0].Certificates));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_key_change_whose_answer_is_lost_loses_no_account(bool isKilled)
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync("track.a.example.com");
        var dies = database.Start();
        await dies.LookAsync(Cancelled);
        await AskAsync(database, ChangeKey);
        if (isKilled)
        {
            using var death = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
            database.Authorities[0].Alter("key-change", answer =>
            {
                death.Cancel();
                return answer;
            });
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dies.CarryOutAsync(death.Token));
            database.Authorities[0].Alter("key-change", answer => answer);
            Assert.Equal("True", await database.TextAsync("SELECT new_sealed_key IS NOT NULL FROM certificates.accounts"));
        }
        else
        {
            database.Authorities[0].LoseAnswer("key-change");
            await dies.CarryOutAsync(Cancelled);
        }

        var other = database.Start();
        await database.ExecuteAsync("UPDATE certificates.requests SET leased_until = NULL");
        await other.CarryOutAsync(Cancelled);
        await database.AddAsync("track.b.example.com");
        await other.LookAsync(Cancelled);

        Assert.Equal("2", await database.TextAsync("SELECT count(*) FROM certificates.issued"));
        Assert.Equal("True", await database.TextAsync(
            """
            SELECT r.succeeded AND a.new_sealed_key IS NULL AND a.key_changed_at IS NOT NULL
            FROM certificates.requests r, certificates.accounts a
            """));
        Assert.Equal((1, 1), (database.Authorities[0].Accounts, database.Authorities[0].Count("key-change")));
    }

    [Fact]
    public async Task Two_processes_carry_a_request_out_once_and_one_that_died_is_taken_over()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        var (first, second) = (database.Start(), database.Start());
        await AskAsync(database, Register);
        await AskAsync(database, Register);

        Assert.Equal(2, (await Task.WhenAll(first.CarryOutAsync(Cancelled), second.CarryOutAsync(Cancelled))).Sum());

        await AskAsync(database, Register);
        await database.ExecuteAsync(
            "UPDATE certificates.requests SET leased_by = gen_random_uuid(), leased_until = now() + interval '1 h'");
        Assert.Equal(0, await first.CarryOutAsync(Cancelled));
        await database.ExecuteAsync("UPDATE certificates.requests SET leased_until = now() - interval '1 s'");
        Assert.Equal(1, await second.CarryOutAsync(Cancelled));
    }

    // The request is stored in the form of the API.
    private static Task AskAsync(
        IssuanceDatabase database, short kind, string? name = null, short reason = 0, bool isReplacedFirst = false) =>
        database.ExecuteAsync(
            """
            INSERT INTO certificates.requests (id, kind, hostname, cluster_id, certificate_id, reason,
                is_replaced_first, asked_at, due_at)
            SELECT gen_random_uuid(), $1, nullif($2, ''), CASE WHEN $2 <> '' THEN 1 END,
                (SELECT certificate_id FROM certificates.names WHERE hostname = $2), $3, $4, now(), now()
            """,
            kind, name ?? "", reason, isReplacedFirst);

    private static Task HurryAsync(IssuanceDatabase database) =>
        database.ExecuteAsync("UPDATE certificates.requests SET due_at = now() - interval '1 s'");

    // Whether the request succeeded, and its steps without the uninteresting ones.
    private static async Task<string> OutcomeAsync(IssuanceDatabase database, Func<string, bool>? shown = null)
    {
        var text = await database.TextAsync(
            """
            SELECT succeeded::text || ' ' || (SELECT string_agg(s->>'step', ' ' ORDER BY n)
                FROM jsonb_array_elements(steps) WITH ORDINALITY AS e (s, n))
            FROM certificates.requests
            """);
        var words = text.Split(' ');
        return string.Join(' ', words.Skip(1).Where(word => shown?.Invoke(word) ?? true)
            .Prepend(words[0] == "true" ? "True" : "False"));
    }
}
