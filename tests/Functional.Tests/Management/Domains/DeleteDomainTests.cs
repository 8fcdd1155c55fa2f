using System.Net;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Contracts;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Management.Domains;

[Collection(nameof(ManagementCollection))]
public sealed class DeleteDomainTests(ManagementHost host)
{
    [Fact]
    public async Task A_dry_run_says_how_many_links_die_and_when_they_were_clicked_and_changes_nothing()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync();
        var mail = new TrackedMail(host, domains.Cluster);
        var now = TimeProvider.System.GetUtcNow();
        var link = await mail.DestinationAsync("https://shop.example/");
        var first = await mail.MessageAsync("first", null, now.AddDays(-20), places: [new(0, 1, ""), new(0, 2, "")]);
        var second = await mail.MessageAsync("second", null, now.AddDays(-2), places: [new(0, 1, "")]);
        var elsewhere = await mail.MessageAsync("elsewhere", null, now, places: [new(0, 1, "")]);
        await host.ExecuteAsync(
            "UPDATE rewrite.messages SET host = $1 WHERE cluster_id = $2 AND message_key = ANY ($3)",
            name, mail.Cluster.Value, new[] { first.ToBytes(), second.ToBytes() });
        await mail.EventAsync(LinkKind.Click, now.AddDays(-19), first, link);
        await mail.EventAsync(LinkKind.Click, now.AddDays(-2), first, link);
        var last = now.AddDays(-1);
        await mail.EventAsync(LinkKind.Click, last, second, link);
        await mail.EventAsync(LinkKind.Open, now, second);
        await mail.EventAsync(LinkKind.Click, now, elsewhere, link);
        await mail.CountAsync();

        using var dry = await domains.DeleteAsync(name, "?dryRun=true");
        var risk = await Expect.OkAsync(dry);

        Assert.Equal(name, (string)risk["hostname"]!);
        Assert.False((bool)risk["deleted"]!);
        Assert.Equal(2, (int)risk["messages"]!);
        Assert.Equal(3, (int)risk["links"]!);
        Assert.Equal(2, (int)risk["clicksLastWeek"]!);
        Assert.Equal(last, (DateTimeOffset)risk["lastClickAt"]!, TimeSpan.FromMilliseconds(1));
        Assert.Equal("active", (string)(await domains.GetAsync(name))["status"]!);

        using var real = await domains.DeleteAsync(name);
        var deleted = await Expect.OkAsync(real);
        Assert.True((bool)deleted["deleted"]!);
        Assert.Equal(3, (int)deleted["links"]!);
    }

    [Fact]
    public async Task A_deleted_name_is_gone_at_once_and_its_target_stays_taken()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync();
        var target = (string)(await domains.GetAsync(name))["verification"]!["value"]!;
        using var response = await domains.DeleteAsync(name);
        await Expect.OkAsync(response);

        using var gone = await Expect.GetAsync(domains.Client, $"{domains.Path}/{name}");
        await Expect.ProblemAsync(gone, HttpStatusCode.NotFound, "not-found", name);
        using var again = await domains.DeleteAsync(name);
        await Expect.ProblemAsync(again, HttpStatusCode.NotFound, "not-found", name);
        Assert.Empty(await domains.NamesAsync());
        await Assert.ThrowsAsync<Npgsql.PostgresException>(() => host.ExecuteAsync(
            "INSERT INTO domains.tracking_domains (id, cluster_id, hostname, target) VALUES ($1, 1, 'a.b.com', $2)",
            Guid.NewGuid(), target));
        using var wrong = await domains.DeleteAsync(name, "?dryRun=perhaps");
        await Expect.ProblemAsync(wrong, HttpStatusCode.BadRequest, "invalid-value", "dryRun");
    }

    [Fact]
    public async Task Every_change_is_announced_with_the_name_that_it_concerns()
    {
        using var domains = await DomainClient.CreateAsync(host);
        Assert.True(ClusterId.TryParse(domains.Cluster, out var cluster));
        var heard = new System.Collections.Concurrent.ConcurrentQueue<DirectoryChanged>();
        var handle = host.Services.GetRequiredService<IBus>().ConnectReceiveEndpoint(
            $"heard-{Guid.NewGuid():N}",
            queue => queue.Handler<DirectoryChanged>(changed =>
            {
                if (changed.Message.Cluster == cluster.Value)
                {
                    heard.Enqueue(changed.Message);
                }

                return Task.CompletedTask;
            }));
        await handle.Ready;

        var name = (string)(await domains.AddAsync())["hostname"]!;
        (await domains.PatchAsync(name, """{"trackOpens":false}""")).Dispose();
        (await domains.DeleteAsync(name)).Dispose();

        await Eventually.HoldsAsync(
            () => heard.Count == 3, "all three are heard", TestContext.Current.CancellationToken);
        Assert.All(heard, change => Assert.Equal(name, change.Hostname));
        // The links stop only with the last deletion.
        Assert.Single(heard, change => change.IsDeleted);
        await handle.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_deleted_cluster_takes_its_names_with_it_so_that_another_may_verify_them()
    {
        using var domains = await DomainClient.CreateAsync(host);
        using var other = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync();
        (await domains.SetDefaultAsync(name)).Dispose();
        await other.AddAsync(name);

        using var deleted = await Expect.DeleteAsync(host.Admin, $"/api/v1/clusters/{domains.Cluster}");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);

        // A verifier can activate the name now. A unique index allows it for only one cluster at a time.
        await other.ActivateAsync(name);
        Assert.Equal("active", (string)(await other.GetAsync(name))["status"]!);
        using var late = await Expect.PostTextAsync(
            host.Admin, domains.Path, $$"""{"hostname":"{{DomainClient.NewName()}}"}""");
        await Expect.ProblemAsync(late, HttpStatusCode.NotFound, "not-found", domains.Cluster);
    }
}
