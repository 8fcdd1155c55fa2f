using System.Net;
using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class WebhookTests(ManagementHost host)
{
    private const string Url = "https://shop.example/hooks";

    [Fact]
    public async Task A_new_endpoint_shows_its_secret_once_and_keeps_it_sealed()
    {
        await using var shop = await Shop.CreateAsync(host);
        var made = await shop.PostAsync("", new { url = Url, eventTypes = new[] { "message.*" }, description = "Orders" });
        var secret = (string)made["secret"]!;
        Assert.True(WebhookSecret.TryRead(secret, out var bytes));

        var shown = await shop.GetAsync($"/{made["id"]}");
        Assert.DoesNotContain(secret, shown.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(Url, (string)shown["url"]!);
        Assert.Equal("Orders", (string)shown["description"]!);
        Assert.Equal("""["message.*"]""", shown["eventTypes"]!.ToJsonString());
        Assert.True((bool)shown["enabled"]!);
        Assert.Equal("untried", (string)shown["health"]!["state"]!);
        Assert.Equal(0, (int)shown["health"]!["pending"]!);
        Assert.Single((await shop.GetAsync(""))["items"]!.AsArray());

        await using var command = host.DataSource.CreateCommand(
            "SELECT sealed_secret FROM webhooks.endpoints WHERE id = $1");
        var id = Guid.Parse((string)made["id"]!);
        command.Parameters.Add(new() { Value = id });
        var stored = (byte[])(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        using var key = new MasterKey(new byte[MasterKey.Size]);
        Assert.Equal(bytes, WebhookSecret.Open(key, id, stored));
    }

    [Theory]
    [InlineData("""{}""", "url")]
    [InlineData("""{"url": 1}""", "url")]
    [InlineData("""{"url": "http://shop.example/"}""", "url")]
    [InlineData("""{"url": "https://127.0.0.1/"}""", "url")]
    [InlineData("""{"url": "https://shop.example:25/"}""", "url")]
    [InlineData("""{"url": "https://shop.example/", "eventTypes": ["message.read"]}""", "eventTypes[0]")]
    [InlineData("""{"url": "https://shop.example/", "eventTypes": ["webhook.test"]}""", "eventTypes[0]")]
    [InlineData("""{"url": "https://shop.example/", "peopleOnly": "yes"}""", "peopleOnly")]
    [InlineData("""{"url": "https://shop.example/", "secret": "whsec_"}""", "secret")]
    public async Task What_is_wrong_is_named(string json, string name)
    {
        await using var shop = await Shop.CreateAsync(host);
        using var response = await Expect.PostTextAsync(shop.Client, shop.Path, json);
        var problem = await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value");
        Assert.Equal(name, (string)problem["errors"]![0]!["name"]!);
    }

    [Fact]
    public async Task A_change_keeps_the_rest_and_is_in_the_audit_log_and_so_is_the_deletion()
    {
        await using var shop = await Shop.CreateAsync(host);
        var id = (string)(await shop.PostAsync("", new { url = Url, description = "Orders" }))["id"]!;

        using var changed = await Expect.PatchAsync(
            shop.Client, $"{shop.Path}/{id}", """{"enabled": false, "eventTypes": ["message.opened"]}""");
        var document = await Expect.OkAsync(changed);
        Assert.Equal("Orders", (string)document["description"]!);
        Assert.Equal("asked", (string)document["disabledReason"]!);
        Assert.Equal("disabled", (string)document["health"]!["state"]!);
        using var test = await Expect.PostTextAsync(shop.Client, $"{shop.Path}/{id}/test", "");
        await Expect.ProblemAsync(test, HttpStatusCode.Conflict, "conflict", "disabled");

        using var deleted = await Expect.DeleteAsync(shop.Client, $"{shop.Path}/{id}");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        using var gone = await Expect.GetAsync(shop.Client, $"{shop.Path}/{id}");
        await Expect.ProblemAsync(gone, HttpStatusCode.NotFound, "not-found");
        var log = await ManagementHost.GetAsync(shop.Client, "/api/v1/audit-log");
        Assert.Equal(
            ["delete-webhook", "change-webhook", "create-webhook"],
            log["items"]!.AsArray().Select(entry => (string)entry!["action"]!).Where(
                action => action.EndsWith("webhook", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Another_cluster_sees_nothing_of_it()
    {
        await using var shop = await Shop.CreateAsync(host);
        await using var other = await Shop.CreateAsync(host);
        var id = (string)(await shop.PostAsync("", new { url = Url }))["id"]!;

        using var read = await Expect.GetAsync(other.Client, $"{other.Path}/{id}");
        Assert.Equal(HttpStatusCode.NotFound, read.StatusCode);
        using var foreign = await Expect.GetAsync(other.Client, $"{shop.Path}/{id}");
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
        using var rotate = await Expect.PostTextAsync(other.Client, $"{other.Path}/{id}/secret", "{}");
        Assert.Equal(HttpStatusCode.NotFound, rotate.StatusCode);
    }

    [Fact]
    public async Task A_rotated_secret_leaves_the_old_one_for_a_day_or_as_long_as_asked()
    {
        await using var shop = await Shop.CreateAsync(host);
        var made = await shop.PostAsync("", new { url = Url });

        var rotated = await shop.PostAsync($"/{made["id"]}/secret", new { });
        Assert.NotEqual((string)made["secret"]!, (string)rotated["secret"]!);
        Assert.Equal(
            (string)rotated["previousSecretUntil"]!,
            (string)(await shop.GetAsync($"/{made["id"]}"))["previousSecretUntil"]!);
        var atOnce = await shop.PostAsync($"/{made["id"]}/secret", new { overlapHours = 0 });
        Assert.Null(atOnce["previousSecretUntil"]);
        Assert.Null((await shop.GetAsync($"/{made["id"]}"))["previousSecretUntil"]);
        using var wrong = await Expect.PostTextAsync(
            shop.Client, $"{shop.Path}/{made["id"]}/secret", """{"overlapHours": 169}""");
        await Expect.ProblemAsync(wrong, HttpStatusCode.BadRequest, "invalid-value", "0 to 168");
    }

    [Fact]
    public async Task A_test_is_a_delivery_that_waits()
    {
        await using var shop = await Shop.CreateAsync(host);
        var id = (string)(await shop.PostAsync("", new { url = Url, eventTypes = new[] { "certificate.*" } }))["id"]!;

        using var response = await Expect.PostTextAsync(shop.Client, $"{shop.Path}/{id}/test", "");
        var test = await Expect.OkAsync(response);
        Assert.Equal("webhook.test", (string)test["type"]!);
        Assert.Equal("pending", (string)test["status"]!);
        var listed = await shop.GetAsync($"/{id}/deliveries?status=pending");
        Assert.Equal((string)test["id"]!, (string)Assert.Single(listed["items"]!.AsArray())!["id"]!);
        Assert.Empty((await shop.GetAsync($"/{id}/deliveries/{test["id"]}"))["attempts"]!.AsArray());
        Assert.Equal(1, (int)(await shop.GetAsync($"/{id}"))["health"]!["pending"]!);
    }

    [Fact]
    public async Task Deliveries_come_in_pages_with_their_attempts()
    {
        await using var shop = await Shop.CreateAsync(host);
        var id = (string)(await shop.PostAsync("", new { url = Url }))["id"]!;
        var now = TimeProvider.System.GetUtcNow();
        var deliveries = new List<Guid>();
        for (var i = 0; i < 5; i++)
        {
            deliveries.Add(await shop.DeliveryAsync(id, now.AddHours(-i), status: i % 2 == 0 ? 2 : 1));
        }

        var first = await shop.GetAsync($"/{id}/deliveries?limit=2");
        var second = await shop.GetAsync($"/{id}/deliveries?limit=3&after={first["next"]}");
        Assert.Null(second["next"]);
        Assert.Equal(
            deliveries.Select(delivery => delivery.ToString()),
            first["items"]!.AsArray().Concat(second["items"]!.AsArray()).Select(item => (string)item!["id"]!));
        var failed = await shop.GetAsync($"/{id}/deliveries?status=failed&from={now.AddHours(-3).UtcDateTime:O}");
        Assert.Equal(2, failed["items"]!.AsArray().Count);
        using var wrong = await Expect.GetAsync(shop.Client, $"{shop.Path}/{id}/deliveries?status=late");
        await Expect.ProblemAsync(wrong, HttpStatusCode.BadRequest, "invalid-value", "pending, delivered, failed");

        var one = await shop.GetAsync($"/{id}/deliveries/{deliveries[0]}");
        var attempt = Assert.Single(one["attempts"]!.AsArray())!;
        Assert.Equal(500, (int)attempt["httpStatus"]!);
        Assert.Equal("Oh no.", (string)attempt["answer"]!);
        var health = (await shop.GetAsync($"/{id}"))["health"]!;
        Assert.Equal(3, (int)health["failed"]!);
        Assert.Equal(5, (int)health["recent"]!["attempts"]!);
        Assert.Equal(2, (int)health["recent"]!["succeeded"]!);
    }

    [Fact]
    public async Task A_replay_sends_one_delivery_all_failed_ones_or_those_of_a_time_range()
    {
        await using var shop = await Shop.CreateAsync(host);
        var id = (string)(await shop.PostAsync("", new { url = Url }))["id"]!;
        var now = TimeProvider.System.GetUtcNow();
        var delivered = await shop.DeliveryAsync(id, now.AddHours(-1), status: 1);
        var old = await shop.DeliveryAsync(id, now.AddDays(-2), status: 2);
        var failed = await shop.DeliveryAsync(id, now.AddHours(-2), status: 2);

        using var single = await Expect.PostTextAsync(
            shop.Client, $"{shop.Path}/{id}/deliveries/{delivered}/replay", "");
        Assert.Equal("pending", (string)(await Expect.OkAsync(single))["status"]!);
        var since = await shop.PostAsync($"/{id}/replay", new { from = now.AddDays(-1) });
        Assert.Equal(1, (int)since["count"]!);
        Assert.Equal("pending", await shop.StatusAsync(id, failed));
        Assert.Equal("failed", await shop.StatusAsync(id, old));
        Assert.Equal(1, (int)(await shop.PostAsync($"/{id}/replay", new { which = "failed" }))["count"]!);
        Assert.Equal(0, (int)(await shop.PostAsync($"/{id}/replay", new { which = "failed" }))["count"]!);

        using var endless = await Expect.PostTextAsync(shop.Client, $"{shop.Path}/{id}/replay", """{"which": "all"}""");
        await Expect.ProblemAsync(endless, HttpStatusCode.BadRequest, "invalid-value", "it is required with");
        using var nothing = await Expect.PostTextAsync(
            shop.Client, $"{shop.Path}/{id}/deliveries/{Guid.NewGuid()}/replay", "");
        await Expect.ProblemAsync(nothing, HttpStatusCode.NotFound, "not-found");
        await host.ExecuteAsync(
            "UPDATE webhooks.deliveries SET status = 1 WHERE endpoint_id = $1", Guid.Parse(id));
        Assert.Equal(
            2, (int)(await shop.PostAsync($"/{id}/replay", new { which = "all", from = now.AddDays(-1) }))["count"]!);
    }

    [Fact]
    public async Task Clicks_that_have_no_delivery_are_sent_when_somebody_asks()
    {
        await using var shop = await Shop.CreateAsync(host);
        var id = (string)(await shop.PostAsync(
            "", new { url = Url, eventTypes = new[] { "message.clicked" }, peopleOnly = true }))["id"]!;
        var now = TimeProvider.System.GetUtcNow();
        var mail = new TrackedMail(host, shop.Cluster);
        var message = await mail.MessageAsync("order-1", "anna@example.com", now);
        var link = await mail.DestinationAsync("https://shop.example/");
        var click = await mail.EventAsync(LinkKind.Click, now, message, link);
        await mail.EventAsync(LinkKind.Click, now, message, link, verdict: Verdict.Scanner);
        await mail.EventAsync(LinkKind.Open, now, message);
        await mail.EventAsync(LinkKind.Click, now.AddDays(-2), message, link);

        var missing = new { which = "missing", from = now.AddDays(-1) };
        Assert.Equal(1, (int)(await shop.PostAsync($"/{id}/replay", missing))["count"]!);
        Assert.Equal(0, (int)(await shop.PostAsync($"/{id}/replay", missing))["count"]!);
        var delivery = Assert.Single((await shop.GetAsync($"/{id}/deliveries"))["items"]!.AsArray())!;
        Assert.Equal(click.ToString(), (string)delivery["id"]!);
        Assert.Equal("message.clicked", (string)delivery["type"]!);
    }

    [Fact]
    public async Task A_cluster_has_so_many_and_no_more()
    {
        await using var shop = await Shop.CreateAsync(host);
        await host.ExecuteAsync(
            """
            INSERT INTO webhooks.endpoints (cluster_id, id, url, description, event_types, people_only, sealed_secret,
                created_at)
            SELECT $1, gen_random_uuid(), '', '', '{}', false, '', now() FROM generate_series(1, 100)
            """,
            shop.ClusterNumber);

        using var response = await Expect.PostTextAsync(shop.Client, shop.Path, $$"""{"url": "{{Url}}"}""");
        await Expect.ProblemAsync(response, HttpStatusCode.Conflict, "conflict", "100 webhooks");
    }

    /// <summary>A cluster with its own key.</summary>
    private sealed class Shop(ManagementHost host, string cluster, HttpClient client) : IAsyncDisposable
    {
        public HttpClient Client => client;

        public string Cluster => cluster;

        public int ClusterNumber => ClusterId.TryParse(cluster, out var id) ? id.Value : 0;

        public string Path => $"/api/v1/clusters/{cluster}/webhooks";

        public static async Task<Shop> CreateAsync(ManagementHost host)
        {
            var (cluster, key) = await host.CreateClusterAsync();
            return new Shop(host, cluster, host.Client(key));
        }

        public Task<JsonObject> PostAsync(string path, object body) =>
            ManagementHost.PostAsync(client, Path + path, body);

        public Task<JsonObject> GetAsync(string path) => ManagementHost.GetAsync(client, Path + path);

        public async Task<string> StatusAsync(string endpoint, Guid delivery) =>
            (string)(await GetAsync($"/{endpoint}/deliveries/{delivery}"))["delivery"]!["status"]!;

        /// <summary>Writes a delivery with one attempt, as the delivering service does.</summary>
        public async Task<Guid> DeliveryAsync(string endpoint, DateTimeOffset at, int status)
        {
            var id = Guid.CreateVersion7(at);
            await host.ExecuteAsync(
                """
                INSERT INTO webhooks.deliveries (cluster_id, endpoint_id, id, event_type, occurred_at, status, tries,
                    attempts, next_attempt_at, finished_at)
                VALUES ($1, $2, $3, 1, $4, $5, 1, 1, $4, $4)
                """,
                ClusterNumber, Guid.Parse(endpoint), id, at, (short)status);
            await host.ExecuteAsync(
                """
                INSERT INTO webhooks.attempts (cluster_id, endpoint_id, delivery_id, number, at, took_ms, succeeded,
                    http_status, error, answer)
                VALUES ($1, $2, $3, 1, $4, 12, $5, $6, NULL, 'Oh no.')
                """,
                ClusterNumber, Guid.Parse(endpoint), id, at, status == 1, (short)(status == 1 ? 200 : 500));
            return id;
        }

        public ValueTask DisposeAsync()
        {
            client.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
