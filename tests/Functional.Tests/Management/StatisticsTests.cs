using System.Net;
using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Links;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class StatisticsTests(ManagementHost host)
{
    private const string Range = "from=2026-11-19&to=2026-11-22";

    // 23:30 in UTC is already the next day in the database session's time zone.
    private static readonly DateTimeOffset _late = new(2026, 11, 20, 23, 30, 0, TimeSpan.Zero);

    // key: clicks opens uniqueClicks uniqueOpens, o openers, m messages
    [Theory]
    [InlineData("", "-:5 3 1 2 o1 m3")]
    [InlineData("groupBy=day", "2026-11-19:0 0 0 0 o0 m1|2026-11-20:4 2 1 1 o1 m2|2026-11-21:1 1 0 1 o0 m0")]
    [InlineData("groupBy=hour", "2026-11-20T23:00:00Z:4 2 1 1 o1|2026-11-21T00:00:00Z:1 1 0 1 o0")]
    [InlineData("groupBy=day&timeZone=Asia/Kolkata", "2026-11-20:0 0 0 0 o0 m1|2026-11-21:5 3 1 2 o1 m2")]
    [InlineData("groupBy=hour&timeZone=Asia/Kolkata", "2026-11-20T23:30:00Z:5 3 1 2 o1")]
    [InlineData(
        "groupBy=hour&timeZone=Asia/Kathmandu", "2026-11-20T23:15:00Z:5 2 1 1 o1|2026-11-21T00:15:00Z:0 1 0 1 o0")]
    [InlineData("groupBy=day&timeZone=America/New_York", "2026-11-19:0 0 0 0 o0 m1|2026-11-20:5 3 1 2 o1 m2")]
    [InlineData("groupBy=message", "{one}=one:3 2 0 1 o0|{two}=two:2 1 1 1 o1")]
    [InlineData("groupBy=link", "{a}=https://a.example/:4 0 1 0|{b}=https://***@b.example/:1 0 1 0")]
    [InlineData("groupBy=tag", "spring:5 3 1 2 o1|vip:3 2 0 1 o0")]
    [InlineData("groupBy=recipientDomain", "example.com:3 2 0 1 o0|-:2 1 1 1 o1")]
    [InlineData("groupBy=position", "0.1:3 0 0 0|1.1:1 0 1 0|1.2:1 0 1 0")]
    [InlineData("groupBy=client", "Firefox:3 2 1 1 o1|Acme:1 0 0 0 o0|Chrome:1 0 0 0 o0|Gmail:0 1 0 1 o0")]
    [InlineData("human=true", "-:4 3 1 2 o1 m3")]
    [InlineData("groupBy=link&human=true", "{a}=https://a.example/:3 0 1 0|{b}=https://***@b.example/:1 0 1 0")]
    [InlineData("groupBy=link&human=false", "{a}=https://a.example/:1 0 1 0")]
    [InlineData("groupBy=client&human=false", "Acme:1 0 1 0 o0")]
    [InlineData("groupBy=tag&human=false", "spring:1 0 1 0 o0|vip:1 0 1 0 o0")]
    [InlineData("groupBy=recipientDomain&human=false", "example.com:1 0 1 0 o0")]
    [InlineData("groupBy=position&human=false", "0.1:1 0 1 0")]
    [InlineData("groupBy=hour&human=false", "2026-11-20T23:00:00Z:1 0 1 0 o0")]
    [InlineData("groupBy=message&human=false", "{one}=one:1 0 1 0 o0")]
    [InlineData("human=false", "-:1 0 1 0 o0 m3")]
    [InlineData("groupBy=message&limit=1", "{one}=one:3 2 0 1 o0|…")]
    public async Task Statistics_match_the_rows(string query, string expected)
    {
        var (cluster, names) = await MailAsync();

        var answer = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/stats?{Range}&{query}");

        var rows = answer["rows"]!.AsArray().Select(row =>
            $"{(string?)row!["key"] ?? "-"}{(row["label"] is { } label ? "=" + label : "")}:"
            + $"{row["clicks"]} {row["opens"]} {row["uniqueClicks"]} {row["uniqueOpens"]}"
            + $"{(row["openers"] is { } openers ? " o" + openers : "")}"
            + $"{(row["messages"] is { } messages ? " m" + messages : "")}");
        var text = string.Join('|', rows) + ((bool)answer["truncated"]! ? "|…" : "");
        Assert.Equal(names.Aggregate(expected, (all, name) => all.Replace($"{{{name.Key}}}", name.Value)), text);
    }

    [Fact]
    public async Task The_range_is_the_last_thirty_days_unless_given()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var answer = await GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/stats");
        Assert.Equal(
            TimeSpan.FromDays(30),
            DateTimeOffset.Parse((string)answer["to"]!, null) - DateTimeOffset.Parse((string)answer["from"]!, null));
        Assert.Equal("total", (string)answer["groupBy"]!);
        Assert.Equal("all", (string)answer["human"]!);
        Assert.Equal(0, (int)answer["rows"]![0]!["messages"]!);
    }

    [Fact]
    public async Task A_range_is_counted_in_whole_quarters_of_an_hour_with_the_one_before_beside_it()
    {
        var (cluster, _) = await MailAsync();
        var answer = await GetAsync(
            host.Admin, $"/api/v1/clusters/{cluster}/stats?from=2026-11-20T23:44:59Z&to=2026-11-21T00:10:01Z");

        Assert.Equal("2026-11-20T23:30:00.000000Z", (string)answer["from"]!);
        Assert.Equal("2026-11-21T00:15:00.000000Z", (string)answer["to"]!);
        Assert.Equal("5 2 1 1", Sums(answer["totals"]!));
        Assert.Equal("0 0 0 0", Sums(answer["before"]!));
        answer = await GetAsync(
            host.Admin, $"/api/v1/clusters/{cluster}/stats?from=2026-11-21T00:15:00Z&to=2026-11-21T00:30:00Z");
        Assert.Equal("0 1 0 1", Sums(answer["totals"]!));
        Assert.Equal("1 0 0 0", Sums(answer["before"]!));

        static string Sums(JsonNode sums) =>
            $"{sums["clicks"]} {sums["opens"]} {sums["uniqueClicks"]} {sums["uniqueOpens"]}";
    }

    [Theory]
    [InlineData("UTC")]
    [InlineData("Europe/Berlin")]
    [InlineData("Asia/Kolkata")]
    [InlineData("Asia/Kathmandu")]
    [InlineData("Pacific/Chatham")]
    [InlineData("America/St_Johns")]
    public async Task Days_and_hours_of_any_zone_add_up_to_the_total(string zone)
    {
        var (cluster, _) = await MailAsync();
        foreach (var human in new[] { "true", "false", "all" })
        {
            foreach (var groupBy in new[] { "day", "hour" })
            {
                var answer = await GetAsync(
                    host.Admin,
                    $"/api/v1/clusters/{cluster}/stats?{Range}&human={human}&groupBy={groupBy}&timeZone={zone}");
                foreach (var figure in new[] { "clicks", "opens", "uniqueClicks", "uniqueOpens", "openers" })
                {
                    Assert.Equal(
                        (long)answer["totals"]![figure]!, answer["rows"]!.AsArray().Sum(row => (long)row![figure]!));
                }
            }
        }
    }

    [Fact]
    public async Task A_rebuild_is_asked_for_by_an_admin_and_said_to_be_done_when_ingest_has_done_it()
    {
        var (cluster, key) = await host.CreateClusterAsync();
        var path = $"/api/v1/clusters/{cluster}/stats/rebuild";
        Assert.Equal("never", (string)(await GetAsync(host.Admin, path))["state"]!);
        using var own = host.Client(key);
        using (var refused = await own.PostAsync(new Uri(path, UriKind.Relative), null))
        {
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        }

        using var accepted = await host.Admin.PostAsync(new Uri(path + "?from=2026-11-01", UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        Assert.Equal("requested", (string)(await GetAsync(host.Admin, path))["state"]!);
        await new TrackedMail(host, cluster).CountAsync();
        Assert.Equal("done", (string)(await GetAsync(host.Admin, path))["state"]!);
    }

    [Fact]
    public async Task A_cluster_counts_its_own_events_only()
    {
        await MailAsync();
        var (other, key) = await host.CreateClusterAsync();
        using var own = host.Client(key);
        var answer = await GetAsync(own, $"/api/v1/clusters/{other}/stats?{Range}&groupBy=link");
        Assert.Empty(answer["rows"]!.AsArray());
    }

    [Theory]
    [InlineData("groupBy=week", "day, hour, link, message, tag, position, recipientDomain, client")]
    [InlineData("group=day", "Known: groupBy, from, to, human, timeZone, limit")]
    [InlineData("groupBy=day&timeZone=Mars/Olympus", "Europe/Lisbon")]
    [InlineData("limit=10001", "10000")]
    public async Task A_query_that_cannot_be_understood_is_refused(string query, string said)
    {
        var (cluster, _) = await host.CreateClusterAsync();
        using var response = await Expect.GetAsync(host.Admin, $"/api/v1/clusters/{cluster}/stats?{query}");
        await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value", said);
    }

    private async Task<(string Cluster, Dictionary<string, string> Names)> MailAsync()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var mail = new TrackedMail(host, cluster);
        var a = await mail.DestinationAsync("https://a.example/");
        var b = await mail.DestinationAsync("https://user@b.example/");
        var one = await mail.MessageAsync(
            "one", "anna@example.com", _late, ["spring", "vip"], [new(0, 1, ""), new(1, 1, "")]);
        var two = await mail.MessageAsync("two", null, _late, ["spring"], [new(1, 1, ""), new(1, 2, "")]);
        await mail.MessageAsync("three", "bob@example.org", _late.AddDays(-1));

        const string Chrome = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
        await mail.EventAsync(LinkKind.Click, _late, one, a, 0);
        await mail.EventAsync(LinkKind.Click, _late.AddMinutes(1), one, a, 0);
        await mail.EventAsync(LinkKind.Click, _late.AddMinutes(2), one, a, 0, Verdict.Scanner, "Scan", "Acme");
        await mail.EventAsync(LinkKind.Click, _late.AddMinutes(3), two, a, 0);
        await mail.EventAsync(LinkKind.Click, _late.AddMinutes(40), two, b, 1, Verdict.Human, Chrome);
        await mail.EventAsync(LinkKind.Open, _late, one);
        await mail.EventAsync(LinkKind.Open, _late, one);
        await mail.EventAsync(
            LinkKind.Open, _late.AddMinutes(45), two, verdict: Verdict.Proxy,
            userAgent: "via ggpht.com GoogleImageProxy");

        // Neither is counted: one has another kind, one is outside the range.
        await mail.EventAsync(LinkKind.Honeypot, _late, one, verdict: Verdict.Scanner);
        await mail.EventAsync(LinkKind.Click, _late.AddDays(-3), one, a);
        await mail.EventAsync(LinkKind.Click, new DateTimeOffset(2026, 11, 22, 0, 0, 0, TimeSpan.Zero), one, a);
        await mail.CountAsync();
        return (cluster, new()
        {
            ["one"] = one.ToString(),
            ["two"] = two.ToString(),
            ["a"] = a.ToString(),
            ["b"] = b.ToString(),
        });
    }
}
