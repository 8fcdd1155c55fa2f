using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Links;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class EventTests(ManagementHost host)
{
    private static readonly DateTimeOffset _noon =
        new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero).AddTicks(123_450);

    [Fact]
    public async Task An_event_says_all_that_is_known_of_it()
    {
        var (cluster, mail) = await MailAsync();
        var link = await mail.DestinationAsync("https://user:secret@shop.example/a?b=c@d");
        var key = await mail.MessageAsync(
            "news-1", "anna@example.com", _noon, places: [new(0, 1, "x"), new(1, 2, "Read more")]);
        var id = await mail.EventAsync(LinkKind.Click, _noon, key, link, 1, Verdict.Scanner, "Scan/1.0", "Acme");

        var page = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/events");

        var expected = JsonNode.Parse($$"""
            {"id":"{{id}}","time":"2026-11-20T12:00:00.012345Z","kind":"click","message":"{{key}}","messageId":"news-1",
             "recipient":"anna@example.com",
             "link":{"id":"{{link}}","url":"https://***@shop.example/a?b=c@d","name":"Read more",
                     "part":1,"position":2 },
             "ordinal":1,"clientAddress":"192.0.2.0","userAgent":"Scan/1.0","method":"GET",
             "classification":{"verdict":"scanner","vendor":"Acme","reasons":["by hand"],"score":null,
                "provisional":false,"revisedAt":null} }
            """);
        Assert.True(
            JsonNode.DeepEquals(expected, page["items"]!.AsArray().Single()), page["items"]!.ToJsonString());
    }

    [Fact]
    public async Task An_explanation_says_what_each_reason_weighed_and_what_the_verdict_was_before()
    {
        var (cluster, mail) = await MailAsync();
        var key = await mail.MessageAsync("news-1", "anna@example.com", _noon);
        var id = await mail.EventAsync(LinkKind.Open, _noon, key, verdict: Verdict.Scanner);
        await host.ExecuteAsync(
            """INSERT INTO ingest.rule_sets (number, content) VALUES (77, $1::jsonb) ON CONFLICT DO NOTHING""",
            """
            [{"code":"burst","verdict":"scanner","weight":100,"source":"behaviour","version":"7","meaning":"many links"},
             {"code":"browser","verdict":"human","weight":-30,"source":"agent-rules","version":"8","meaning":"a name"}]
            """);
        await host.ExecuteAsync(
            "UPDATE ingest.events SET reasons = $2, score = 70, rules = 77, shape = 27, revised_at = $3 WHERE id = $1",
            id, new[] { "burst", "browser", "of before" }, _noon.AddSeconds(40));
        await host.ExecuteAsync(
            """
            INSERT INTO ingest.revisions (cluster_id, event_id, revised_at, verdict_before, reasons_before, score_before,
                verdict)
            VALUES ($1, $2, $3, 1, $4, -30, 5)
            """,
            mail.Cluster.Value, id, _noon.AddSeconds(40), new[] { "browser" });

        var said = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/events/{id}/explanation");

        Assert.Equal($"{id}", (string)said["event"]!["id"]!);
        Assert.Equal(50, (int)said["machineAt"]!);
        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse("""
                [{"code":"burst","verdict":"scanner","weight":100,"source":"behaviour","version":"7","meaning":"many links"},
                 {"code":"browser","verdict":"human","weight":-30,"source":"agent-rules","version":"8","meaning":"a name"},
                 {"code":"of before","verdict":null,"weight":null,"source":null,"version":null,"meaning":null}]
                """),
            said["reasons"]), said["reasons"]!.ToJsonString());
        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse("""
                {"fetchMetadata":"fits","clientHints":"none","prefetch":false,"language":true}
                """),
            said["shape"]), said["shape"]!.ToJsonString());
        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse("""
                [{"at":"2026-11-20T12:00:40.012345Z","verdict":"human","vendor":null,"score":-30,"reasons":["browser"]}]
                """),
            said["before"]), said["before"]!.ToJsonString());
    }

    [Theory]
    [InlineData("00000000-0000-7000-8000-000000000000")]
    [InlineData("x")]
    public async Task An_event_that_is_not_there_or_another_clusters_is_not_explained(string id)
    {
        var (cluster, _) = await MailAsync();
        var (_, other) = await MailAsync();
        var key = await other.MessageAsync("news-1", "anna@example.com", _noon);
        var theirs = await other.EventAsync(LinkKind.Open, _noon, key);
        foreach (var wrong in new[] { id, $"{theirs}" })
        {
            using var response = await Expect.GetAsync(
                host.Admin, $"/api/v1/clusters/{cluster}/events/{wrong}/explanation");
            await Expect.ProblemAsync(response, HttpStatusCode.NotFound, "not-found", wrong);
        }
    }

    [Theory]
    [InlineData("", "open click5 click4 click3 click2 click1")]
    [InlineData("order=asc", "click1 click2 click3 click4 click5 open")]
    [InlineData("kind=open", "open")]
    [InlineData("kind=open,click&limit=2", "open click5")]
    [InlineData("recipient=ANNA@example.com", "open click1")]
    [InlineData("message=two", "click5 click4 click3 click2")]
    [InlineData("human=true", "open click3 click2 click1")]
    [InlineData("human=false", "click5 click4")]
    [InlineData("verdict=scanner,proxy", "open click5")]
    [InlineData("from=2026-11-20T12:02:30Z&to=2026-11-20T12:05:00Z", "click5 click4 click3")]
    [InlineData("link=0000000000000001", "")]
    public async Task Filters_leave_the_events_they_name(string query, string expected)
    {
        var (cluster, _) = await MailWithEventsAsync();
        var page = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/events?{query}");
        Assert.Equal(expected, string.Join(' ', page["items"]!.AsArray().Select(item => (string)item!["userAgent"]!)));
    }

    [Theory]
    [InlineData("kind=clicks", "click, open, image, honeypot")]
    [InlineData("human=yes", "true, false, all")]
    [InlineData("link=x", "16 hexadecimal digits")]
    [InlineData("order=up", "desc, asc")]
    [InlineData("after=x", "after")]
    [InlineData("verdict=bot", "scanner")]
    public async Task A_query_that_cannot_be_understood_is_refused(string query, string said)
    {
        var (cluster, _) = await MailAsync();
        using var response = await Expect.GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/events?{query}");
        await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value", said);
    }

    [Fact]
    public async Task Pages_hold_every_event_once_in_both_directions()
    {
        var (cluster, _) = await MailWithEventsAsync();
        foreach (var order in new[] { "asc", "desc" })
        {
            var seen = new List<string>();
            string? after = null;
            while (true)
            {
                var page = await GetAsync(
                    host.Admin, $"/api/v1/clusters/{cluster}/events?order={order}&limit=4&after={after}");
                var items = page["items"]!.AsArray().Select(item => (string)item!["id"]!).ToList();
                seen.AddRange(items);
                after = (string?)page["next"];
                if (after is null || items.Count == 0)
                {
                    break;
                }
            }

            Assert.Equal(6, seen.Count);
            Assert.Equal(seen.Distinct(), seen);
        }
    }

    [Fact]
    public async Task A_follower_gets_the_next_event_and_keeps_its_place_while_there_is_none()
    {
        var (cluster, mail) = await MailWithEventsAsync();
        var path = $"/api/v1/clusters/{cluster}/events?order=asc&after=";
        var all = await GetAsync(host.Admin, path);
        var place = (string)all["next"]!;
        Assert.Equal(place, (string)(await GetAsync(host.Admin, path + place))["next"]!);

        var id = await mail.EventAsync(LinkKind.Open, _noon.AddHours(1), default);
        var next = await GetAsync(host.Admin, path + place);
        Assert.Equal(id.ToString(), (string)next["items"]!.AsArray().Single()!["id"]!);
    }

    [Fact]
    public async Task The_events_of_a_message_are_its_own()
    {
        var (cluster, _) = await MailWithEventsAsync();
        var page = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/messages/one/events");
        Assert.Equal(["open", "click1"], page["items"]!.AsArray().Select(item => (string)item!["userAgent"]!));
        using var twice = await Expect.GetAsync(
            host.Admin, $"/api/v1/clusters/{cluster}/messages/one/events?message=two");
        await Expect.ProblemAsync(twice, HttpStatusCode.BadRequest, "invalid-value", "message");
    }

    [Fact]
    public async Task Ndjson_streams_the_whole_range_however_many()
    {
        var (cluster, mail) = await MailAsync();
        var key = await mail.MessageAsync("many", null, _noon);
        await host.ExecuteAsync(
            """
            INSERT INTO ingest.events (id, occurred_at, kind, method, cluster_id, message_key, link_id, ordinal,
                verdict, reasons)
            SELECT (substr(ingest.uuidv7_floor($3)::text, 1, 14) || '7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
                $3, 1, 0, $1, $2, 0, 0, 0, '{}'
            FROM generate_series(1, 2500) n
            """,
            mail.Cluster.Value, key.ToBytes(), _noon);

        var (type, text) = await ExportAsync($"/api/v1/clusters/{cluster}/events", "application/x-ndjson");

        Assert.Equal("application/x-ndjson", type?.MediaType);
        var ids = text.TrimEnd('\n').Split('\n').Select(line => (string)JsonNode.Parse(line)!["id"]!).ToList();
        Assert.Equal(2500, ids.Count);
        Assert.Equal(ids.Distinct().OrderDescending(StringComparer.Ordinal), ids);
        var (_, few) = await ExportAsync($"/api/v1/clusters/{cluster}/events?limit=3", "application/x-ndjson");
        Assert.Equal(3, few.TrimEnd('\n').Split('\n').Length);
    }

    [Fact]
    public async Task Csv_is_quoted_and_contains_no_formula()
    {
        var (cluster, mail) = await MailAsync();
        var key = await mail.MessageAsync("=1+1", "anna@example.com", _noon, places: [new(0, 1, "Say \"hi\", now")]);
        var link = await mail.DestinationAsync("https://shop.example/a,b");
        var id = await mail.EventAsync(
            LinkKind.Click, _noon, key, link, userAgent: "=HYPERLINK(\"http://evil.example\")\r\nx");

        var (type, text) = await ExportAsync($"/api/v1/clusters/{cluster}/events", "text/csv");

        Assert.Equal("text/csv", type?.MediaType);
        Assert.Equal(
            "id,time,kind,message,messageId,recipient,linkId,url,linkName,part,position,ordinal,clientAddress,"
                + "userAgent,method,verdict,vendor,reasons,uncounted\r\n"
                + $"{id},2026-11-20T12:00:00.012345Z,click,{key},'=1+1,anna@example.com,{link},"
                + "\"https://shop.example/a,b\",\"Say \"\"hi\"\", now\",0,1,0,192.0.2.0,"
                + "\"'=HYPERLINK(\"\"http://evil.example\"\")\r\nx\",GET,unknown,,by hand,\r\n",
            text);
    }

    [Fact]
    public async Task An_export_without_events_is_empty_and_valid()
    {
        var (cluster, _) = await MailAsync();
        Assert.Empty((await ExportAsync($"/api/v1/clusters/{cluster}/events", "application/x-ndjson")).Text);
        Assert.EndsWith("uncounted\r\n", (await ExportAsync($"/api/v1/clusters/{cluster}/events", "text/csv")).Text,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*/*", "application/json")]
    [InlineData("text/html, */*;q=0.1", "application/json")]
    [InlineData("text/*", "text/csv")]
    [InlineData("application/json;q=0.5, text/csv", "text/csv")]
    [InlineData("text/csv;q=0, application/x-ndjson;q=0.2", "application/x-ndjson")]
    public async Task The_media_type_is_the_one_preferred(string accept, string expected)
    {
        var (cluster, _) = await MailAsync();
        var (type, _) = await ExportAsync($"/api/v1/clusters/{cluster}/events", accept);
        Assert.Equal(expected, type?.MediaType);
    }

    [Fact]
    public async Task A_media_type_that_cannot_be_given_is_refused()
    {
        var (cluster, _) = await MailAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/clusters/{cluster}/events");
        request.Headers.Accept.ParseAdd("application/xml");
        using var response = await host.Admin.SendAsync(request, TestContext.Current.CancellationToken);
        await Expect.ProblemAsync(response, HttpStatusCode.NotAcceptable, "not-acceptable", "text/csv");
    }

    private async Task<(MediaTypeHeaderValue? Type, string Text)> ExportAsync(string path, string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd(accept);
        using var response = await host.Admin.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return (response.Content.Headers.ContentType,
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private async Task<(string Cluster, TrackedMail Mail)> MailAsync()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        return (cluster, new TrackedMail(host, cluster));
    }

    private async Task<(string Cluster, TrackedMail Mail)> MailWithEventsAsync()
    {
        var (cluster, mail) = await MailAsync();
        var one = await mail.MessageAsync("one", "anna@example.com", _noon);
        var two = await mail.MessageAsync("two", "bob@example.com", _noon);
        var link = await mail.DestinationAsync("https://shop.example/");
        await mail.EventAsync(LinkKind.Click, _noon, one, link, userAgent: "click1");
        await mail.EventAsync(
            LinkKind.Click, _noon.AddMinutes(1), two, link, verdict: Verdict.Human, userAgent: "click2");
        await mail.EventAsync(LinkKind.Click, _noon.AddMinutes(3), two, link, userAgent: "click3");
        await mail.EventAsync(
            LinkKind.Click, _noon.AddMinutes(4), two, link, verdict: Verdict.Prefetch, userAgent: "click4");
        await mail.EventAsync(
            LinkKind.Click, _noon.AddMinutes(4.5), two, link, verdict: Verdict.Scanner, userAgent: "click5");
        await mail.EventAsync(LinkKind.Open, _noon.AddMinutes(5), one, verdict: Verdict.Proxy, userAgent: "open");
        return (cluster, mail);
    }
}
