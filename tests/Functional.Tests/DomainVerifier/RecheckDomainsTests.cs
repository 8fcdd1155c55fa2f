using Microsoft.Extensions.DependencyInjection;
using Tracking.Database.Entities;
using Tracking.DomainVerifier;
using Tracking.DomainVerifier.Verification;
using Tracking.Servers;

namespace Tracking.Functional.Tests.DomainVerifier;

public sealed class RecheckDomainsTests(TestPostgres server)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_verifiers_check_each_of_many_names_once()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var cluster = await database.AddClusterAsync();
        await AddManyAsync(database, cluster, 400);
        database.Settings.ChecksAtOnce = 8;
        var verifiers = new[] { await database.StartAsync(), await database.StartAsync() };
        await Task.WhenAll(verifiers.Select(verifier => verifier.Recheck.StartAsync(Cancelled)));

        await Eventually.HoldsAsync(
            async () => await database.ScalarAsync<long>("SELECT count(*) FROM domains.checks") >= 400,
            "every name is checked", Cancelled);
        await Task.WhenAll(verifiers.Select(verifier => verifier.Recheck.StopAsync(Cancelled)));

        Assert.Equal(400, database.Asked.Count);
        Assert.Equal(400, database.Asked.Distinct().Count());
        Assert.Equal(400L, await database.ScalarAsync<long>("SELECT count(DISTINCT domain_id) FROM domains.checks"));
    }

    [Fact]
    public async Task A_name_that_somebody_waits_for_goes_before_all_that_are_due()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var cluster = await database.AddClusterAsync();
        await AddManyAsync(database, cluster, 50);
        var id = await database.AddDomainAsync(cluster, "asked.example.com");
        database.Time.Advance(TimeSpan.FromSeconds(1));
        await database.AskAsync(id);

        var first = Assert.Single(await verifier.Claim.RunAsync(1, Cancelled));
        Assert.Equal((id, CheckCause.Asked), (first.Id, first.Cause));
        Assert.Equal(CheckCause.Polled, Assert.Single(await verifier.Claim.RunAsync(1, Cancelled)).Cause);
    }

    [Fact]
    public async Task A_cluster_whose_servers_are_slow_leaves_places_for_others_however_often_it_asks()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        database.Settings.ChecksAtOnce = 6;
        database.Settings.ChecksAtOnceOfCluster = 4;
        var slow = await database.AddClusterAsync();
        await AddManyAsync(database, slow, 50);
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET check_requested_at = next_check_at");
        database.Time.Advance(TimeSpan.FromSeconds(1));
        var ids = new List<Guid>();
        foreach (var hostname in new[] { "one.example.com", "two.example.com", "three.example.com" })
        {
            ids.Add(await database.AddDomainAsync(await database.AddClusterAsync(), hostname));
        }

        var end = new TaskCompletionSource();
        var (underWay, most) = (0, 0);
        database.WhileAsking = async (host, _) =>
        {
            if (host.Value.StartsWith("track", StringComparison.Ordinal))
            {
                most = Math.Max(most, Interlocked.Increment(ref underWay));
                await end.Task;
                Interlocked.Decrement(ref underWay);
            }
        };
        var verifier = await database.StartAsync();
        await verifier.Recheck.StartAsync(Cancelled);

        await Eventually.HoldsAsync(
            async () => await database.ScalarAsync<long>("SELECT count(*) FROM domains.checks") == 3,
            "all others are checked", Cancelled);
        Assert.Equal(4, Volatile.Read(ref underWay));
        Assert.Equal(ids.Order(), (await database.ListAsync("SELECT domain_id::text FROM domains.checks"))
            .Select(Guid.Parse).Order());

        end.SetResult();
        await Eventually.HoldsAsync(
            async () => await database.ScalarAsync<long>("SELECT count(*) FROM domains.checks") == 53,
            "the slow ones are checked too", Cancelled);
        await verifier.Recheck.StopAsync(Cancelled);
        Assert.InRange(most, 1, 4);
    }

    [Fact]
    public async Task A_cluster_that_is_alone_has_its_share_used_all_the_time()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        (database.Settings.ChecksAtOnce, database.Settings.ChecksAtOnceOfCluster) = (4, 2);
        // Without a call the next reading would come in an hour.
        database.Settings.LookInterval = TimeSpan.FromMinutes(1);
        await AddManyAsync(database, await database.AddClusterAsync(), 100);
        var verifier = await database.StartAsync();
        await verifier.Recheck.StartAsync(Cancelled);

        await Eventually.HoldsAsync(
            async () => await database.ScalarAsync<long>("SELECT count(*) FROM domains.checks") == 100,
            "every name is checked", Cancelled);
        await verifier.Recheck.StopAsync(Cancelled);
    }

    [Fact]
    public async Task Many_thousand_due_names_of_one_cluster_do_not_hide_those_of_others()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        database.Settings.ChecksAtOnceOfCluster = 2;
        database.Settings.LookInterval = TimeSpan.FromMilliseconds(100);
        var (full, other) = (await database.AddClusterAsync(), await database.AddClusterAsync());
        await AddManyAsync(database, full, 50_000);
        await database.ExecuteAsync(
            "UPDATE domains.tracking_domains SET next_check_at = next_check_at - random() * interval '1 hour'");
        var id = await database.AddDomainAsync(other, "other.example.com");
        var verifier = await database.StartAsync();
        var inWork = new Dictionary<Tracking.Links.ClusterId, int>();

        var found = new List<LeasedDomain>();
        await Eventually.HoldsAsync(
            async () =>
            {
                foreach (var domain in (await verifier.Claim.RunAsync(10, inWork, Cancelled)).Taken)
                {
                    found.Add(domain);
                    inWork[domain.Cluster] = inWork.GetValueOrDefault(domain.Cluster) + 1;
                }

                return found.Exists(domain => domain.Id == id);
            },
            "the other's name is found", Cancelled);

        Assert.Equal(2, found.Count(domain => domain.Cluster == full));
        Assert.Equal(3, found.Count);
    }

    [Fact]
    public async Task A_check_asked_for_while_another_runs_is_made_after_it()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), "track.example.com");
        var leased = Assert.Single(await verifier.Claim.RunAsync(1, Cancelled));
        database.WhileAsking = async (_, _) =>
        {
            database.Time.Advance(TimeSpan.FromSeconds(3));
            await database.AskAsync(id);
            database.WhileAsking = (_, _) => Task.CompletedTask;
        };
        await verifier.Verify.RunAsync(leased, Cancelled);

        var domain = await database.ReadAsync(id);
        Assert.True(domain.LastCheckedAt < domain.CheckRequestedAt);
        Assert.Equal(1, await verifier.CheckDueAsync());
        domain = await database.ReadAsync(id);
        Assert.True(domain.LastCheckedAt >= domain.CheckRequestedAt);
        Assert.Equal(0, await verifier.CheckDueAsync());
    }

    [Fact]
    public async Task A_check_asked_for_by_a_clock_that_is_ahead_counts_as_made()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), "track.example.com");
        await database.ExecuteAsync(
            "UPDATE domains.tracking_domains SET check_requested_at = $1, next_check_at = $1",
            database.Time.GetUtcNow().AddSeconds(40).UtcDateTime);

        Assert.Equal(1, await verifier.CheckDueAsync());
        var domain = await database.ReadAsync(id);
        Assert.Equal(domain.CheckRequestedAt, domain.LastCheckedAt);
    }

    [Fact]
    public async Task Names_of_a_dead_process_are_checked_after_their_lease_and_not_before()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var (dead, alive) = (await database.StartAsync(), await database.StartAsync());
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), "track.example.com");
        database.Dns["track.example.com"] = VerifierDatabase.TargetOf(id);
        var abandoned = Assert.Single(await dead.Claim.RunAsync(10, Cancelled));
        Assert.Equal(id, abandoned.Id);

        Assert.Equal(0, await alive.CheckDueAsync());
        database.Time.Advance(database.Settings.Lease);
        Assert.Equal(1, await alive.CheckDueAsync());
        Assert.Equal(DomainStatus.Active, (await database.ReadAsync(id)).Status);

        // The first process was only slow. Its result is dropped.
        database.Dns.Clear();
        Assert.Equal(StoreCheckOutcome.Dropped, (await dead.Verify.RunAsync(abandoned, Cancelled)).Outcome);
        Assert.Equal(["0 0 1"], await database.ChecksAsync(id));
    }

    [Fact]
    public async Task A_process_that_dies_between_question_and_answer_leaves_no_trace()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var id = await database.AddActiveAsync(verifier, await database.AddClusterAsync(), "track.example.com");
        database.Dns.Clear();
        database.Time.MoveTo((await database.ReadAsync(id)).NextCheckAt!.Value);
        var leased = Assert.Single(await verifier.Claim.RunAsync(1, Cancelled));
        database.WhileAsking = (_, _) => throw new CrashException();
        await Assert.ThrowsAsync<CrashException>(() => verifier.Verify.RunAsync(leased, Cancelled));

        Assert.Equal(["0 0 1"], await database.ChecksAsync(id));
        Assert.Equal(0, (await database.ReadAsync(id)).Strikes);
        database.WhileAsking = (_, _) => Task.CompletedTask;
        database.Time.Advance(database.Settings.Lease);
        Assert.Equal(1, await verifier.CheckDueAsync());
        Assert.Equal(1, (await database.ReadAsync(id)).Strikes);
    }

    [Fact]
    public async Task A_connection_killed_in_the_middle_of_storing_leaves_all_of_it_or_nothing()
    {
        const long MostKills = 40;
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var cluster = await database.AddClusterAsync();
        await AddManyAsync(database, cluster, 300);
        database.Settings.ChecksAtOnce = 8;
        database.Settings.LookInterval = TimeSpan.FromMilliseconds(20);
        database.Settings.Lease = TimeSpan.FromSeconds(5);
        using var stop = new CancellationTokenSource();
        var kills = 0L;
        var killing = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                // The number of kills is limited and the clock is slow, so that most transactions end within their
                // lease even on a busy machine.
                kills += kills == MostKills ? 0 : await database.ScalarAsync<long>(
                    """
                    SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
                        WHERE datname = current_database() AND usename = 'tracking_verifier_login'
                            AND xact_start IS NOT NULL LIMIT 1) one
                    """);
                database.Time.Advance(TimeSpan.FromMilliseconds(100));
                await Task.Delay(5, CancellationToken.None);
            }
        }, CancellationToken.None);
        await verifier.Recheck.StartAsync(Cancelled);
        await Eventually.HoldsAsync(
            async () => await database.ScalarAsync<long>(
                "SELECT count(DISTINCT domain_id) FROM domains.checks") == 300,
            "every name is checked", Cancelled);
        await stop.CancelAsync();
        await killing;
        await verifier.Recheck.StopAsync(Cancelled);

        Assert.NotEqual(0, kills);
        Assert.Equal(0L, await database.ScalarAsync<long>(
            """
            SELECT count(*) FROM domains.tracking_domains d
            WHERE pending_checks <> (SELECT count(*) FROM domains.checks c WHERE c.domain_id = d.id)
            """));
    }

    [Fact]
    public async Task A_stop_gives_back_what_it_has_in_work()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), "track.example.com");
        var asking = new TaskCompletionSource();
        database.WhileAsking = (_, cancellation) =>
        {
            asking.TrySetResult();
            return Task.Delay(Timeout.Infinite, cancellation);
        };
        await verifier.Recheck.StartAsync(Cancelled);
        await asking.Task.WaitAsync(Eventually.Deadline, Cancelled);
        Assert.NotNull((await database.ReadAsync(id)).LeasedBy);

        await verifier.Recheck.StopAsync(Cancelled);

        var domain = await database.ReadAsync(id);
        Assert.Equal((null, null, null), (domain.LeasedBy, domain.LeasedUntil, domain.LastCheckedAt));
    }

    [Fact]
    public async Task A_fault_in_one_check_puts_it_off_and_the_others_go_on()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var cluster = await database.AddClusterAsync();
        var bad = await database.AddDomainAsync(cluster, "bad.example.com");
        await database.AskAsync(bad);
        await AddManyAsync(database, cluster, 20);
        database.Settings.ChecksAtOnce = 1;
        database.WhileAsking = (host, _) => host.Value == "bad.example.com"
            ? throw new InvalidOperationException("a fault")
            : Task.CompletedTask;

        await verifier.Recheck.StartAsync(Cancelled);
        await Eventually.HoldsAsync(
            async () => await database.ScalarAsync<long>("SELECT count(*) FROM domains.checks") == 20,
            "the others are checked", Cancelled);
        await verifier.Recheck.StopAsync(Cancelled);

        Assert.Single(database.Asked, asked => asked.Host == "bad.example.com");
        Assert.Equal(
            database.Time.GetUtcNow() + database.Settings.FirstRetry, (await database.ReadAsync(bad)).LeasedUntil);
    }

    [Fact]
    public async Task A_call_ends_the_pause_at_once()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        database.Settings.LookInterval = TimeSpan.FromMinutes(1);
        var verifier = await database.StartAsync();
        await verifier.Recheck.StartAsync(Cancelled);
        await database.AddDomainAsync(await database.AddClusterAsync(), "track.example.com");

        await Eventually.HoldsAsync(
            () =>
            {
                verifier.Services.GetRequiredService<DomainsWaiting>().Call();
                return database.Asked.Count == 1;
            },
            "the name is checked long before the minute is over", Cancelled, TimeSpan.FromSeconds(30));
        await verifier.Recheck.StopAsync(Cancelled);
    }

    private static Task AddManyAsync(VerifierDatabase database, Tracking.Links.ClusterId cluster, int count) =>
        database.ExecuteAsync(
            """
            INSERT INTO domains.tracking_domains (id, cluster_id, hostname, target, next_check_at, status_since)
            SELECT gen_random_uuid(), $1, 'track' || n || '.example.com', 'v-' || n || '.track.test.net', $3, $3
            FROM generate_series(1, $2) n
            """,
            cluster.Value, count, database.Time.GetUtcNow().UtcDateTime);

    private sealed class CrashException : Exception;
}
