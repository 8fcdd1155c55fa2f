using System.Text;
using MimeKit;
using Npgsql;
using Tracking.Contracts;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.DomainVerifier;

/// <summary>Notices to a test mail server and to the bus.</summary>
public sealed class SendNoticesTests(TestPostgres server)
{
    private const string Host = "track.example.com";
    private const string Ann = "ann@example.com";
    private const string Bob = "bob@example.org";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_warning_reaches_every_address_of_the_cluster_once_and_the_bus()
    {
        using var smtp = new TestSmtp();
        await smtp.StartAsync(Cancelled);
        await using var database = await CreateAsync(smtp);
        var verifier = await database.StartAsync();
        var cluster = await database.AddClusterAsync(Ann, Bob);
        await database.ExecuteAsync("UPDATE management.clusters SET name = 'Käse'");
        var notice = await WarnAsync(database, verifier, cluster);

        await SendAllAsync(verifier);
        await SendAllAsync(verifier);

        Assert.Equal([Ann, Bob], smtp.Mails.Select(mail => Assert.Single(mail.Recipients)).Order());
        Assert.All(smtp.Mails, mail =>
        {
            var message = MimeMessage.Load(new MemoryStream(mail.Message), Cancelled);
            Assert.Equal($"{notice:N}@tracking.example.net", message.MessageId);
            Assert.Equal("noreply@tracking.example.net", mail.Sender);
            Assert.Contains("BODY=8BITMIME", mail.MailOptions);
            Assert.Equal("auto-generated", message.Headers[HeaderId.AutoSubmitted]);
            Assert.StartsWith(Host, message.Subject, StringComparison.Ordinal);
            Assert.Contains("v-", message.TextBody, StringComparison.Ordinal);
            Assert.Contains("<code>track</code>", message.HtmlBody, StringComparison.Ordinal);
        });
        await Eventually.HoldsAsync(
            () => database.Published.OfType<TrackingDomainWarned>().Any(), "the warning is published", Cancelled);
        var warned = Assert.Single(database.Published.OfType<TrackingDomainWarned>());
        Assert.Equal((notice, Host), (warned.Id, warned.Hostname));
        Assert.Single(database.Published.OfType<TrackingDomainVerified>());
    }

    [Fact]
    public async Task A_loss_and_the_way_back_are_mailed_and_published_as_the_warning_is()
    {
        using var smtp = new TestSmtp();
        await smtp.StartAsync(Cancelled);
        await using var database = await CreateAsync(smtp);
        var verifier = await database.StartAsync();
        var warning = await WarnAsync(database, verifier, await database.AddClusterAsync(Ann));
        await SendAllAsync(verifier);
        var (domain, target) = await FindAsync(database);

        await CheckNextAsync(database, verifier, domain);
        await SendAllAsync(verifier);
        database.Dns[Host] = target;
        await CheckNextAsync(database, verifier, domain);
        await SendAllAsync(verifier);

        Assert.Equal(DomainStatus.Active, (await database.ReadAsync(domain)).Status);
        var lost = await IdOfAsync(database, NoticeKind.Lost);
        var back = await IdOfAsync(database, NoticeKind.Recovered, isMailed: true);
        AssertMails(
            smtp,
            (warning, "DNS record wrong, links stop", "still work"),
            (lost, "links have stopped, DNS record wrong", "stopped working"),
            (back, "verified again, links work", "work again"));
        await Eventually.HoldsAsync(() => database.Published.Count >= 4, "all four are published", Cancelled);
        Assert.Equal(4, database.Published.Count);
        Assert.Equal(warning, Assert.Single(database.Published.OfType<TrackingDomainWarned>()).Id);
        Assert.Equal(2, database.Published.OfType<TrackingDomainVerified>().Count());
        var told = Assert.Single(database.Published.OfType<TrackingDomainLost>());
        Assert.Equal((lost, domain, Host, "record-gone"), (told.Id, told.Domain, told.Hostname, told.Reason));
        Assert.Contains("no-record", told.Diagnosis, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_of_a_warning_is_mailed_and_published()
    {
        using var smtp = new TestSmtp();
        await smtp.StartAsync(Cancelled);
        await using var database = await CreateAsync(smtp);
        var verifier = await database.StartAsync();
        var warning = await WarnAsync(database, verifier, await database.AddClusterAsync(Ann));
        await SendAllAsync(verifier);
        var (domain, target) = await FindAsync(database);

        database.Dns[Host] = target;
        await CheckNextAsync(database, verifier, domain);
        await SendAllAsync(verifier);

        var over = await IdOfAsync(database, NoticeKind.Recovered, isMailed: true);
        AssertMails(
            smtp,
            (warning, "DNS record wrong, links stop", "still work"),
            (over, "DNS record right again", "nothing to do"));
        await Eventually.HoldsAsync(() => database.Published.Count >= 3, "all three are published", Cancelled);
        Assert.Equal(2, database.Published.OfType<TrackingDomainVerified>().Count());
        Assert.Empty(database.Published.OfType<TrackingDomainLost>());
    }

    [Theory]
    [InlineData(true, false, "smtp")]
    [InlineData(false, true, "smtps")]
    [InlineData(false, false, "smtp")]
    public async Task A_user_logs_in_over_TLS_where_the_server_has_it(bool startTls, bool isTls, string scheme)
    {
        using var smtp = new TestSmtp(startTls, isTls, user: ("sender@x", "p:w/%ä"));
        await smtp.StartAsync(Cancelled);
        await using var database = await CreateAsync(smtp);
        database.Notices.Smtp = $"{scheme}://{Uri.EscapeDataString("sender@x")}:{Uri.EscapeDataString("p:w/%ä")}"
            + $"@127.0.0.1:{smtp.Port}";
        database.Notices.RootCertificates = startTls || isTls ? smtp.RootCertificate : null;
        var verifier = await database.StartAsync();
        await WarnAsync(database, verifier, await database.AddClusterAsync(Ann));

        await SendAllAsync(verifier);

        var mail = Assert.Single(smtp.Mails);
        Assert.Equal(("sender@x", startTls || isTls), (mail.User, mail.IsTls));
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_gets_neither_password_nor_mail()
    {
        using var smtp = new TestSmtp(startTls: true, user: ("sender", "secret"));
        await smtp.StartAsync(Cancelled);
        await using var database = await CreateAsync(smtp);
        database.Notices.Smtp = $"smtp://sender:secret@127.0.0.1:{smtp.Port}";
        var verifier = await database.StartAsync();
        await WarnAsync(database, verifier, await database.AddClusterAsync(Ann));

        await SendAllAsync(verifier);

        Assert.Empty(smtp.Mails);
        var error = (await database.ListAsync("SELECT last_error FROM domains.notices WHERE last_error IS NOT NULL"))
            .Single();
        Assert.DoesNotContain("secret", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_without_eight_bits_gets_the_same_words_in_seven()
    {
        using var smtp = new TestSmtp(isSevenBit: true);
        await smtp.StartAsync(Cancelled);
        await using var database = await CreateAsync(smtp);
        var verifier = await database.StartAsync();
        var cluster = await database.AddClusterAsync(Ann);
        await database.ExecuteAsync("UPDATE management.clusters SET name = 'Käse'");
        await WarnAsync(database, verifier, cluster);

        await SendAllAsync(verifier);

        var mail = Assert.Single(smtp.Mails);
        Assert.True(Ascii.IsValid(mail.Message));
        var message = MimeMessage.Load(new MemoryStream(mail.Message), Cancelled);
        Assert.Contains("Käse", message.TextBody, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mail_server_that_is_away_delays_and_loses_nothing()
    {
        using var smtp = new TestSmtp();
        await using var database = await CreateAsync(smtp);
        var verifier = await database.StartAsync();
        await WarnAsync(database, verifier, await database.AddClusterAsync(Ann));

        var pauses = new List<double>();
        for (var attempt = 0; attempt < 8; attempt++)
        {
            await SendAllAsync(verifier);
            var next = (await database.ScalarAsync<DateTime>(
                "SELECT next_attempt_at FROM domains.notices WHERE mailed_at IS NULL"));
            pauses.Add((next - database.Time.GetUtcNow().UtcDateTime).TotalMinutes);
            database.Time.MoveTo(next);
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60], pauses);
        await smtp.StartAsync(Cancelled);
        await SendAllAsync(verifier);
        Assert.Single(smtp.Mails);
        Assert.Equal(0L, await UnsentAsync(database));
        Assert.Equal(2, database.Published.Count);
    }

    [Fact]
    public async Task An_address_that_is_refused_is_not_tried_again_and_one_that_has_to_wait_is()
    {
        using var smtp = new TestSmtp();
        await smtp.StartAsync(Cancelled);
        await using var database = await CreateAsync(smtp);
        var verifier = await database.StartAsync();
        await WarnAsync(database, verifier, await database.AddClusterAsync(
            "gone@example.com", "later@example.com", "not an address", Ann));

        await SendAllAsync(verifier);
        Assert.Equal([Ann], smtp.Mails.SelectMany(mail => mail.Recipients));
        Assert.Equal(1L, await UnsentAsync(database));

        smtp.TakeLater();
        database.Time.Advance(database.Notices.FirstRetry);
        await SendAllAsync(verifier);
        Assert.Equal([Ann, "later@example.com"], smtp.Mails.SelectMany(mail => mail.Recipients));
        Assert.Equal(0L, await UnsentAsync(database));
    }

    [Fact]
    public async Task Mail_that_cannot_be_sent_for_days_is_given_up()
    {
        using var smtp = new TestSmtp();
        await using var database = await CreateAsync(smtp);
        var verifier = await database.StartAsync();
        await WarnAsync(database, verifier, await database.AddClusterAsync(Ann));
        database.Time.Advance(database.Notices.GiveUpAfter);

        await SendAllAsync(verifier);

        Assert.Equal(0L, await UnsentAsync(database));
        Assert.Single(await database.ListAsync("SELECT last_error FROM domains.notices WHERE last_error IS NOT NULL"));
    }

    [Fact]
    public async Task A_process_that_dies_between_two_recipients_is_followed_by_one_that_tells_the_second()
    {
        using var smtp = new TestSmtp();
        await smtp.StartAsync(Cancelled);
        await using var database = await CreateAsync(smtp);
        var (dead, alive) = (await database.StartAsync(), await database.StartAsync());
        await WarnAsync(database, dead, await database.AddClusterAsync(Ann, Bob));

        // The process dies after it has leased the notice and stored the first recipient.
        var taken = (await dead.ClaimNotices.RunAsync(10, Cancelled)).Single(notice => notice.WaitsForMail);
        Assert.True(await dead.ClaimNotices.KeepRecipientAsync(taken, Ann, Cancelled));
        await SendAllAsync(alive);
        Assert.Empty(smtp.Mails);

        database.Time.Advance(database.Notices.Lease);
        await SendAllAsync(alive);
        Assert.Equal([Bob], smtp.Mails.SelectMany(mail => mail.Recipients));

        // The first process was only slow. It may send nothing now.
        Assert.False(await dead.ClaimNotices.KeepRecipientAsync(taken, Bob, Cancelled));
        Assert.False(await dead.ClaimNotices.KeepPublishedAsync(taken, Cancelled));
    }

    [Fact]
    public async Task A_process_that_dies_before_it_notes_the_servers_yes_causes_one_copy_of_the_same_id_and_no_third()
    {
        using var smtp = new TestSmtp();
        await smtp.StartAsync(Cancelled);
        await using var database = await CreateAsync(smtp);
        var (dead, alive) = (await database.StartAsync(), await database.StartAsync());
        var notice = await WarnAsync(database, dead, await database.AddClusterAsync(Ann));

        // The note waits for this lock, so the process dies behind the server's 250 and before its row says so.
        await database.ExecuteAsync(
            """
            CREATE FUNCTION domains.wait_for_test() RETURNS trigger LANGUAGE plpgsql
                AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END';
            CREATE TRIGGER wait_for_test BEFORE UPDATE ON domains.notices FOR EACH ROW
                WHEN (NEW.mailed_to IS DISTINCT FROM OLD.mailed_to) EXECUTE FUNCTION domains.wait_for_test();
            """);
        await using (var connection = await database.DataSource.OpenConnectionAsync(Cancelled))
        await using (var holding = await connection.BeginTransactionAsync(Cancelled))
        {
            await using var hold = new NpgsqlCommand("SELECT pg_advisory_xact_lock(1)", connection);
            await hold.ExecuteNonQueryAsync(Cancelled);
            using var death = new CancellationTokenSource();
            var sending = dead.Notices.RunAsync(death.Token);
            await Eventually.HoldsAsync(
                async () => await database.ScalarAsync<bool>(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"),
                "the note waits",
                Cancelled);
            Assert.Single(smtp.Mails);
            await death.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        }

        Assert.Empty(await database.ListAsync("SELECT id::text FROM domains.notices WHERE mailed_to <> '{}'"));
        await SendAllAsync(alive);
        Assert.Single(smtp.Mails);

        database.Time.Advance(database.Notices.Lease);
        await SendAllAsync(alive);
        Assert.Equal(2, smtp.Mails.Count);
        Assert.All(smtp.Mails, mail =>
        {
            Assert.Equal([Ann], mail.Recipients);
            Assert.Equal(smtp.Mails[0].Message, mail.Message);
            Assert.Equal(
                $"{notice:N}@tracking.example.net",
                MimeMessage.Load(new MemoryStream(mail.Message), Cancelled).MessageId);
        });

        foreach (var later in new[]
            {
                database.Notices.Lease, database.Notices.LongestRetry, database.Notices.GiveUpAfter,
            })
        {
            database.Time.Advance(later);
            await SendAllAsync(dead);
            await SendAllAsync(alive);
        }

        Assert.Equal(2, smtp.Mails.Count);
        Assert.Equal(0L, await UnsentAsync(database));
    }

    [Fact]
    public async Task Two_verifiers_send_each_of_many_notices_once()
    {
        using var smtp = new TestSmtp();
        await smtp.StartAsync(Cancelled);
        await using var database = await CreateAsync(smtp);
        var verifiers = new[] { await database.StartAsync(), await database.StartAsync() };
        var cluster = await database.AddClusterAsync(Ann, Bob);
        for (var i = 0; i < 20; i++)
        {
            await database.AddDomainAsync(cluster, $"track{i}.example.com");
        }

        await verifiers[0].CheckDueAsync();
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET status = 1, next_check_at = created_at");
        await verifiers[0].CheckDueAsync();

        await Task.WhenAll(verifiers.Select(SendAllAsync));

        var mails = smtp.Mails.Select(mail => (
            To: Assert.Single(mail.Recipients),
            MimeMessage.Load(new MemoryStream(mail.Message), Cancelled).MessageId)).ToList();
        Assert.Equal(40, mails.Count);
        Assert.Equal(40, mails.Distinct().Count());
        await Eventually.HoldsAsync(() => database.Published.Count >= 20, "all are published", Cancelled);
        Assert.Equal(20, database.Published.Count);
    }

    [Fact]
    public async Task Without_a_mail_server_programs_are_told_and_nothing_waits()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        await WarnAsync(database, verifier, await database.AddClusterAsync(Ann));

        await SendAllAsync(verifier);

        Assert.Equal(0L, await UnsentAsync(database));
        await Eventually.HoldsAsync(() => database.Published.Count == 2, "both are published", Cancelled);
    }

    [Fact]
    public async Task Notices_that_everybody_has_are_deleted_after_a_month()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        await WarnAsync(database, verifier, await database.AddClusterAsync(Ann));
        database.Time.Advance(database.Notices.KeptFor + TimeSpan.FromHours(1));
        Assert.Equal(0, await verifier.ClaimNotices.DeleteOldAsync(Cancelled));

        await SendAllAsync(verifier);
        Assert.Equal(2, await verifier.ClaimNotices.DeleteOldAsync(Cancelled));
    }

    private async Task<VerifierDatabase> CreateAsync(TestSmtp smtp)
    {
        var database = await VerifierDatabase.CreateAsync(server);
        database.Notices.Smtp = $"smtp://127.0.0.1:{smtp.Port}";
        database.Notices.From = "Tracking <noreply@tracking.example.net>";
        return database;
    }

    // Returns the id of the warning.
    private static async Task<Guid> WarnAsync(VerifierDatabase database, OneVerifier verifier, ClusterId cluster)
    {
        var id = await database.AddActiveAsync(verifier, cluster, Host);
        database.Dns.Clear();
        database.Time.MoveTo((await database.ReadAsync(id)).NextCheckAt!.Value);
        await verifier.CheckDueAsync();
        return await database.ScalarAsync<Guid>("SELECT id FROM domains.notices WHERE kind = 0");
    }

    private static async Task<(Guid Domain, string Target)> FindAsync(VerifierDatabase database)
    {
        var domain = await database.ScalarAsync<Guid>("SELECT id FROM domains.tracking_domains");
        return (domain, VerifierDatabase.TargetOf(domain));
    }

    private static async Task CheckNextAsync(VerifierDatabase database, OneVerifier verifier, Guid domain)
    {
        database.Time.MoveTo((await database.ReadAsync(domain)).NextCheckAt!.Value);
        Assert.Equal(1, await verifier.CheckDueAsync());
    }

    // The notice of the first verification goes to the bus only.
    private static Task<Guid> IdOfAsync(VerifierDatabase database, NoticeKind kind, bool isMailed = false) =>
        database.ScalarAsync<Guid>(
            "SELECT id FROM domains.notices WHERE kind = $1 AND (NOT $2 OR mailed_to <> '{}')", (short)kind, isMailed);

    private static void AssertMails(TestSmtp smtp, params (Guid Notice, string Subject, string Text)[] wanted)
    {
        Assert.Equal(wanted.Length, smtp.Mails.Count);
        Assert.All(smtp.Mails.Zip(wanted), pair =>
        {
            var (mail, (notice, subject, text)) = pair;
            var message = MimeMessage.Load(new MemoryStream(mail.Message), Cancelled);
            Assert.Equal(Ann, Assert.Single(mail.Recipients));
            Assert.Equal($"{notice:N}@tracking.example.net", message.MessageId);
            Assert.StartsWith($"{Host}: {subject}", message.Subject, StringComparison.Ordinal);
            Assert.Contains(text, message.TextBody!.ReplaceLineEndings(" "), StringComparison.Ordinal);
            Assert.NotEmpty(message.HtmlBody!);
        });
    }

    private static async Task SendAllAsync(OneVerifier verifier)
    {
        while (await verifier.Notices.RunAsync(Cancelled))
        {
        }
    }

    private static Task<long> UnsentAsync(VerifierDatabase database) => database.ScalarAsync<long>(
        "SELECT count(*) FROM domains.notices WHERE mailed_at IS NULL OR published_at IS NULL");
}
