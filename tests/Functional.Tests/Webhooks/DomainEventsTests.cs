using System.Text.Json.Nodes;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Webhooks;

/// <summary>Notices about tracking domains and certificates become webhooks, each exactly once.</summary>
public sealed class DomainEventsTests(TestPostgres server)
{
    [Fact]
    public async Task A_notice_is_delivered_once_to_those_who_want_it()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        await lab.AddEndpointAsync(receiver.Url, eventTypes: "tracking_domain.*");
        await lab.AddEndpointAsync(new Uri(receiver.Url, "/other"), eventTypes: "message.*");
        var lost = await NoticeAsync(
            lab, 1, """{"domain":"019aab3c-0000-7000-8000-000000000001","reason":"record-gone"}""");
        await NoticeAsync(lab, 3, """{"domain":"019aab3c-0000-7000-8000-000000000001","error":"no route"}""");
        // The notice has a kind that this version does not know.
        await NoticeAsync(lab, 99, "{}");

        await lab.DomainEvents.RunAsync(TestContext.Current.CancellationToken);
        await lab.DomainEvents.RunAsync(TestContext.Current.CancellationToken);
        await lab.AfterAsync(TimeSpan.FromSeconds(1));

        var received = Assert.Single(receiver.All);
        Assert.Equal(lost.ToString(), received.Id);
        Assert.Equal("/hooks", received.Path);
        var told = JsonNode.Parse(received.Body)!;
        Assert.Equal("tracking_domain.lost", (string)told["type"]!);
        Assert.Equal("track.shop.example", (string)told["data"]!["hostname"]!);
        Assert.Equal("record-gone", (string)told["data"]!["reason"]!);
        Assert.Equal(
            0L, await lab.Database.ScalarAsync("SELECT count(*) FROM domains.notices WHERE webhooks_at IS NULL"));
    }

    [Fact]
    public async Task A_new_certificate_is_told_its_cluster_and_one_of_the_operators_own_nobody()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        await lab.AddEndpointAsync(receiver.Url);
        var mine = await IssuedAsync(lab, lab.Database.Cluster.Value);
        await IssuedAsync(lab, DBNull.Value);

        await lab.DomainEvents.RunAsync(TestContext.Current.CancellationToken);
        await lab.AfterAsync(TimeSpan.FromSeconds(1));

        var received = Assert.Single(receiver.All);
        Assert.Equal(mine.ToString(), received.Id);
        Assert.Equal("certificate.issued", (string)JsonNode.Parse(received.Body)!["type"]!);
    }

    private static async Task<Guid> NoticeAsync(WebhookLab lab, int kind, string facts)
    {
        var id = Guid.CreateVersion7();
        await lab.Database.ExecuteAsync(
            """
            INSERT INTO domains.notices (id, cluster_id, hostname, kind, at, facts, next_attempt_at)
            VALUES ($1, $2, 'track.shop.example', $3, now(), $4::jsonb, now())
            """,
            id, lab.Database.Cluster.Value, kind, facts);
        return id;
    }

    private static async Task<Guid> IssuedAsync(WebhookLab lab, object cluster)
    {
        var id = Guid.CreateVersion7();
        await lab.Database.ExecuteAsync(
            """
            INSERT INTO certificates.issued (id, hostname, cluster_id, directory, not_before, not_after, chain, sealed_key,
                stored_at, is_renewal)
            VALUES ($1, 'track.shop.example', $2::integer, 'https://ca.example/', now(), now() + interval '45 days', '', '',
                now(), false)
            """,
            id, cluster);
        return id;
    }
}
