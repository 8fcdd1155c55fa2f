using Tracking.Database.Entities;
using Tracking.Domains;
using Tracking.DomainVerifier.Verification;
using Tracking.Servers;

namespace Tracking.Functional.Tests.DomainVerifier;

/// <summary>One name in several clusters, and which of a cluster's names is its default.</summary>
public sealed class TakeOverTests(TestPostgres server)
{
    private const string Host = "track.example.com";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_name_that_another_cluster_verifies_is_taken_from_the_first_in_the_same_moment()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var (mine, theirs) = (await database.AddClusterAsync(), await database.AddClusterAsync());
        var first = await database.AddActiveAsync(verifier, mine, Host, wantsDefault: true);
        database.Time.Advance(TimeSpan.FromMinutes(10));
        var second = await database.AddDomainAsync(theirs, Host);
        database.Dns[Host] = VerifierDatabase.TargetOf(second);

        await verifier.CheckDueAsync();

        var (lost, won) = (await database.ReadAsync(first), await database.ReadAsync(second));
        Assert.Equal((DomainStatus.Pending, false, false), (lost.Status, lost.IsDefault, lost.WantsDefault));
        Assert.Equal(DomainStatus.Active, won.Status);
        Assert.Equal(database.Time.GetUtcNow().AddMinutes(1), lost.NextCheckAt);
        Assert.Equal("3 1 3", (await database.ChecksAsync(first))[^1]);
        Assert.Equal(
            [$"{mine} {Host} 1 taken-over", $"{mine} {Host} 2 ", $"{theirs} {Host} 2 "],
            (await database.ListAsync(
                "SELECT cluster_id || ' ' || hostname || ' ' || kind || ' ' || coalesce(facts->>'reason', '') "
                + "FROM domains.notices")).Select(text => Named(text, mine, theirs)).Order(StringComparer.Ordinal)
                .OrderBy(text => text.StartsWith(theirs.ToString(), StringComparison.Ordinal)));

        // The notice has the diagnosis for the cluster's own target, and does not name the other cluster.
        var facts = (await database.ListAsync("SELECT facts::text FROM domains.notices WHERE kind = 1")).Single();
        Assert.Contains(VerifierDatabase.TargetOf(first), facts, StringComparison.Ordinal);
        Assert.DoesNotContain(second.ToString(), facts, StringComparison.Ordinal);
        Assert.DoesNotContain(theirs.ToString(), facts, StringComparison.Ordinal);
        Assert.Equal(VerifierDatabase.TargetOf(first), DomainDiagnosis.FromJson(lost.LastCheck!).Target?.Value);
        await Eventually.HoldsAsync(
            () => database.Announced.Count(change => change.Hostname == Host) == 3,
            "the loss is announced to the first cluster's edges too", Cancelled);
    }

    [Fact]
    public async Task A_name_whose_servers_say_both_is_taken_from_nobody()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var first = await database.AddActiveAsync(verifier, await database.AddClusterAsync(), Host);
        var second = await database.AddDomainAsync(await database.AddClusterAsync(), Host);
        database.Dns[Host] = VerifierDatabase.TargetOf(second);
        database.WhileAsking = (_, _) =>
        {
            // The record changes back after the second cluster's target was seen.
            database.Dns[Host] = VerifierDatabase.TargetOf(first);
            return Task.CompletedTask;
        };

        await verifier.CheckDueAsync();

        Assert.Equal(DomainStatus.Active, (await database.ReadAsync(first)).Status);
        var tried = await database.ReadAsync(second);
        Assert.Equal((DomainStatus.Pending, null), (tried.Status, tried.VerifiedAt));
        Assert.Equal(["0 2 0"], await database.ChecksAsync(second));
    }

    [Fact]
    public async Task The_result_of_a_check_is_dropped_when_the_name_was_taken_over_meanwhile()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var (one, other) = (await database.StartAsync(), await database.StartAsync());
        var first = await database.AddActiveAsync(one, await database.AddClusterAsync(), Host);
        await database.AskAsync(first);
        database.Time.Advance(TimeSpan.FromSeconds(1));
        await database.AskAsync(first);
        var slow = Assert.Single(await one.Claim.RunAsync(1, Cancelled));

        var second = await database.AddDomainAsync(await database.AddClusterAsync(), Host);
        var looked = new TaskCompletionSource();
        var goOn = new TaskCompletionSource();
        database.WhileAsking = async (_, _) =>
        {
            looked.TrySetResult();
            await goOn.Task;
        };
        var checking = one.Verify.RunAsync(slow, Cancelled);
        await looked.Task;
        database.WhileAsking = (_, _) => Task.CompletedTask;
        database.Dns[Host] = VerifierDatabase.TargetOf(second);
        await other.CheckDueAsync();
        goOn.SetResult();

        Assert.Equal(StoreCheckOutcome.Dropped, (await checking).Outcome);
        Assert.Equal(DomainStatus.Pending, (await database.ReadAsync(first)).Status);
        Assert.Equal(DomainStatus.Active, (await database.ReadAsync(second)).Status);
    }

    [Fact]
    public async Task Two_clusters_that_verify_one_name_at_the_same_moment_end_with_one_of_them_active()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var (one, other) = (await database.StartAsync(), await database.StartAsync());
        for (var round = 0; round < 10; round++)
        {
            // DNS verifies both targets, which may happen while a record changes. The database decides.
            var host = $"track{round}.example.com";
            database.Dns[host] = "*";
            await database.AddDomainAsync(await database.AddClusterAsync(), host);
            await database.AddDomainAsync(await database.AddClusterAsync(), host);
            var leases = await one.Claim.RunAsync(2, Cancelled);
            Assert.Equal(2, leases.Count);

            var outcomes = await Task.WhenAll(
                one.Verify.RunAsync(leases[0], Cancelled), other.Verify.RunAsync(leases[1], Cancelled));

            Assert.Equal(1L, await database.ScalarAsync<long>(
                "SELECT count(*) FROM domains.tracking_domains WHERE hostname = $1 AND status = 1", host));
            Assert.DoesNotContain(outcomes, outcome => outcome.Outcome == StoreCheckOutcome.Conflict);
        }
    }

    [Fact]
    public async Task A_domain_added_as_the_default_becomes_it_when_it_verifies_and_the_former_one_is_no_longer()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var cluster = await database.AddClusterAsync();
        var former = await database.AddActiveAsync(verifier, cluster, "links.example.com", wantsDefault: true);
        Assert.True((await database.ReadAsync(former)).IsDefault);

        var plain = await database.AddActiveAsync(verifier, cluster, "plain.example.com");
        Assert.False((await database.ReadAsync(plain)).IsDefault);
        Assert.True((await database.ReadAsync(former)).IsDefault);

        var next = await database.AddActiveAsync(verifier, cluster, Host, wantsDefault: true);
        Assert.False((await database.ReadAsync(former)).IsDefault);
        var now = await database.ReadAsync(next);
        Assert.Equal((true, false), (now.IsDefault, now.WantsDefault));
    }

    [Fact]
    public async Task A_retired_domain_does_not_become_the_default()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var cluster = await database.AddClusterAsync();
        var id = await database.AddDomainAsync(cluster, Host, wantsDefault: true);
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET is_retired = true");
        database.Dns[Host] = VerifierDatabase.TargetOf(id);
        await verifier.CheckDueAsync();

        var domain = await database.ReadAsync(id);
        Assert.Equal((DomainStatus.Active, false), (domain.Status, domain.IsDefault));
    }

    private static string Named(string text, params Tracking.Links.ClusterId[] clusters) => clusters.Aggregate(
        text,
        (named, cluster) => named.StartsWith($"{cluster.Value} ", StringComparison.Ordinal)
            ? $"{cluster} {named[(named.IndexOf(' ', StringComparison.Ordinal) + 1)..]}"
            : named);
}
