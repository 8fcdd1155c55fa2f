using System.Text;
using System.Text.Json.Nodes;
using Tracking.EventIngest.Webhooks;
using Tracking.Servers;
using Tracking.Webhooks;

namespace Tracking.Functional.Tests.Webhooks;

public sealed class DeliverWebhookTests(TestPostgres server)
{
    [Fact]
    public async Task A_click_arrives_signed_under_the_events_id()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        var (_, secret) = await lab.AddEndpointAsync(receiver.Url);
        var id = Assert.Single(await lab.StoreAsync(1));

        await lab.WorkAsync();

        var received = Assert.Single(receiver.All);
        Assert.Equal(id.ToString(), received.Id);
        Assert.Equal("/hooks", received.Path);
        Assert.Equal(
            SignWebhook.Run(received.Id, received.Timestamp, Encoding.UTF8.GetBytes(received.Body), [secret]),
            received.Signature);
        var told = JsonNode.Parse(received.Body)!;
        Assert.Equal("message.clicked", (string)told["type"]!);
        Assert.Equal(id.ToString(), (string)told["data"]!["id"]!);
        Assert.Equal(lab.Database.Cluster.ToString(), (string)told["data"]!["cluster"]!);
        Assert.Equal("192.0.2.77", (string)told["data"]!["clientAddress"]!);
        Assert.Equal((short)1, await lab.DeliveryAsync("status"));
        Assert.Equal((short)200, await lab.AttemptAsync("http_status"));
    }

    [Fact]
    public async Task The_signature_is_what_Python_reckons_with_its_own_library()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        var (_, secret) = await lab.AddEndpointAsync(receiver.Url);
        await lab.StoreAsync(1);
        await lab.WorkAsync();
        var received = Assert.Single(receiver.All);

        const string Reckon =
            """
            import base64, hashlib, hmac, json, sys
            r = json.load(sys.stdin)
            signed = f"{r['id']}.{r['timestamp']}.{r['body']}".encode()
            key = base64.b64decode(r["secret"].removeprefix("whsec_"))
            print("v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode())
            """;
        var start = new System.Diagnostics.ProcessStartInfo("/usr/bin/python3", ["-c", Reckon])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using var python = System.Diagnostics.Process.Start(start)!;
        await python.StandardInput.WriteAsync(new JsonObject
        {
            ["id"] = received.Id,
            ["timestamp"] = received.Timestamp,
            ["body"] = received.Body,
            ["secret"] = WebhookSecret.Write(secret),
        }.ToJsonString());
        python.StandardInput.Close();
        Assert.Equal(
            received.Signature,
            (await python.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Trim());
    }

    [Fact]
    public async Task Attempts_follow_the_schedule_and_end_with_the_tenth()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.AnswerWith(500);
        await lab.AddEndpointAsync(receiver.Url);
        var id = Assert.Single(await lab.StoreAsync(1));
        await lab.WorkAsync();

        for (var attempt = 1; attempt < RetrySchedule.Attempts; attempt++)
        {
            Assert.Equal(attempt, receiver.All.Count);
            await lab.AfterAsync(RetrySchedule.Pauses[attempt - 1] - TimeSpan.FromMilliseconds(1));
            Assert.Equal(attempt, receiver.All.Count);
            await lab.AfterAsync(TimeSpan.FromMilliseconds(1));
        }

        Assert.Equal(RetrySchedule.Attempts, receiver.All.Count);
        Assert.Equal((short)2, await lab.DeliveryAsync("status"));
        await lab.AfterAsync(TimeSpan.FromDays(1));
        Assert.Equal(RetrySchedule.Attempts, receiver.All.Count);
        Assert.All(receiver.Ids, received => Assert.Equal(id.ToString(), received));
        Assert.Equal(RetrySchedule.Attempts, receiver.All.Select(received => received.Timestamp).Distinct().Count());
        Assert.Equal("The receiver answered 500.", await lab.AttemptAsync("error"));
        Assert.Equal("This is 500.", await lab.AttemptAsync("answer"));
    }

    [Fact]
    public async Task An_answer_410_disables_the_endpoint_at_once_and_is_written_down()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.AnswerWith(410);
        lab.Settings.RequestsPerEndpoint = 1;
        await lab.AddEndpointAsync(receiver.Url);
        await lab.StoreAsync(3);
        await lab.WorkAsync();

        Assert.Single(receiver.All);
        Assert.Equal((short)DisabledReason.Gone, await lab.EndpointAsync("disabled_reason"));
        Assert.Equal(
            """{"reason": "gone"}""",
            await lab.Database.ScalarAsync(
                "SELECT after::text FROM management.audit_log WHERE action = 'disable-webhook' AND cluster_id = $1",
                lab.Database.Cluster.Value));
        await lab.Database.Endpoints.RefreshAsync(TestContext.Current.CancellationToken);
        await lab.StoreAsync(1);
        Assert.Equal(3L, await lab.Database.CountAsync("webhooks.deliveries"));
        await lab.AfterAsync(TimeSpan.FromDays(1));
        Assert.Single(receiver.All);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(503)]
    public async Task Retry_After_is_obeyed_for_everything_that_waits_for_the_endpoint(int status)
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        lab.Settings.RequestsPerEndpoint = 1;
        await lab.AddEndpointAsync(receiver.Url);
        receiver.AnswerWith(status, "Retry-After", "7200");
        await lab.StoreAsync(5);
        await lab.WorkAsync();
        Assert.Single(receiver.All);

        receiver.AnswerWith(200);
        await lab.AfterAsync(TimeSpan.FromSeconds(7199));
        Assert.Single(receiver.All);
        await lab.AfterAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(6, receiver.All.Count);
        Assert.Equal(5, receiver.Ids.Distinct().Count());
    }

    [Theory]
    [InlineData(301)]
    [InlineData(307)]
    public async Task A_redirect_is_a_failure_and_its_target_gets_nothing(int status)
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var target = await WebhookReceiver.StartAsync();
        receiver.AnswerWith(status, "Location", target.Url.ToString());
        await lab.AddEndpointAsync(receiver.Url);
        await lab.StoreAsync(1);
        await lab.WorkAsync();

        Assert.Single(receiver.All);
        Assert.Empty(target.All);
        Assert.Equal(
            $"The receiver answered {status}; redirects are not followed.", await lab.AttemptAsync("error"));
        Assert.Equal((short)0, await lab.DeliveryAsync("status"));
    }

    [Fact]
    public async Task A_receiver_that_is_down_for_three_days_gets_everything_then_under_the_same_ids()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.AnswerWith(503);
        await lab.AddEndpointAsync(receiver.Url);
        var ids = await lab.StoreAsync(40);
        await lab.WorkAsync();
        for (var hour = 0; hour < 72; hour++)
        {
            await lab.AfterAsync(TimeSpan.FromHours(1));
        }

        Assert.Equal(40L, await lab.Database.ScalarAsync("SELECT count(*) FROM webhooks.deliveries WHERE status = 0"));
        receiver.All.Clear();
        receiver.AnswerWith(204);
        for (var hour = 0; hour < 48; hour++)
        {
            await lab.AfterAsync(TimeSpan.FromHours(1));
        }

        Assert.Equal(ids.Select(id => id.ToString()).Order(), receiver.Ids.Order());
        Assert.Equal(0L, await lab.Database.ScalarAsync("SELECT count(*) FROM webhooks.deliveries WHERE status <> 1"));
        Assert.Equal(0, await lab.EndpointAsync("failures"));
    }

    [Fact]
    public async Task An_endpoint_of_which_every_attempt_fails_for_five_days_is_disabled()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.AnswerWith(500);
        await lab.AddEndpointAsync(receiver.Url);
        await lab.StoreAsync(1);
        await lab.WorkAsync();
        lab.Time.Advance(TimeSpan.FromDays(5) - TimeSpan.FromMinutes(1));
        await lab.WorkAsync();
        Assert.Null(await lab.EndpointAsync("disabled_at"));

        await lab.AfterAsync(TimeSpan.FromHours(1));
        Assert.Equal((short)DisabledReason.Failing, await lab.EndpointAsync("disabled_reason"));
    }

    [Fact]
    public async Task Both_secrets_sign_until_the_overlap_is_over()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        var old = WebhookSecret.Create();
        var (_, secret) = await lab.AddEndpointAsync(receiver.Url, old, lab.Time.GetUtcNow().AddHours(24));
        await lab.StoreAsync(1);
        await lab.WorkAsync();
        lab.Time.Advance(TimeSpan.FromHours(24));
        await lab.StoreAsync(1);
        await lab.WorkAsync();

        Assert.Collection(
            receiver.All,
            during => Assert.Equal(Sign(during, secret, old), during.Signature),
            after => Assert.Equal(Sign(after, secret), after.Signature));
    }

    [Fact]
    public async Task Old_deliveries_are_deleted_with_their_attempts_and_those_of_deleted_endpoints_too()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        await lab.AddEndpointAsync(receiver.Url);
        await lab.StoreAsync(2);
        await lab.WorkAsync();
        Assert.Equal(0, await lab.Prune.RunAsync(TestContext.Current.CancellationToken));

        lab.Time.Advance(lab.Settings.KeptFor + TimeSpan.FromMinutes(1));
        Assert.Equal(2, await lab.Prune.RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0L, await lab.Database.CountAsync("webhooks.attempts"));

        await lab.StoreAsync(1);
        await lab.Database.ExecuteAsync("UPDATE webhooks.endpoints SET deleted_at = $1", lab.Time.GetUtcNow().UtcDateTime);
        lab.Time.Advance(TimeSpan.FromHours(2));
        await lab.Prune.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0L, await lab.Database.CountAsync("webhooks.deliveries"));
        Assert.Equal(0L, await lab.Database.CountAsync("webhooks.endpoints"));
    }

    private static string Sign(ReceivedWebhook received, params byte[][] secrets) =>
        SignWebhook.Run(received.Id, received.Timestamp, Encoding.UTF8.GetBytes(received.Body), secrets);
}
