using Tracking.Links;

namespace Tracking.RedirectEdge.Tests.Imported;

/// <summary>Links of another system's mail: served like our own, counted for their message.</summary>
public sealed class ServeImportedTests
{
    private const string Moved = "moved.shop.example";

    [Fact]
    public async Task A_click_is_redirected_as_its_system_did_and_recorded_for_its_message()
    {
        await using var edge = await EdgeUnderTest.StartAsync();
        var answer = await edge.GetAsync("/server/link?fbclid=added-on-the-way", Moved);
        Assert.Equal(307, answer.Status);
        Assert.Equal(EdgeUnderTest.Destination, answer.Headers["Location"]);
        Assert.Equal("no-store", answer.Headers["Cache-Control"]);
        var recorded = Assert.Single(edge.Recorded());
        Assert.Equal(
            (LinkKind.Click, EdgeUnderTest.Cluster, EdgeUnderTest.Imported[0].Link.Message, EdgeUnderTest.Link, 0),
            (recorded.Kind, recorded.Cluster, recorded.Message, recorded.Link, recorded.Ordinal));
        Assert.Equal(EdgeUnderTest.UserAgent, recorded.UserAgent);
    }

    [Fact]
    public async Task A_picture_is_the_open_of_its_message()
    {
        await using var edge = await EdgeUnderTest.StartAsync();
        var answer = await edge.GetAsync("/img/server/message", Moved);
        Assert.Equal((200, "image/gif"), (answer.Status, answer.Headers["Content-Type"]));
        var recorded = Assert.Single(edge.Recorded());
        Assert.Equal(
            (LinkKind.Open, EdgeUnderTest.Imported[0].Link.Message, default),
            (recorded.Kind, recorded.Message, recorded.Link));
    }

    [Fact]
    public async Task Head_gets_the_same_headers_and_counts_nothing_and_other_methods_nothing_at_all()
    {
        await using var edge = await EdgeUnderTest.StartAsync();
        foreach (var path in (string[])["/server/link", "/img/server/message"])
        {
            var got = await edge.GetAsync(path, Moved);
            var head = await edge.GetAsync(path, Moved, method: "HEAD");
            Assert.Equal(got.Status, head.Status);
            Assert.Equal(
                got.Headers.Where(header => header.Key != "Date"), head.Headers.Where(header => header.Key != "Date"));
            Assert.Empty(head.Body);
            Assert.Equal(405, (await edge.GetAsync(path, Moved, method: "POST")).Status);
        }

        Assert.Equal(2, edge.Recorded().Count);
    }

    [Fact]
    public async Task Nothing_personal_is_kept_of_who_follows_a_link_of_a_stricter_message()
    {
        await using var edge = await EdgeUnderTest.StartAsync();
        Assert.Equal(307, (await edge.GetAsync("/server/quiet", Moved)).Status);
        var recorded = Assert.Single(edge.Recorded());
        Assert.Equal((null, ""), (recorded.Client, recorded.UserAgent));
    }

    [Theory]
    [InlineData("track.shop.example")]
    [InlineData("track.other.example")]
    [InlineData(EdgeUnderTest.Host)]
    public async Task Other_hosts_answer_as_ever(string host)
    {
        await using var edge = await EdgeUnderTest.StartAsync();
        var unknown = await edge.GetAsync("/nothing/here", host);
        Assert.Equal(404, unknown.Status);
        Assert.Equal(unknown.Fingerprint, (await edge.GetAsync("/server/link", host)).Fingerprint);
        Assert.Equal(unknown.Fingerprint, (await edge.GetAsync("/img/server/message", host)).Fingerprint);
    }

    [Fact]
    public async Task Behind_a_web_server_that_marks_requests_only_marked_ones_are_served()
    {
        await using var edge = await EdgeUnderTest.StartAsync(options => options.RequireTrackHostHeader = true);
        Assert.Equal(404, (await edge.GetAsync("/server/link", Moved)).Status);
        Assert.Equal(307, (await edge.GetAsync("/server/link", Moved, "X-Postal-Track-Host: 1\r\n")).Status);
    }

    [Fact]
    public async Task Own_tokens_on_the_host_are_served_as_ever()
    {
        await using var edge = await EdgeUnderTest.StartAsync();
        Assert.Equal(302, (await edge.GetAsync($"/c/{EdgeUnderTest.Token()}", Moved)).Status);
        Assert.Equal(200, (await edge.GetAsync("/", Moved)).Status);
    }
}
