using System.Diagnostics;
using System.Net;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Links;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Events;
using Tracking.RedirectEdge.Hosts;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.RedirectEdge.Tests;

public sealed class ServeEdgeTests : IAsyncLifetime
{
    private EdgeUnderTest _edge = null!;

    // Nothing publishes batches: recorded events stay in the spool's files, where the tests read them.
    public async ValueTask InitializeAsync() => _edge = await EdgeUnderTest.StartAsync();

    public ValueTask DisposeAsync() => _edge.DisposeAsync();

    [Fact]
    public async Task A_click_is_recorded_and_redirected_to_the_exact_destination()
    {
        var answer = await _edge.GetAsync($"/c/{EdgeUnderTest.Token()}?fbclid=added-on-the-way");

        Assert.Equal(302, answer.Status);
        Assert.Equal(EdgeUnderTest.Destination, answer.Headers["Location"]);
        Assert.Equal("no-store", answer.Headers["Cache-Control"]);
        Assert.Equal("no-referrer", answer.Headers["Referrer-Policy"]);
        Assert.Equal("0", answer.Headers["Content-Length"]);
        var recorded = Assert.Single(_edge.Recorded());
        Assert.Equal(
            (LinkKind.Click, EdgeUnderTest.Cluster, EdgeUnderTest.Message, EdgeUnderTest.Link, 5),
            (recorded.Kind, recorded.Cluster, recorded.Message, recorded.Link, recorded.Ordinal));
        Assert.Equal((IPAddress.Loopback, EdgeUnderTest.UserAgent), (recorded.Client, recorded.UserAgent));
    }

    [Theory]
    [InlineData("/{0}")]
    [InlineData("/-{0}", true)]
    [InlineData("/spring/sale-{0}", true)]
    [InlineData("/robots.txt-{0}", true)]
    [InlineData("/o/-{0}", true)]
    [InlineData("/a%2Fb/%E2%82%AC-{0}", true)]
    [InlineData("/x/../../y-{0}", true)]
    [InlineData("//evil.example/-{0}", true)]
    [InlineData("http://track.localhost/c/{0}", true)]
    [InlineData("http://track.localhost/a/b-{0}?q=1", true)]
    [InlineData("/c/{0}?", true)]
    [InlineData("/c/{0}?/o/x", true)]
    [InlineData("/c//{0}")]
    [InlineData("/c/{0}x")]
    [InlineData("/c/{0}-")]
    [InlineData("/c/{0}_")]
    [InlineData("/c/{0}.x")]
    [InlineData("/c/{0}%41")]
    [InlineData("/c/{0}%2D")]
    [InlineData("/c/{0}%", true)]
    [InlineData("/c/{0}%4")]
    [InlineData("/c/{0}./", true)]
    [InlineData("/c/{0}.", true)]
    [InlineData("/C/{0}")]
    [InlineData("/x/{0}")]
    [InlineData("/c/x{0}")]
    [InlineData("/c?{0}")]
    [InlineData("/o/{0}")]
    [InlineData("/i/{0}")]
    public async Task A_click_token_is_taken_at_the_end_of_the_raw_path_only(string target, bool served = false)
    {
        var answer = await _edge.GetAsync(target.Replace("{0}", EdgeUnderTest.Token(), StringComparison.Ordinal));
        Assert.Equal(served ? 302 : 404, answer.Status);
        Assert.Equal(served ? 1 : 0, _edge.Recorded().Count);
    }

    public static TheoryData<string> Tails =>
    [
        ".", ",", ")", ">", "%3E", "%29.", "\"", "/", "%20", "%E3%80%82", "]", "}", "'", ";", ":", "!", "*", "~", "|",
        "=", "+", "&", "%22", "%27", "%5D", "%7D", "%c2%bb", "%E2%80%9D", "%E2%80%8B", "%0D%0A", "%25", "...",
        ").", "/.", "&;", "\\", "^", "`", "{", "[", "(", "<", "%3C/", ">.%20", ".?utm_source=x", "/?x",
    ];

    [Theory]
    [MemberData(nameof(Tails))]
    public async Task What_a_mail_program_takes_into_a_link_behind_the_token_does_no_harm(string tail)
    {
        foreach (var prefix in (string[])["/c/", "/spring/sale-", "/-"])
        {
            var answer = await _edge.GetAsync(prefix + EdgeUnderTest.Token() + tail);
            Assert.Equal(
                (302, EdgeUnderTest.Destination), (answer.Status, answer.Headers.GetValueOrDefault("Location")));
        }

        Assert.Equal(200, (await _edge.GetAsync($"/o/{EdgeUnderTest.Token(LinkKind.Open)}{tail}")).Status);
        Assert.Equal(302, (await _edge.GetAsync($"/i/{EdgeUnderTest.Token(LinkKind.Image)}{tail}")).Status);
        Assert.Equal(
            [LinkKind.Click, LinkKind.Click, LinkKind.Click, LinkKind.Open, LinkKind.Image],
            _edge.Recorded().Select(recorded => recorded.Kind));
    }

    [Theory]
    [InlineData("/c/AAAA.")]
    [InlineData("/c/.")]
    [InlineData("/....")]
    [InlineData("/%20%20%20")]
    [InlineData("/c/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.")]
    [InlineData("/-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%29/")]
    public async Task A_tail_makes_no_token_of_what_is_none(string target) =>
        Assert.Equal(404, (await _edge.GetAsync(target)).Status);

    [Theory]
    [InlineData(LinkKind.Click, "/c/", 302)]
    [InlineData(LinkKind.Click, "/o/", 404)]
    [InlineData(LinkKind.Click, "/i/", 404)]
    [InlineData(LinkKind.Honeypot, "/c/", 302)]
    [InlineData(LinkKind.Honeypot, "/x-", 302)]
    [InlineData(LinkKind.Open, "/o/", 200)]
    [InlineData(LinkKind.Open, "/c/", 404)]
    [InlineData(LinkKind.Open, "/x-", 404)]
    [InlineData(LinkKind.Image, "/i/", 302)]
    [InlineData(LinkKind.Image, "/c/", 404)]
    [InlineData(LinkKind.Image, "/x-", 404)]
    public async Task A_token_is_served_only_behind_the_paths_of_its_kind(LinkKind kind, string prefix, int status)
    {
        var answer = await _edge.GetAsync(prefix + EdgeUnderTest.Token(kind));
        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 404 ? [] : [kind], _edge.Recorded().Select(recorded => recorded.Kind));
    }

    [Fact]
    public async Task An_open_is_recorded_and_answered_with_a_pixel()
    {
        var answer = await _edge.GetAsync($"/o/{EdgeUnderTest.Token(LinkKind.Open)}");
        Assert.Equal(
            (200, "image/gif", "43", "no-store"),
            (answer.Status, answer.Headers["Content-Type"], answer.Headers["Content-Length"],
                answer.Headers["Cache-Control"]));
        Assert.Equal(43, answer.Body.Length);
        Assert.StartsWith("GIF89a\x01\0\x01\0", answer.Body, StringComparison.Ordinal);
        Assert.EndsWith(";", answer.Body, StringComparison.Ordinal);
        Assert.Equal((LinkKind.Open, default), (_edge.Recorded().Single().Kind, _edge.Recorded().Single().Link));
    }

    [Fact]
    public async Task Every_flipped_bit_of_a_token_gives_the_same_answer_and_records_nothing()
    {
        foreach (var kind in Enum.GetValues<LinkKind>())
        {
            var prefix = kind switch { LinkKind.Open => "/o/", LinkKind.Image => "/i/", _ => "/c/" };
            var unknown = (await _edge.GetAsync(prefix + "nothing")).Fingerprint;
            var token = EdgeUnderTest.Token(kind);
            var bytes = System.Buffers.Text.Base64Url.DecodeFromChars(token);
            var targets = new List<string>();
            for (var bit = 0; bit < 8 * bytes.Length; bit++)
            {
                bytes[bit / 8] ^= (byte)(1 << (bit % 8));
                targets.Add(prefix + System.Buffers.Text.Base64Url.EncodeToString(bytes));
                bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            }

            await Parallel.ForEachAsync(targets, async (target, _) =>
                Assert.Equal(unknown, (await _edge.GetAsync(target)).Fingerprint));
        }

        Assert.Empty(_edge.Recorded());
    }

    [Theory]
    [InlineData("/o/nothing", 404)]
    [InlineData("/i/nothing", 404)]
    [InlineData("/o/", 404)]
    [InlineData("/o/{click}", 404)]
    [InlineData("/o/{foreign}", 404)]
    [InlineData("/o/{foreign}.", 404)]
    [InlineData("/o/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 404)]
    [InlineData("/i/{image}", 503)]
    public async Task A_refused_image_is_answered_with_the_pixel_and_the_status(string target, int status)
    {
        target = target
            .Replace("{click}", EdgeUnderTest.Token(), StringComparison.Ordinal)
            .Replace(
                "{foreign}", EdgeUnderTest.Token(LinkKind.Open, EdgeUnderTest.DeletedCluster), StringComparison.Ordinal)
            .Replace("{image}", EdgeUnderTest.Token(LinkKind.Image, link: new LinkId(9)), StringComparison.Ordinal);
        _edge.Services.GetRequiredService<ClusterDirectory>().Remove(EdgeUnderTest.DeletedCluster);
        var pixel = await _edge.GetAsync($"/o/{EdgeUnderTest.Token(LinkKind.Open)}");
        foreach (var method in (string[])["GET", "HEAD"])
        {
            var answer = await _edge.GetAsync(target, method: method);
            Assert.Equal(
                (status, "image/gif", "43", "no-store", method == "GET" ? pixel.Body : ""),
                (answer.Status, answer.Headers["Content-Type"], answer.Headers["Content-Length"],
                    answer.Headers["Cache-Control"], answer.Body));
        }

        Assert.Single(_edge.Recorded());
    }

    [Fact]
    public async Task A_refused_link_under_a_path_of_images_is_answered_with_the_page()
    {
        // The original path began so (linkStyle: path), and a person is waiting for the page.
        var answer = await _edge.GetAsync($"/o/spring-{EdgeUnderTest.Token(link: new LinkId(9))}");
        Assert.Equal((503, "text/html; charset=utf-8"), (answer.Status, answer.Headers["Content-Type"]));
    }

    [Fact]
    public async Task What_a_copy_does_not_know_may_be_newer_and_is_a_503_while_the_store_is_away()
    {
        var answer = await _edge.GetAsync($"/c/{EdgeUnderTest.Token(cluster: EdgeUnderTest.NewCluster)}");
        Assert.Equal((503, "5"), (answer.Status, answer.Headers["Retry-After"]));
        Assert.Empty(_edge.Recorded());
    }

    [Fact]
    public async Task A_cluster_that_the_bus_calls_deleted_stops_although_the_copy_knows_it()
    {
        var unknown = (await _edge.GetAsync("/no/such/page")).Fingerprint;
        await _edge.Services.GetRequiredService<IBus>().Publish(
            new DirectoryChanged
            {
                Id = Guid.CreateVersion7(),
                Cluster = EdgeUnderTest.Cluster.Value,
                IsDeleted = true,
            },
            TestContext.Current.CancellationToken);
        RawAnswer? answer = null;
        await Poll.UntilAsync(
            () => (answer = _edge.GetAsync($"/c/{EdgeUnderTest.Token()}").Result).Status == 404, "the cluster is gone");
        Assert.Equal(unknown, answer!.Fingerprint);

        // A change is not a deletion: served names are still served.
        await _edge.Services.GetRequiredService<IBus>().Publish(
            new DirectoryChanged { Id = Guid.CreateVersion7(), Cluster = EdgeUnderTest.OtherCluster.Value },
            TestContext.Current.CancellationToken);
        var other = $"/o/{EdgeUnderTest.Token(LinkKind.Open, EdgeUnderTest.OtherCluster)}";
        Assert.Equal(200, (await _edge.GetAsync(other)).Status);

        // This also holds after a restart while the store is unavailable.
        await _edge.StopAsync();
        var (living, _) = DirectoryCopy.Decode(_edge.Services.GetRequiredService<EdgeFolder>()
            .ReadChecked("directory.copy")!);
        Assert.Equal([EdgeUnderTest.OtherCluster], living.Keys);
    }

    [Fact]
    public async Task Unknown_foreign_and_dead_are_the_same_404()
    {
        _edge.Services.GetRequiredService<ClusterDirectory>().Remove(EdgeUnderTest.DeletedCluster);
        var unknown = (await _edge.GetAsync("/no/such/page")).Fingerprint;
        Assert.StartsWith("404\n", unknown, StringComparison.Ordinal);

        var dead = $"/c/{EdgeUnderTest.Token(cluster: EdgeUnderTest.DeletedCluster)}";
        Assert.Equal(unknown, (await _edge.GetAsync(dead)).Fingerprint);
        Assert.Equal(unknown, (await _edge.GetAsync($"/c/{EdgeUnderTest.Token()}", host: "other.example")).Fingerprint);
        Assert.Equal(unknown, (await _edge.GetAsync("/c/" + new string('A', 40))).Fingerprint);
        Assert.Equal(unknown, (await _edge.GetAsync("/anything", host: "other.example")).Fingerprint);
        Assert.Empty(_edge.Recorded());
    }

    [Theory]
    [InlineData("track.localhost")]
    [InlineData("TRACK.LocalHost")]
    [InlineData("track.localhost:8443")]
    [InlineData("track.localhost.")]
    [InlineData("track.localhost.:80")]
    public async Task The_host_is_folded_and_its_port_ignored(string host) =>
        Assert.Equal(302, (await _edge.GetAsync($"/c/{EdgeUnderTest.Token()}", host)).Status);

    [Fact]
    public async Task A_link_of_one_cluster_is_not_found_under_another()
    {
        // We signed the token for the other cluster, with a link id that only the first cluster has. The answer is
        // never the first cluster's destination.
        var answer = await _edge.GetAsync($"/c/{EdgeUnderTest.Token(cluster: EdgeUnderTest.OtherCluster)}");
        Assert.Equal(503, answer.Status);
        Assert.DoesNotContain("Location", answer.Headers.Keys);
    }

    [Fact]
    public async Task A_destination_that_is_not_in_memory_while_the_store_is_away_is_a_503_with_retry_after()
    {
        var answer = await _edge.GetAsync($"/c/{EdgeUnderTest.Token(link: new LinkId(9))}");
        Assert.Equal((503, "5"), (answer.Status, answer.Headers["Retry-After"]));
        Assert.Empty(_edge.Recorded());
    }

    [Theory]
    [InlineData("/c/", LinkKind.Click)]
    [InlineData("/o/", LinkKind.Open)]
    [InlineData("/i/", LinkKind.Image)]
    public async Task Head_gets_the_same_headers_and_counts_nothing(string prefix, LinkKind kind)
    {
        var head = await _edge.GetAsync(prefix + EdgeUnderTest.Token(kind), method: "HEAD");
        Assert.Equal("", head.Body);
        Assert.Empty(_edge.Recorded());

        var get = await _edge.GetAsync(prefix + EdgeUnderTest.Token(kind));
        Assert.Equal(
            get.Headers.Where(header => header.Key != "Date").OrderBy(header => header.Key),
            head.Headers.Where(header => header.Key != "Date").OrderBy(header => header.Key));
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    [InlineData("PROPFIND")]
    [InlineData("TRACE")]
    [InlineData("get")]
    [InlineData("head")]
    public async Task Other_methods_are_not_allowed_and_count_nothing(string method)
    {
        var answer = await _edge.GetAsync(
            $"/c/{EdgeUnderTest.Token()}", method: method, headers: "Content-Length: 0\r\n");
        Assert.Equal((405, "GET, HEAD"), (answer.Status, answer.Headers["Allow"]));
        Assert.Empty(_edge.Recorded());
    }

    [Theory]
    [InlineData("OPTIONS * HTTP/1.1\r\nHost: track.localhost\r\nConnection: close\r\n\r\n", 405)]
    [InlineData("CONNECT track.localhost:443 HTTP/1.1\r\nHost: track.localhost:443\r\nConnection: close\r\n\r\n", 405)]
    [InlineData("GET http://track.localhost HTTP/1.1\r\nHost: track.localhost\r\nConnection: close\r\n\r\n", 200)]
    [InlineData("GET http://track.localhost?x HTTP/1.1\r\nHost: track.localhost\r\nConnection: close\r\n\r\n", 200)]
    [InlineData("GET / HTTP/1.0\r\n\r\n", 200)]
    [InlineData("GET /nothing HTTP/1.0\r\n\r\n", 404)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", 400)]
    [InlineData("GET http://a/ HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n", 400)]
    [InlineData("GET /%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400)]
    public async Task Odd_requests_get_an_answer(string request, int status) =>
        Assert.Equal(status, (await _edge.SendAsync(request)).Status);

    [Theory]
    [InlineData("Range: bytes=0-9\r\n")]
    [InlineData("Purpose: prefetch\r\nSec-Purpose: prefetch;prerender\r\n")]
    [InlineData("If-None-Match: *\r\nIf-Modified-Since: Sat, 14 Mar 2026 09:26:53 GMT\r\n")]
    public async Task Range_prefetch_and_conditional_requests_are_answered_normally_and_recorded(string headers)
    {
        Assert.Equal(302, (await _edge.GetAsync($"/c/{EdgeUnderTest.Token()}", headers: headers)).Status);
        Assert.Equal(200, (await _edge.GetAsync($"/o/{EdgeUnderTest.Token(LinkKind.Open)}", headers: headers)).Status);
        Assert.Equal(2, _edge.Recorded().Count);
    }

    [Theory]
    [InlineData("track.localhost")]
    [InlineData("unknown.example")]
    [InlineData("track.shop.example")]
    [InlineData("pending.shop.example")]
    [InlineData("v-0123.track.localhost")]
    [InlineData("127.0.0.1:8081")]
    [InlineData("")]
    public async Task The_root_says_hello_for_every_host(string host)
    {
        var answer = await _edge.GetAsync("/", host);
        Assert.Equal((200, "Hello.", "text/plain; charset=utf-8"),
            (answer.Status, answer.Body, answer.Headers["Content-Type"]));
    }

    [Fact]
    public async Task Robots_are_kept_out()
    {
        var answer = await _edge.GetAsync("/robots.txt");
        Assert.Equal((200, "User-agent: *\nDisallow: /\n"), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task Only_the_edges_own_port_is_the_edge()
    {
        var request = "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        Assert.Equal(404, (await _edge.SendAsync(request)).Status);
        Assert.Equal("the other side", (await _edge.SendAsync(request, _edge.OtherPort)).Body);
    }

    [Theory]
    [InlineData("javascript:alert(1)")]
    [InlineData("//evil.example")]
    [InlineData("/relative")]
    [InlineData("https://")]
    [InlineData("https:///")]
    [InlineData("https://a.example/\r\nSet-Cookie: x=1")]
    [InlineData("https://a.example/\t")]
    [InlineData("https://a.example/ä")]
    [InlineData("https://a.example/ x")]
    [InlineData("data:text/html,x")]
    public void An_unsafe_destination_is_never_kept_for_serving(string url)
    {
        var links = _edge.Services.GetRequiredService<LinkLookup>();
        var key = new LinkKey(EdgeUnderTest.Cluster, new LinkId(77));
        Assert.Null(links.Add(key, url));
        Assert.False(links.TryGet(key, out _));
    }

    [Fact]
    public async Task A_long_user_agent_is_cut_and_a_missing_one_empty()
    {
        var path = $"/c/{EdgeUnderTest.Token()}";
        await _edge.SendAsync(
            $"GET {path} HTTP/1.1\r\nHost: track.localhost\r\nUser-Agent: {new string('x', 5000)}\r\n"
            + "Connection: close\r\n\r\n");
        await _edge.SendAsync($"GET {path} HTTP/1.1\r\nHost: track.localhost\r\nConnection: close\r\n\r\n");
        Assert.Equal([1024, 0], _edge.Recorded().Select(recorded => recorded.UserAgent.Length));
    }

    [Fact]
    public async Task A_sampled_request_leaves_its_trace_in_the_record()
    {
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.Parent.TraceId.ToHexString().StartsWith("0af7651916cd43dd", StringComparison.Ordinal)
                    ? ActivitySamplingResult.AllDataAndRecorded
                    : ActivitySamplingResult.None,
        };
        ActivitySource.AddActivityListener(listener);
        var trace = "0af7651916cd43dd8448eb211c80319c";
        await _edge.GetAsync(
            $"/c/{EdgeUnderTest.Token()}", headers: $"traceparent: 00-{trace}-b7ad6b7169203331-01\r\n");
        var recorded = Assert.Single(_edge.Recorded());
        Assert.StartsWith(trace, recorded.Trace, StringComparison.Ordinal);
        Assert.Equal(48, recorded.Trace.Length);
    }

    [Fact]
    public async Task The_edge_is_ready_with_its_copies_while_the_database_is_away()
    {
        var health = _edge.Services.GetRequiredService<HealthCheckService>();
        var report = await health.CheckHealthAsync(
            check => check.Tags.Contains(HealthEndpoints.Ready), TestContext.Current.CancellationToken);
        Assert.Equal(HealthStatus.Healthy, report.Entries["edge"].Status);
        Assert.Equal(HealthStatus.Degraded, report.Entries["database"].Status);
        Assert.Equal(HealthStatus.Degraded, report.Status);
    }
}
