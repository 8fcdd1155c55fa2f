using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.EventIngest.Batches;
using Tracking.Functional.Tests.EventIngest;
using Tracking.Links;
using Tracking.Management.Withdrawals;
using Tracking.Servers;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class WithdrawalTests(ManagementHost host)
{
    private const string Anna = "Anna@example.com";

    private static readonly DateTimeOffset _noon = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Mail_already_sent_is_anonymised_and_the_receipt_says_what_was_and_what_had_left()
    {
        var (path, mail) = await MailAsync();
        var link = await mail.DestinationAsync("https://shop.example/a");
        var hers = await mail.MessageAsync("for-anna@example.com-1", "anna@example.com", _noon);
        var his = await mail.MessageAsync("for-ben", "ben@example.com", _noon);
        await host.ExecuteAsync(
            "UPDATE rewrite.messages SET sender = 'bounce+anna=example.com@shop.example' WHERE cluster_id = $1",
            mail.Cluster.Value);
        var click = await mail.EventAsync(LinkKind.Click, _noon, hers, link);
        await mail.EventAsync(LinkKind.Open, _noon, hers);
        await mail.EventAsync(LinkKind.Click, _noon, his, link);
        var webhook = await PostAsync(
            host.Admin, $"/api/v1/clusters/{mail.Cluster}/webhooks", new { url = "https://shop.example/hooks" });
        await host.ExecuteAsync(
            """
            INSERT INTO webhooks.deliveries (cluster_id, endpoint_id, id, event_type, occurred_at, status, attempts,
                next_attempt_at, finished_at)
            VALUES ($1, $2, $3, 1, now(), 1, 1, now(), now())
            """,
            mail.Cluster.Value, Guid.Parse((string)webhook["id"]!), click);
        using (var export = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/clusters/{mail.Cluster}/events"))
        {
            export.Headers.Accept.ParseAdd("text/csv");
            using var exported = await host.Admin.SendAsync(export, TestContext.Current.CancellationToken);
            Assert.True(exported.IsSuccessStatusCode);
        }

        var answer = await PostAsync(host.Admin, path, new { recipient = Anna });
        var (receipt, left) = (answer["receipt"]!, answer["receipt"]!["left"]!);
        Assert.Equal(
            """{"messages":1,"events":2,"rejectedEvents":0,"keptMails":0}""", receipt["anonymised"]!.ToJsonString());
        Assert.Equal((string)webhook["id"]!, (string)Assert.Single(left["webhooks"]!.AsArray())!["webhook"]!);
        Assert.Equal("text/csv", (string)Assert.Single(left["exports"]!.AsArray())!["format"]!);
        Assert.DoesNotContain("anna", answer.ToJsonString(), StringComparison.OrdinalIgnoreCase);

        var events = (await GetAsync(host.Admin, $"/api/v1/clusters/{mail.Cluster}/events"))["items"]!.AsArray();
        Assert.Equal(3, events.Count);
        Assert.All(
            events.Where(tracked => (string)tracked!["message"]! == hers.ToString()),
            tracked => Assert.True(
                tracked!["recipient"] is null && tracked["clientAddress"] is null && tracked["userAgent"] is null));
        Assert.NotNull(
            Assert.Single(events, tracked => (string)tracked!["message"]! == his.ToString())!["clientAddress"]);
        var message = await GetAsync(host.Admin, $"/api/v1/clusters/{mail.Cluster}/messages/{hers}");
        Assert.Equal("anonymous", (string)message["trackingLevel"]!);
        Assert.DoesNotContain("anna", message.ToJsonString(), StringComparison.OrdinalIgnoreCase);

        // A second withdrawal finds nothing to do.
        var again = await PostAsync(host.Admin, path, new { recipient = Anna });
        Assert.Equal(0, (int)again["receipt"]!["anonymised"]!["messages"]!);
    }

    [Fact]
    public async Task A_receipt_is_listed_verified_and_a_changed_one_is_not_ours()
    {
        var (path, mail) = await MailAsync();
        var made = await PostAsync(host.Admin, path, new { recipient = Anna });
        var listed = Assert.Single((await GetAsync(host.Admin, path))["items"]!.AsArray());
        Assert.Equal((string)made["signature"]!, (string)listed!["signature"]!);
        Assert.Equal((string)made["signed"]!, (string)(await GetAsync(host.Admin, $"{path}/{made["id"]}"))["signed"]!);
        Assert.True((bool)(await VerifyAsync((string)made["signed"]!, (string)made["signature"]!))["valid"]!);
        Assert.False((bool)(await VerifyAsync(
            ((string)made["signed"]!).Replace("\"events\":0", "\"events\":1", StringComparison.Ordinal),
            (string)made["signature"]!))["valid"]!);
        Assert.False((bool)(await VerifyAsync("{}", (string)made["signature"]!))["valid"]!);
        Assert.False((bool)(await VerifyAsync("nothing", "v1,"))["valid"]!);
        var log = await GetAsync(host.Admin, $"/api/v1/audit-log?cluster={mail.Cluster}&action=withdraw-consent");
        Assert.DoesNotContain("anna", log.ToJsonString(), StringComparison.OrdinalIgnoreCase);
        Assert.Single(log["items"]!.AsArray());

        Task<JsonObject> VerifyAsync(string signed, string signature) =>
            PostAsync(host.Admin, path + "/verify", new { signed, signature });
    }

    [Theory]
    [InlineData("""{}""", "recipient")]
    [InlineData("""{"recipient": "anna"}""", "recipient")]
    [InlineData("""{"recipient": "anna@"}""", "recipient")]
    [InlineData("""{"recipient": "anna@example.com", "why": 1}""", "why")]
    public async Task A_withdrawal_without_a_valid_address_is_refused(string json, string name)
    {
        var (path, _) = await MailAsync();
        using var response = await Expect.PostTextAsync(host.Admin, path, json);
        var problem = await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value");
        Assert.Equal(name, (string)problem["errors"]![0]!["name"]!);
    }

    [Fact]
    public async Task A_withdrawal_whose_process_died_is_finished_later()
    {
        var (path, mail) = await MailAsync();
        var hers = await mail.MessageAsync("one", "anna@example.com", _noon);
        await mail.EventAsync(LinkKind.Open, _noon, hers);
        var id = Guid.CreateVersion7();
        await host.ExecuteAsync(
            """
            WITH made AS (
                INSERT INTO rewrite.withdrawals (cluster_id, id, recipient_hash, withdrawn_at)
                VALUES ($1, $2, '', now() - interval '1 minute') RETURNING withdrawn_at
            )
            INSERT INTO rewrite.withdrawn_messages SELECT $1, $3, withdrawn_at FROM made
            """,
            mail.Cluster.Value, id, hers.ToBytes());
        var open = await GetAsync(host.Admin, $"{path}/{id}");
        Assert.Null(open["receipt"]);

        await host.Services.GetServices<Microsoft.Extensions.Hosting.IHostedService>()
            .OfType<FinishWithdrawals>().Single().RunAsync(TestContext.Current.CancellationToken);
        var done = await GetAsync(host.Admin, $"{path}/{id}");
        Assert.Equal(1, (int)done["receipt"]!["anonymised"]!["events"]!);
    }

    private async Task<(string Path, TrackedMail Mail)> MailAsync()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        return ($"/api/v1/clusters/{cluster}/withdrawals", new TrackedMail(host, cluster));
    }
}

/// <summary>Withdrawals while events are being stored.</summary>
public sealed class WithdrawalsUnderWayTests(TestPostgres server)
{
    [Fact]
    public async Task A_batch_that_read_its_policies_before_a_withdrawal_is_stored_under_it()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var message = new MessageKey(1, 1);
        await database.ExecuteAsync(
            """
            INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, recipient, host,
                link_count, opens_tracked, link_map)
            VALUES ($1, $2, '', '', '', 'anna@example.com', '', 0, false, '')
            """,
            database.Cluster.Value, message.ToBytes());

        // Blocks the batch after it has read its policies and before its transaction checks the withdrawals.
        await using var holder = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var hold = await holder.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var key = holder.CreateCommand())
        {
            key.CommandText =
                "INSERT INTO ingest.batches (edge_id, sequence, acknowledged_below, event_count) VALUES ($1, 1, 1, 1)";
            key.Parameters.Add(new() { Value = database.Edge });
            await key.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        var storing = database.StoreAsync(SomeEvents.Batch(
            database.Edge, 1, [database.Event() with { Message = message }, database.Event()]));
        await Eventually.HoldsAsync(
            async () => (long)(await database.ScalarAsync(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"))! > 0,
            "the batch waits for its key",
            TestContext.Current.CancellationToken);
        await database.ExecuteAsync(
            "INSERT INTO rewrite.withdrawals (cluster_id, id, recipient_hash, withdrawn_at) VALUES ($1, $2, '', now())",
            database.Cluster.Value, Guid.CreateVersion7());
        await database.ExecuteAsync(
            "UPDATE rewrite.messages SET tracking_level = $1, recipient = NULL", (short)TrackingLevel.Anonymous);
        await hold.RollbackAsync(TestContext.Current.CancellationToken);

        Assert.Equal(StoreOutcome.Stored, await storing);
        Assert.Equal(2, await database.CountEventsAsync());
        Assert.Equal(message.ToBytes(), await database.ScalarAsync(
            "SELECT message_key FROM ingest.events WHERE client_address IS NULL AND user_agent IS NULL"));
    }

    [Fact]
    public void The_hash_of_a_recipient_is_the_same_in_any_case_and_another_in_another_cluster_or_under_another_key()
    {
        using var key = new MasterKey(new byte[MasterKey.Size]);
        using var other = new MasterKey([.. Enumerable.Repeat((byte)1, MasterKey.Size)]);
        var recipients = new WithdrawnRecipient(key);
        var hash = recipients.Hash(new ClusterId(1), "anna@example.com");
        Assert.Equal(hash, recipients.Hash(new ClusterId(1), " <Anna@Example.COM> "));
        Assert.NotEqual(hash, recipients.Hash(new ClusterId(2), "anna@example.com"));
        Assert.NotEqual(hash, new WithdrawnRecipient(other).Hash(new ClusterId(1), "anna@example.com"));
    }
}
