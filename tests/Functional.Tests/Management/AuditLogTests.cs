using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Functional.Tests.Management.Domains;
using Tracking.Links;
using Tracking.Management.Audit;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class AuditLogTests(ManagementHost host)
{
    private const string Log = "/api/v1/audit-log";

    [Fact]
    public async Task Every_change_says_who_did_what_and_holds_no_secret()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var cluster = $"/api/v1/clusters/{domains.Cluster}";
        (await Expect.PatchAsync(host.Admin, cluster, """{"settings":{"trackClicks":true}}""")).Dispose();
        var key = await PostAsync(domains.Client, $"{cluster}/api-keys", new { name = "mta" });
        (await Expect.DeleteAsync(host.Admin, $"{cluster}/api-keys/{key["id"]}")).Dispose();
        var name = await domains.AddActiveAsync();
        (await domains.PatchAsync(name, """{"trackOpens":false}""")).Dispose();
        (await domains.SetDefaultAsync(name)).Dispose();
        (await Expect.DeleteAsync(domains.Client, $"{domains.Path}/{name}/default")).Dispose();
        (await domains.DeleteAsync(name)).Dispose();

        var log = await GetAsync(domains.Client, Log);

        var entries = log["items"]!.AsArray().Select(entry => entry!.AsObject()).ToList();
        Assert.Equal(
            [
                "create-cluster first", "create-api-key first", "change-cluster first", "create-api-key test",
                "revoke-api-key first", "create-tracking-domain test", "change-tracking-domain test",
                "set-default-tracking-domain test", "clear-default-tracking-domain test", "delete-tracking-domain test",
            ],
            entries.OrderBy(entry => (DateTimeOffset)entry["at"]!)
                .Select(entry => $"{entry["action"]} {entry["actor"]}"));
        Assert.All(entries, entry => Assert.Equal(domains.Cluster, (string)entry["cluster"]!));
        Assert.DoesNotContain((string)key["secret"]!, log.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain("hash", log.ToJsonString(), StringComparison.OrdinalIgnoreCase);

        var changed = entries.Single(entry => (string)entry["action"]! == "change-tracking-domain");
        Assert.Equal(name, (string)changed["subject"]!);
        Assert.True((bool)changed["before"]!["trackOpens"]!);
        Assert.False((bool)changed["after"]!["trackOpens"]!);
        var settings = entries.Single(entry => (string)entry["action"]! == "change-cluster");
        Assert.False((bool)settings["before"]!["settings"]!["trackClicks"]!);
        Assert.True((bool)settings["after"]!["settings"]!["trackClicks"]!);
        Assert.Equal(domains.Cluster, (string)settings["subject"]!);
    }

    [Fact]
    public async Task A_refused_request_leaves_no_audit_entry()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        var before = (await GetAsync(domains.Client, Log))["items"]!.AsArray().Count;

        (await Expect.PostTextAsync(domains.Client, domains.Path, $$"""{"hostname":"{{name}}"}""")).Dispose();
        (await domains.SetDefaultAsync(name)).Dispose();
        (await domains.PatchAsync(name, """{"https":"never"}""")).Dispose();
        (await domains.DeleteAsync(name, "?dryRun=true")).Dispose();

        Assert.Equal(before, (await GetAsync(domains.Client, Log))["items"]!.AsArray().Count);
    }

    [Fact]
    public async Task A_clusters_key_sees_its_own_entries_and_an_admin_all_of_them()
    {
        using var mine = await DomainClient.CreateAsync(host);
        using var theirs = await DomainClient.CreateAsync(host);
        var name = (string)(await theirs.AddAsync())["hostname"]!;

        Assert.DoesNotContain(name, (await GetAsync(mine.Client, Log)).ToJsonString(), StringComparison.Ordinal);
        Assert.Empty((await GetAsync(mine.Client, $"{Log}?subject={name}"))["items"]!.AsArray());
        using var other = await Expect.GetAsync(mine.Client, $"{Log}?cluster={theirs.Cluster}");
        await Expect.ProblemAsync(other, HttpStatusCode.NotFound, "not-found", theirs.Cluster);
        var of = $"{Log}?cluster={theirs.Cluster}";
        Assert.Single((await GetAsync(theirs.Client, $"{of}&subject={name}"))["items"]!.AsArray());
        Assert.Single((await GetAsync(host.Admin, $"{Log}?subject={name}"))["items"]!.AsArray());
        Assert.Single((await GetAsync(
            host.Admin, $"{of}&action=create-tracking-domain&from=2020-01-01"))["items"]!.AsArray());
        Assert.Empty((await GetAsync(host.Admin, $"{of}&to=2020-01-01"))["items"]!.AsArray());
        using var wrong = await Expect.GetAsync(host.Admin, $"{Log}?from=yesterday&colour=1&limit=0&after=x");
        var problem = await Expect.ProblemAsync(wrong, HttpStatusCode.BadRequest, "invalid-value");
        Assert.Equal(4, problem["errors"]!.AsArray().Count);
    }

    [Fact]
    public async Task Rotating_the_signing_key_is_an_entry_of_no_cluster()
    {
        var rotated = await PostAsync(host.Admin, "/api/v1/signing-keys", new { });

        var log = await GetAsync(host.Admin, $"{Log}?action=rotate-signing-keys&subject={rotated["version"]}");

        var entry = Assert.Single(log["items"]!.AsArray())!;
        Assert.Null(entry["cluster"]);
        Assert.Equal("first", (string)entry["actor"]!);
        Assert.NotNull(entry["apiKey"]);
    }

    [Fact]
    public async Task Pages_follow_each_other_without_gap_or_repetition()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        for (var n = 0; n < 6; n++)
        {
            (await domains.PatchAsync(name, """{"retired":true}""")).Dispose();
        }

        var seen = new List<string>();
        string? after = null;
        do
        {
            var page = await GetAsync(
                domains.Client, $"{Log}?subject={name}&limit=3" + (after is null ? "" : "&after=" + after));
            seen.AddRange(page["items"]!.AsArray().Select(entry => (string)entry!["id"]!));
            after = (string?)page["next"];
        }
        while (after is not null);

        Assert.Equal(7, seen.Count);
        Assert.Equal(7, seen.Distinct().Count());
    }

    [Fact]
    public async Task Entries_older_than_their_clusters_retention_are_deleted()
    {
        using var brief = await DomainClient.CreateAsync(host);
        using var usual = await DomainClient.CreateAsync(host);
        (await Expect.PatchAsync(
            host.Admin, $"/api/v1/clusters/{brief.Cluster}", """{"settings":{"retentionMonths":2}}""")).Dispose();
        foreach (var (cluster, days) in new[]
        {
            (brief.Cluster, 70), (brief.Cluster, 50), (usual.Cluster, 70), (usual.Cluster, 420),
        })
        {
            Assert.True(ClusterId.TryParse(cluster, out var id));
            await host.ExecuteAsync(
                """
                INSERT INTO management.audit_log (id, at, cluster_id, actor, action, subject)
                VALUES ($1, now() - make_interval(days => $2), $3, 'test', 'was-done', $4)
                """,
                Guid.CreateVersion7(), days, id.Value, $"{days}");
        }

        await host.Services.GetRequiredService<PruneAuditLog>().RunAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["50"], await OldAsync(brief.Cluster));
        Assert.Equal(["70"], await OldAsync(usual.Cluster));

        async Task<string[]> OldAsync(string cluster) =>
            [.. (await GetAsync(host.Admin, $"{Log}?cluster={cluster}&action=was-done"))["items"]!.AsArray()
                .Select(entry => (string)entry!["subject"]!)];
    }
}
