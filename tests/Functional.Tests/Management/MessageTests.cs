using System.Net;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class MessageTests(ManagementHost host)
{
    private static readonly DateTimeOffset _noon = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("", "m4 m3 m2 m1")]
    [InlineData("recipient=ANNA@example.com", "m3 m1")]
    [InlineData("tag=spring", "m2 m1")]
    [InlineData("from=2026-11-20T12:01:00Z", "m4 m3 m2")]
    [InlineData("to=2026-11-20T13:02:00%2B01:00", "m2 m1")]
    [InlineData("q=BOB", "m2")]
    [InlineData("q=%25", "")]
    [InlineData("q=_", "")]
    [InlineData("recipient=nobody@example.com", "")]
    public async Task Filters_leave_the_messages_they_name(string query, string expected)
    {
        var (cluster, _) = await ClusterWithMessagesAsync();

        var page = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/messages?{query}");

        Assert.Equal(expected, string.Join(' ', page["items"]!.AsArray().Select(item => (string)item!["messageId"]!)));
        Assert.Null(page["next"]);
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=501", "1 to 500")]
    [InlineData("from=yesterday", "RFC 3339")]
    [InlineData("from=2026-11-20&to=2026-11-20", "from")]
    [InlineData("recipent=anna@example.com", "Known: recipient, tag")]
    [InlineData("after=AAAA", "after")]
    [InlineData("tag=a&tag=b", "more than once")]
    [InlineData("q=%00", "control characters")]
    public async Task A_query_that_cannot_be_understood_is_refused(string query, string said)
    {
        var (cluster, _) = await host.CreateClusterAsync();
        using var response = await Expect.GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/messages?{query}");
        await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value", said);
    }

    [Fact]
    public async Task Pages_stay_where_they_were_while_messages_arrive()
    {
        var (cluster, mail) = await ClusterWithMessagesAsync();

        // All messages have the same microsecond, so only the key orders them.
        for (var i = 0; i < 5; i++)
        {
            await mail.MessageAsync($"same{i}", "x@example.com", _noon);
        }

        var seen = new List<string>();
        string? after = null;
        do
        {
            var page = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/messages?limit=2&after={after}");
            seen.AddRange(page["items"]!.AsArray().Select(item => (string)item!["messageId"]!));
            after = (string?)page["next"];
            await mail.MessageAsync($"new{seen.Count}", "x@example.com", _noon.AddHours(seen.Count));
        }
        while (after is not null);

        Assert.Equal(9, seen.Count);
        Assert.Equal(seen.Distinct(), seen);
        Assert.Equal(["m4", "m3", "m2"], seen.Take(3));
    }

    [Fact]
    public async Task A_message_is_found_by_its_key_and_by_its_senders_id()
    {
        var (cluster, mail) = await ClusterWithMessagesAsync();
        var link = await mail.DestinationAsync("https://shop.example/");
        var key = await mail.MessageAsync(
            "<a/b+c@shop.example>", "anna@example.com", _noon, ["spring"],
            [new LinkPlace(0, 1, "Shop"), new LinkPlace(1, 1, "")]);
        await mail.EventAsync(LinkKind.Click, _noon, key, link, 1);
        await mail.EventAsync(LinkKind.Click, _noon, key, link, 1, Verdict.Scanner);
        await mail.EventAsync(LinkKind.Open, _noon, key, verdict: Verdict.Proxy);

        var byKey = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/messages/{key}");
        var byId = await GetAsync(
            host.Admin, $"/api/v1/clusters/{cluster}/messages/{Uri.EscapeDataString("<a/b+c@shop.example>")}");

        Assert.Equal(byKey.ToJsonString(), byId.ToJsonString());
        Assert.Equal(key.ToString(), (string)byKey["id"]!);
        Assert.Equal("anna@example.com", (string)byKey["recipient"]!);
        Assert.Equal("2026-11-20T12:00:00.000000Z", (string)byKey["registeredAt"]!);
        Assert.Equal("full", (string)byKey["trackingLevel"]!);
        Assert.Equal(
            (2, 1, 1, 1),
            ((int)byKey["clicks"]!, (int)byKey["opens"]!, (int)byKey["humanClicks"]!, (int)byKey["humanOpens"]!));
        var places = byKey["places"]!.AsArray();
        Assert.Equal("Shop", (string)places[0]!["name"]!);
        Assert.Equal([0, 2], places.Select(place => (int)place!["clicks"]!));
    }

    [Fact]
    public async Task Uncounted_events_are_listed_and_marked_but_not_in_statistics()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var mail = new TrackedMail(host, cluster);
        var link = await mail.DestinationAsync("https://shop.example/");
        var test = await mail.MessageAsync("test", "anna@example.com", _noon, places: [new(0, 1, "")]);
        var sent = await mail.MessageAsync(
            "sent", "bob@example.com", _noon, places: [new(0, 1, "Boots"), new(0, 2, "Powered by")]);
        await host.ExecuteAsync("UPDATE rewrite.messages SET is_test = true WHERE message_key = $1", test.ToBytes());
        await host.ExecuteAsync(
            """
            UPDATE rewrite.messages SET system_links = '{1}', left_plain = '{"unsubscribe": 2}' WHERE message_key = $1
            """,
            sent.ToBytes());
        await UncountedAsync(await mail.EventAsync(LinkKind.Click, _noon, test, link), WhyUncounted.Test);
        await UncountedAsync(await mail.EventAsync(LinkKind.Open, _noon, test), WhyUncounted.Test);
        await UncountedAsync(await mail.EventAsync(LinkKind.Click, _noon, sent, link, 1), WhyUncounted.SystemLink);
        await mail.EventAsync(LinkKind.Click, _noon.AddSeconds(1), sent, link);
        await mail.CountAsync();

        var one = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/messages/{test}");
        Assert.True((bool)one["test"]!);
        var story = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/messages/{test}/events");
        Assert.Equal(["test", "test"], story["items"]!.AsArray().Select(item => (string)item!["uncounted"]!));
        var other = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/messages/{sent}");
        Assert.False((bool)other["test"]!);
        Assert.Equal((1, 1), ((int)other["clicks"]!, (int)other["humanClicks"]!));
        Assert.Equal([false, true], other["places"]!.AsArray().Select(place => (bool)place!["system"]!));
        Assert.Equal("""{"unsubscribe":2}""", other["leftPlain"]!.ToJsonString());
        story = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/messages/{sent}/events");
        Assert.Equal([null, "systemLink"], story["items"]!.AsArray().Select(item => (string?)item!["uncounted"]));

        foreach (var groupBy in new[] { "", "message", "link", "position", "client" })
        {
            var statistics = await GetAsync(
                host.Admin,
                $"/api/v1/clusters/{cluster}/stats?from=2026-11-20&to=2026-11-21"
                    + (groupBy.Length == 0 ? "" : $"&groupBy={groupBy}"));
            var row = Assert.Single(statistics["rows"]!.AsArray())!;
            Assert.Equal((1, 0, 1), ((int)row["clicks"]!, (int)row["opens"]!, (int)row["uniqueClicks"]!));
            Assert.Equal(groupBy.Length == 0 ? 1 : null, (int?)row["messages"]);
        }
    }

    [Fact]
    public async Task A_message_of_another_cluster_is_not_there()
    {
        var (_, mail) = await ClusterWithMessagesAsync();
        var (other, key) = await host.CreateClusterAsync();
        var message = await mail.MessageAsync("theirs", null, _noon);
        using var own = host.Client(key);

        foreach (var id in new[] { message.ToString(), "theirs", "%2Fx", new string('0', 18) })
        {
            foreach (var path in new[] { $"messages/{id}", $"messages/{id}/events", $"events?message={id}" })
            {
                using var response = await Expect.GetAsync(own, $"/api/v1/clusters/{other}/{path}");
                await Expect.ProblemAsync(response, HttpStatusCode.NotFound, "not-found");
            }
        }
    }

    private Task UncountedAsync(Guid id, WhyUncounted why) =>
        host.ExecuteAsync("UPDATE ingest.events SET uncounted = $2 WHERE id = $1", id, (short)why);

    private async Task<(string Cluster, TrackedMail Mail)> ClusterWithMessagesAsync()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var mail = new TrackedMail(host, cluster);
        await mail.MessageAsync("m1", "anna@example.com", _noon, ["spring", "vip"]);
        await mail.MessageAsync("m2", "bob@example.org", _noon.AddMinutes(1), ["spring"]);
        await mail.MessageAsync("m3", "Anna@Example.com", _noon.AddMinutes(2));
        await mail.MessageAsync("m4", null, _noon.AddMinutes(3));
        return (cluster, mail);
    }
}
