using System.Text.Json;
using Tracking.Links;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Tests.Destinations;

public sealed class DestinationRulesTests
{
    private const string Repaired = "https://shop.example/right";

    private static readonly LinkId _newLink = new(0xfeed_0000_0000_0002);

    [Fact]
    public void Without_rules_there_is_nothing_to_ask() => Assert.Null(DestinationRules.Of(new RuleRows([], [])));

    [Theory]
    [InlineData("https://evil.example/", true)]
    [InlineData("https://EVIL.example./x", true)]
    [InlineData("https://user:password@evil.example:8443/x", true)]
    [InlineData("https://a.evil.example/", false)]
    [InlineData("https://a.b.bad.example/", true)]
    [InlineData("https://bad.example/", false)]
    [InlineData("https://half.example/good", false)]
    [InlineData("https://half.example/phish/1", true)]
    [InlineData("https://half.example/%70hish", true)]
    [InlineData("https://evil.example.org/", false)]
    public void A_destination_is_blocked_by_host_and_path_in_any_spelling(string url, bool isBlocked)
    {
        var rules = DestinationRules.Of(new RuleRows(["evil.example", "*.bad.example", "half.example/phish"], []))!;
        Assert.Equal(isBlocked, rules.Blocks(url));
        var link = new CachedLink(new LinkKey(EdgeUnderTest.Cluster, EdgeUnderTest.Link), url);
        Assert.Equal(!isBlocked, rules.LeavesAlone(link));
        Assert.Equal(!isBlocked, rules.LeavesAlone(link));
    }

    [Fact]
    public void What_one_set_of_rules_leaves_alone_the_next_looks_at_again()
    {
        var link = new CachedLink(new LinkKey(EdgeUnderTest.Cluster, EdgeUnderTest.Link), "https://shop.example/");
        Assert.True(DestinationRules.Of(new RuleRows(["evil.example"], []))!.LeavesAlone(link));
        Assert.False(DestinationRules.Of(new RuleRows(["shop.example"], []))!.LeavesAlone(link));
        Assert.True(DestinationRules.Of(new RuleRows(["evil.example"], []))!.LeavesAlone(link));
    }

    [Fact]
    public async Task A_blocked_destination_gets_a_plain_page_and_no_event_also_without_a_database()
    {
        using var folder = new TemporaryFolder();
        await using (await EdgeUnderTest.StartAsync(folder: folder))
        {
            // Makes the copies.
        }

        Write(folder, new RuleRows(["shop.example"], []));
        await using var edge = await EdgeUnderTest.StartAsync(folder: folder, withCopies: false);
        var answer = await edge.GetAsync($"/c/{EdgeUnderTest.Token()}");
        Assert.Equal(410, answer.Status);
        Assert.Equal("no-store", answer.Headers["Cache-Control"]);
        Assert.DoesNotContain("Location", answer.Headers.Keys);
        Assert.DoesNotContain("shop.example", answer.Body, StringComparison.Ordinal);
        Assert.Equal(410, (await edge.GetAsync($"/c/{EdgeUnderTest.Token()}", method: "HEAD")).Status);
        var picture = await edge.GetAsync($"/i/{EdgeUnderTest.Token(LinkKind.Image)}");
        Assert.Equal((410, "image/gif"), (picture.Status, picture.Headers["Content-Type"]));
        Assert.Equal(200, (await edge.GetAsync($"/o/{EdgeUnderTest.Token(LinkKind.Open)}")).Status);
        Assert.Equal(LinkKind.Open, Assert.Single(edge.Recorded()).Kind);
    }

    [Fact]
    public async Task A_repaired_destination_acts_in_its_message_and_is_recorded_as_the_new_link()
    {
        using var folder = new TemporaryFolder();
        await using (await EdgeUnderTest.StartAsync(folder: folder))
        {
            // Makes the copies.
        }

        Write(folder, new RuleRows([], [Row(EdgeUnderTest.Message, EdgeUnderTest.Cluster)]));
        await using (var edge = await EdgeUnderTest.StartAsync(folder: folder, withCopies: false))
        {
            Assert.Equal(Repaired, (await edge.GetAsync($"/c/{EdgeUnderTest.Token()}")).Headers["Location"]);
            var recorded = Assert.Single(edge.Recorded());
            Assert.Equal((_newLink, EdgeUnderTest.Message, 5), (recorded.Link, recorded.Message, recorded.Ordinal));
        }

        // Another message, or another cluster, with the same destination stays as it was.
        Write(folder, new RuleRows(
            [],
            [
                Row(new MessageKey(7, 7), EdgeUnderTest.Cluster),
                Row(EdgeUnderTest.Message, EdgeUnderTest.OtherCluster),
            ]));
        await using var next = await EdgeUnderTest.StartAsync(folder: folder, withCopies: false);
        Assert.Equal(
            EdgeUnderTest.Destination, (await next.GetAsync($"/c/{EdgeUnderTest.Token()}")).Headers["Location"]);
    }

    [Fact]
    public async Task Damaged_tokens_of_one_network_are_limited_and_valid_ones_never()
    {
        await using var edge = await EdgeUnderTest.StartAsync(options => options.InvalidTokensPerSecondAndNetwork = 1);
        var token = EdgeUnderTest.Token();
        var damaged = (token[0] == 'A' ? 'B' : 'A') + token[1..];
        var answers = new List<int>();
        while (!answers.Contains(429))
        {
            Assert.InRange(answers.Count, 0, 200);
            answers.Add((await edge.GetAsync($"/c/{damaged}")).Status);
        }

        Assert.All(answers, status => Assert.True(status is 404 or 429, $"{status}"));
        Assert.Equal(404, answers[0]);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(302, (await edge.GetAsync($"/c/{token}")).Status);
        }
    }

    private static RepairRow Row(MessageKey message, ClusterId cluster) => new(
        cluster.Value, EdgeUnderTest.Link.ToInt64(), message.ToString(), null, _newLink.ToInt64(), Repaired);

    private static void Write(TemporaryFolder folder, RuleRows rows)
    {
        using var opened = EdgeFolder.Open(folder.Path);
        opened.WriteChecked("rules.copy", JsonSerializer.SerializeToUtf8Bytes(rows));
    }
}
