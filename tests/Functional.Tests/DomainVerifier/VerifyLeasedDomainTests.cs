using Tracking.Database.Entities;
using Tracking.Domains;
using Tracking.DomainVerifier.Verification;
using Tracking.Servers;

namespace Tracking.Functional.Tests.DomainVerifier;

public sealed class VerifyLeasedDomainTests(TestPostgres server)
{
    private const string Host = "track.example.com";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_pending_domain_whose_record_is_right_becomes_active_and_is_announced_by_name()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var cluster = await database.AddClusterAsync();
        var id = await database.AddDomainAsync(cluster, Host);
        database.Dns[Host] = VerifierDatabase.TargetOf(id);

        Assert.Equal(1, await verifier.CheckDueAsync());

        var domain = await database.ReadAsync(id);
        var now = database.Time.GetUtcNow();
        Assert.Equal(
            (DomainStatus.Active, now, now, now, false),
            (domain.Status, domain.StatusSince, domain.VerifiedAt, domain.LastCheckedAt, domain.IsDefault));
        Assert.InRange(domain.NextCheckAt!.Value - now, TimeSpan.FromHours(1), TimeSpan.FromHours(25));
        Assert.Null(domain.LeasedBy);
        Assert.Equal(DiagnosisOutcome.Verified, DomainDiagnosis.FromJson(domain.LastCheck!).Outcome);
        Assert.Equal(["0 0 1"], await database.ChecksAsync(id));
        Assert.Equal([$"{Host} 2"], await database.NoticesAsync());
        await Eventually.HoldsAsync(
            () => database.Announced.Any(change => change.Hostname == Host && change.Cluster == cluster.Value),
            "the change is announced", Cancelled);
    }

    [Fact]
    public async Task A_first_verification_is_told_to_programs_and_not_by_mail()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        await database.AddActiveAsync(await database.StartAsync(), await database.AddClusterAsync(), Host);

        Assert.True(await database.ScalarAsync<bool>(
            "SELECT mailed_at IS NOT NULL AND published_at IS NULL FROM domains.notices"));
    }

    [Fact]
    public async Task A_record_that_is_gone_warns_once_and_ends_a_day_later()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var cluster = await database.AddClusterAsync();
        var id = await database.AddActiveAsync(verifier, cluster, Host, wantsDefault: true);
        database.Dns.Clear();

        await MoveToNextAsync(database, id);
        await verifier.CheckDueAsync();
        var warned = await database.ReadAsync(id);
        Assert.Equal((DomainStatus.Active, 1, true), (warned.Status, warned.Strikes, warned.IsDefault));
        Assert.Equal(database.Time.GetUtcNow().AddDays(1), warned.NextCheckAt);
        Assert.Equal([$"{Host} 2", $"{Host} 0"], await database.NoticesAsync());
        Assert.Equal(warned.NextCheckAt, await LosesLinksAtAsync(database));

        await MoveToNextAsync(database, id);
        await verifier.CheckDueAsync();
        var lost = await database.ReadAsync(id);
        Assert.Equal(
            (DomainStatus.Pending, 0, false, database.Time.GetUtcNow()),
            (lost.Status, lost.Strikes, lost.IsDefault, lost.StatusSince));
        Assert.Equal([$"{Host} 2", $"{Host} 0", $"{Host} 1 record-gone"], await database.NoticesAsync());
        Assert.Equal(["0 0 1", "1 1 2", "1 1 3"], await database.ChecksAsync(id));

        // The domain is verified again. This time mail is sent, and the domain is not the default any more.
        database.Dns[Host] = VerifierDatabase.TargetOf(id);
        await MoveToNextAsync(database, id);
        await verifier.CheckDueAsync();
        var again = await database.ReadAsync(id);
        Assert.Equal((DomainStatus.Active, false), (again.Status, again.IsDefault));
        Assert.Equal($"{Host} 2", (await database.NoticesAsync())[^1]);
        Assert.Equal(3L, await database.ScalarAsync<long>(
            "SELECT count(*) FROM domains.notices WHERE mailed_at IS NULL"));
    }

    [Fact]
    public async Task A_check_by_hand_after_the_first_strike_takes_it_back_or_changes_nothing()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var id = await database.AddActiveAsync(verifier, await database.AddClusterAsync(), Host);
        database.Dns[Host] = "elsewhere.example.net";
        await MoveToNextAsync(database, id);
        await verifier.CheckDueAsync();
        var due = (await database.ReadAsync(id)).NextCheckAt;

        for (var hour = 0; hour < 5; hour++)
        {
            database.Time.Advance(TimeSpan.FromHours(1));
            await database.AskAsync(id);
            await verifier.CheckDueAsync();
            var domain = await database.ReadAsync(id);
            Assert.Equal((DomainStatus.Active, 1, due), (domain.Status, domain.Strikes, domain.NextCheckAt));
            Assert.Equal(domain.CheckRequestedAt, domain.LastCheckedAt);
        }

        database.Dns[Host] = VerifierDatabase.TargetOf(id);
        database.Time.Advance(TimeSpan.FromMinutes(1));
        await database.AskAsync(id);
        await verifier.CheckDueAsync();
        var well = await database.ReadAsync(id);
        Assert.Equal((DomainStatus.Active, 0, null), (well.Status, well.Strikes, well.StruckAt));
        Assert.Equal("2 0 4", (await database.ChecksAsync(id))[^1]);
        Assert.Equal([$"{Host} 2", $"{Host} 0", $"{Host} 2"], await database.NoticesAsync());
    }

    [Fact]
    public async Task Checks_without_evidence_cause_no_strike_and_are_repeated_at_growing_intervals()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var id = await database.AddActiveAsync(verifier, await database.AddClusterAsync(), Host);
        database.Dns[Host] = "";
        await MoveToNextAsync(database, id);

        var pauses = new List<double>();
        for (var check = 0; check < 8; check++)
        {
            await verifier.CheckDueAsync();
            var domain = await database.ReadAsync(id);
            Assert.Equal((DomainStatus.Active, 0), (domain.Status, domain.Strikes));
            pauses.Add((domain.NextCheckAt!.Value - database.Time.GetUtcNow()).TotalMinutes);
            await MoveToNextAsync(database, id);
        }

        Assert.Equal([5, 10, 20, 40, 80, 160, 240, 240], pauses);
        Assert.Equal([$"{Host} 2"], await database.NoticesAsync());

        // A check that proves something ends the series.
        database.Dns[Host] = VerifierDatabase.TargetOf(id);
        await verifier.CheckDueAsync();
        database.Dns[Host] = "";
        await MoveToNextAsync(database, id);
        await verifier.CheckDueAsync();
        Assert.Equal(database.Time.GetUtcNow().AddMinutes(5), (await database.ReadAsync(id)).NextCheckAt);
    }

    [Fact]
    public async Task A_pending_domain_stays_pending_and_is_asked_about_again_in_a_minute()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), Host);
        await verifier.CheckDueAsync();

        var domain = await database.ReadAsync(id);
        Assert.Equal(
            (DomainStatus.Pending, 1, database.Time.GetUtcNow().AddMinutes(1)),
            (domain.Status, domain.PendingChecks, domain.NextCheckAt));
        Assert.Empty(await database.NoticesAsync());
        Assert.Empty(database.Announced);
    }

    [Fact]
    public async Task The_history_keeps_the_newest_checks_and_spares_the_walks_of_those_that_say_nothing_new()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        database.Settings.KeptChecks = 3;
        var verifier = await database.StartAsync();
        var id = await database.AddActiveAsync(verifier, await database.AddClusterAsync(), Host);
        foreach (var target in new[] { VerifierDatabase.TargetOf(id), "", VerifierDatabase.TargetOf(id), "" })
        {
            database.Dns[Host] = target;
            await MoveToNextAsync(database, id);
            await verifier.CheckDueAsync();
        }

        Assert.Equal(["1 2 0", "1 0 0", "1 2 0"], await database.ChecksAsync(id));
        Assert.Equal(["1", "0", "1"], await database.ListAsync(
            "SELECT jsonb_array_length(diagnosis->'hops')::text FROM domains.checks ORDER BY at"));
    }

    [Fact]
    public async Task A_domain_deleted_while_it_is_checked_gets_nothing()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), Host);
        database.Dns[Host] = VerifierDatabase.TargetOf(id);
        database.WhileAsking = (_, _) => database.ExecuteAsync(
            "UPDATE domains.tracking_domains SET deleted_at = now() WHERE id = $1", id);
        var leased = Assert.Single(await verifier.Claim.RunAsync(10, Cancelled));

        Assert.Equal(StoreCheckOutcome.Dropped, (await verifier.Verify.RunAsync(leased, Cancelled)).Outcome);

        Assert.Equal(DomainStatus.Pending, (await database.ReadAsync(id)).Status);
        Assert.Empty(await database.ChecksAsync(id));
        Assert.Empty(await database.NoticesAsync());
    }

    [Fact]
    public async Task A_deletion_that_is_not_at_its_end_when_a_check_is_stored_wins()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), Host, wantsDefault: true);
        database.Dns[Host] = VerifierDatabase.TargetOf(id);
        var leased = Assert.Single(await verifier.Claim.RunAsync(10, Cancelled));
        await using var connection = await database.DataSource.OpenConnectionAsync(Cancelled);
        await using var transaction = await connection.BeginTransactionAsync(Cancelled);
        await using var delete = new Npgsql.NpgsqlCommand(
            "UPDATE domains.tracking_domains SET deleted_at = now(), wants_default = false", connection, transaction);
        await delete.ExecuteNonQueryAsync(Cancelled);

        var check = verifier.Verify.RunAsync(leased, Cancelled);
        await Eventually.HoldsAsync(
            () => database.ScalarAsync<bool>(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid)))",
                connection.ProcessID),
            "the check waits for the deletion", Cancelled);
        await transaction.CommitAsync(Cancelled);

        Assert.Equal(StoreCheckOutcome.Dropped, (await check).Outcome);
        Assert.Equal(DomainStatus.Pending, (await database.ReadAsync(id)).Status);
        Assert.Empty(await database.NoticesAsync());
    }

    [Fact]
    public async Task Domains_of_a_deleted_cluster_are_left_alone()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var cluster = await database.AddClusterAsync();
        var id = await database.AddDomainAsync(cluster, Host);
        await database.AskAsync(id);
        await database.ExecuteAsync("UPDATE management.clusters SET deleted_at = now()");

        Assert.Equal(0, await verifier.CheckDueAsync());
        Assert.Empty(database.Asked);
        Assert.Null((await database.ReadAsync(id)).NextCheckAt);
    }

    [Fact]
    public async Task A_parent_that_wants_https_for_all_names_below_it_ends_the_transition_and_is_named()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), "track.shop.example.com");
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET https = 1");
        database.Dns["track.shop.example.com"] = VerifierDatabase.TargetOf(id);
        database.TransportSecurity["shop.example.com"] = "max-age=31536000";
        await verifier.CheckDueAsync();
        Assert.Equal((short)1, await database.ScalarAsync<short>("SELECT https FROM domains.tracking_domains"));

        database.TransportSecurity["example.com"] = "max-age=31536000; includeSubDomains; preload";
        await MoveToNextAsync(database, id);
        await verifier.CheckDueAsync();

        Assert.Equal((short)0, await database.ScalarAsync<short>("SELECT https FROM domains.tracking_domains"));
        var finding = Assert.Single(DomainDiagnosis.FromJson((await database.ReadAsync(id)).LastCheck!).Findings);
        Assert.Equal(
            (FindingCode.HttpsForcedByParent, FindingSeverity.Warning), (finding.Code, finding.Severity));
        Assert.Contains("begin with http", finding.Text, StringComparison.Ordinal);
        Assert.Contains("https://example.com ", finding.Seen, StringComparison.Ordinal);
        Assert.Equal(
            ["track.shop.example.com 2", "track.shop.example.com 4"], await database.NoticesAsync());

        // Rewriters must not go on making http links.
        await Eventually.HoldsAsync(
            () => database.Announced.Count(change => change.Hostname == "track.shop.example.com") == 2,
            "the verification and the end of the transition are announced",
            TestContext.Current.CancellationToken);

        // Only one notice: from then on the name has only https links.
        await MoveToNextAsync(database, id);
        await verifier.CheckDueAsync();
        Assert.Equal(2, (await database.NoticesAsync()).Count);
    }

    [Fact]
    public async Task A_name_whose_visitors_are_refused_by_a_proxy_says_so_and_stays_verified()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        database.Visits[Host] = new DomainFinding
        {
            Code = FindingCode.TargetProxied,
            Severity = FindingSeverity.Error,
            Text = "1014",
            At = database.Time.GetUtcNow(),
        };
        database.TransportSecurity["example.com"] = "max-age=1; includeSubDomains";

        var id = await database.AddActiveAsync(verifier, await database.AddClusterAsync(), Host);

        Assert.Equal(
            [FindingCode.TargetProxied, FindingCode.HttpsForcedByParent],
            DomainDiagnosis.FromJson((await database.ReadAsync(id)).LastCheck!).Findings.Select(
                finding => finding.Code));
    }

    private static async Task MoveToNextAsync(VerifierDatabase database, Guid domain) =>
        database.Time.MoveTo((await database.ReadAsync(domain)).NextCheckAt!.Value);

    private static async Task<DateTimeOffset> LosesLinksAtAsync(VerifierDatabase database) =>
        DateTimeOffset.Parse(
            (await database.ListAsync("SELECT facts->>'losesLinksAt' FROM domains.notices WHERE kind = 0")).Single(),
            global::System.Globalization.CultureInfo.InvariantCulture);
}
