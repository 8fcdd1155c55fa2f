using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Database;
using Tracking.Functional.Tests.Management;
using Tracking.Links;
using Tracking.Rewrite;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>The rows in the database after a message was returned.</summary>
public sealed class RegistrationTests(RewritePostgres postgres) : IAsyncLifetime
{
    private RewriteHost _host = null!;
    private ClusterId _cluster;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private SigningKeys Keys => _host.Services.GetRequiredService<SigningKeyRing>().Current!;

    public async ValueTask InitializeAsync()
    {
        _host = await RewriteHost.StartAsync(await postgres.CreateDatabaseAsync());
        _cluster = await _host.CreateClusterAsync();
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task No_message_leaves_before_it_and_its_links_are_committed()
    {
        Task<string> answer;
        await using (await _host.LockAsync("rewrite.messages"))
        {
            answer = _host.AcceptedAsync(_cluster, Mail.Html("held", "https://example.com/a"));
            await Eventually.HoldsAsync(_host.SomebodyWaitsAsync, "the registration waits", Cancelled);
            Assert.False(answer.IsCompleted);
            Assert.Equal(0, await _host.CountAsync("links.destinations"));
        }

        var token = Mail.Tokens(await answer, Keys)[0];
        Assert.Equal("https://example.com/a", await UrlAsync(token));
        Assert.Equal(1, await _host.CountAsync("rewrite.messages"));
    }

    [Fact]
    public async Task The_same_message_again_gives_the_same_bytes_and_no_new_rows()
    {
        var message = Mail.Html("twice", "https://example.com/a", "https://example.com/b");
        var first = await _host.AcceptedAsync(_cluster, message);
        var stored = await _host.StoredAsync();
        var version = await _host.ScalarAsync<string>("SELECT xmin::text FROM rewrite.messages");
        Assert.Equal(first, await _host.AcceptedAsync(_cluster, message));
        Assert.Equal(stored, await _host.StoredAsync());
        Assert.Equal(version, await _host.ScalarAsync<string>("SELECT xmin::text FROM rewrite.messages"));
    }

    [Fact]
    public async Task A_message_behind_another_From_line_or_byte_order_mark_is_the_same_message()
    {
        var message = Mail.Html("piped", "https://example.com/a");
        var alone = await _host.AcceptedAsync(_cluster, message);
        var stored = await _host.StoredAsync();
        foreach (var beginning in new[]
        {
            "From a@shop.example Sat Nov 28 10:00:00 2026\r\n",
            "From a@shop.example Sat Nov 28 10:05:00 2026\n>From b@shop.example Fri Nov 27 09:00:00 2026\n",
            "\u00EF\u00BB\u00BF",
        })
        {
            Assert.Equal(beginning + alone, await _host.AcceptedAsync(_cluster, beginning + message));
        }

        Assert.Equal(stored, await _host.StoredAsync());
    }

    [Fact]
    public async Task A_campaign_writes_each_link_once_and_its_second_message_asks_for_none()
    {
        var urls = Enumerable.Range(0, 20).Select(n => $"https://example.com/{n}").ToArray();
        await _host.AcceptedAsync(_cluster, Mail.Html("1", urls));
        await using (await _host.LockAsync("links.destinations"))
        {
            for (var n = 2; n <= 50; n++)
            {
                await _host.AcceptedAsync(_cluster, Mail.Html($"{n}", urls));
            }
        }

        Assert.Equal(20, await _host.CountAsync("links.destinations"));
        Assert.Equal(50, await _host.CountAsync("rewrite.messages"));
    }

    [Fact]
    public async Task The_same_message_under_other_settings_keeps_its_key_and_its_row_follows()
    {
        var message =
            "From: a@shop.example\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\n"
            + "https://example.com/text\r\n--x\r\nContent-Type: text/html\r\n\r\n"
            + "<a href=https://example.com/html>x</a>\r\n--x--\r\n";
        var both = Mail.Tokens(await _host.AcceptedAsync(_cluster, message), Keys);
        Assert.Equal([1, 2], await PartsAsync());
        var html = Mail.Tokens(
            await _host.AcceptedAsync(_cluster, message, ("tracking-clicks", "html"), ("tracking-opens", "no")), Keys);
        Assert.Equal([2], await PartsAsync());
        Assert.Equal(both[0].Message, Assert.Single(html).Message);
        Assert.False(await _host.ScalarAsync<bool>("SELECT opens_tracked FROM rewrite.messages"));
        Assert.Equal(1, await _host.ScalarAsync<int>("SELECT link_count FROM rewrite.messages"));
    }

    [Fact]
    public async Task The_same_id_with_other_bytes_is_refused()
    {
        await _host.AcceptedAsync(_cluster, Mail.Html("one"), ("tracking-message-id", "id-1@shop.example"));
        using var response = await _host.RewriteAsync(
            _cluster, Mail.Html("two"), ("tracking-message-id", "id-1@shop.example"));
        await Problem.IsAsync(
            response, HttpStatusCode.Conflict, "conflict", "tracking-message-id", "id-1@shop.example");
        Assert.Equal(1, await _host.CountAsync("rewrite.messages"));

        // Ids of different tenants do not collide.
        await _host.AcceptedAsync(
            await _host.CreateClusterAsync(), Mail.Html("two"), ("tracking-message-id", "id-1@shop.example"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_link_id_that_is_taken_by_another_URL_takes_the_next_salt(int taken)
    {
        const string Url = "https://example.com/collides";
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes(Url));
        for (byte salt = 0; salt < taken; salt++)
        {
            await _host.ExecuteAsync(
                "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES ($1, $2, $3, $4)",
                _cluster.Value,
                LinkId.FromUrlHash(hash, salt).ToInt64(),
                new byte[] { salt },
                $"https://foreign{salt}/");
        }

        var token = Mail.Tokens(await _host.AcceptedAsync(_cluster, Mail.Html("collides", Url)), Keys)[0];
        Assert.Equal(LinkId.FromUrlHash(hash, (byte)taken), token.Link);
        Assert.Equal(Url, await UrlAsync(token));
        Assert.Equal(taken, await _host.ScalarAsync<short>(
            "SELECT salt FROM links.destinations WHERE link_id = $1", token.Link.ToInt64()));

        // The link from memory is the same.
        var again = Mail.Tokens(await _host.AcceptedAsync(_cluster, Mail.Html("again", Url)), Keys)[0];
        Assert.Equal(token.Link, again.Link);
    }

    [Fact]
    public async Task A_message_key_that_is_taken_by_another_id_takes_the_next_salt()
    {
        var hash = MessageKey.HashId("id-2@shop.example");
        for (byte salt = 0; salt < 2; salt++)
        {
            await _host.ExecuteAsync(
                """
                INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, host,
                    link_count, opens_tracked, link_map)
                VALUES ($1, $2, '\x00', '\x00', 'foreign', 'track.localhost', 0, true, '\x01')
                """,
                _cluster.Value, MessageKey.FromIdHash(hash, salt).ToBytes());
        }

        var message = Mail.Html("key", "https://example.com/");
        var first = await _host.AcceptedAsync(_cluster, message, ("tracking-message-id", "id-2@shop.example"));
        Assert.All(Mail.Tokens(first, Keys), token => Assert.Equal(MessageKey.FromIdHash(hash, 2), token.Message));
        Assert.Equal(2, await _host.ScalarAsync<long>(
            "SELECT count(*) FROM rewrite.messages WHERE message_id = 'foreign' AND link_count = 0"));
        Assert.Equal(
            first, await _host.AcceptedAsync(_cluster, message, ("tracking-message-id", "id-2@shop.example")));
    }

    [Fact]
    public async Task Two_clusters_share_no_row()
    {
        var other = await _host.CreateClusterAsync();
        var message = Mail.Html("shared", "https://example.com/shared");
        var mine = Mail.Tokens(await _host.AcceptedAsync(_cluster, message), Keys);
        var theirs = Mail.Tokens(await _host.AcceptedAsync(other, message), Keys);
        Assert.All(mine, token => Assert.Equal(_cluster, token.Cluster));
        Assert.All(theirs, token => Assert.Equal(other, token.Cluster));
        Assert.Equal(2, await _host.CountAsync("links.destinations"));
        Assert.Equal(2, await _host.CountAsync("rewrite.messages"));
    }

    [Fact]
    public async Task The_row_keeps_what_the_request_says()
    {
        await _host.AcceptedAsync(
            _cluster,
            Mail.Html("row", "https://example.com/"),
            ("tracking-message-id", "row@shop.example"),
            ("tracking-recipient", "Reader@Example.COM"),
            ("tracking-sender", "bounce@shop.example"),
            ("tracking-tags", " spring, , sale "),
            ("tracking-sent-at", "2026-03-01T10:30:00.123456789+01:00"));
        Assert.Equal(
            "row@shop.example|Reader@Example.COM|example.com|bounce@shop.example|{spring,sale}"
                + "|0|track.localhost|1|true",
            await _host.ScalarAsync<string>(
                """
                SELECT concat_ws('|', message_id, recipient, recipient_domain, sender, tags::text, tracking_level, host,
                    link_count, opens_tracked::text) FROM rewrite.messages
                """));
        Assert.Equal(
            new DateTime(2026, 3, 1, 9, 30, 0, DateTimeKind.Utc).AddMicroseconds(123456),
            await _host.ScalarAsync<DateTime>("SELECT sent_at FROM rewrite.messages"));
    }

    [Fact]
    public async Task A_test_is_rewritten_as_the_same_message_in_earnest_and_is_another_message()
    {
        var message = Mail.Html("test", "https://example.com/");
        var earnest = Mail.Tokens(await _host.AcceptedAsync(_cluster, message), Keys);
        var test = Mail.Tokens(await _host.AcceptedAsync(_cluster, message, ("tracking-test", "true")), Keys);
        Assert.Equal(earnest.Select(token => (token.Kind, token.Link)), test.Select(token => (token.Kind, token.Link)));
        Assert.NotEqual(earnest[0].Message, test[0].Message);
        Assert.Equal(
            "false true",
            await _host.ScalarAsync<string>(
                "SELECT string_agg(is_test::text, ' ' ORDER BY is_test) FROM rewrite.messages"));
    }

    [Fact]
    public async Task A_message_calls_itself_a_test_by_a_header_that_its_recipient_does_not_see()
    {
        var sent = await _host.AcceptedAsync(
            _cluster, "X-Tracking-Test: true\r\n" + Mail.Html("test", "https://example.com/"));
        Assert.DoesNotContain("X-Tracking-Test", sent, StringComparison.OrdinalIgnoreCase);
        Assert.True(await _host.ScalarAsync<bool>("SELECT is_test FROM rewrite.messages"));
    }

    [Fact]
    public async Task A_test_of_what_is_not_tracked_is_not_tracked()
    {
        var message = Mail.Html("test", "https://example.com/");
        var sent = await _host.AcceptedAsync(
            _cluster, message, ("tracking-test", "true"), ("tracking-clicks", "no"), ("tracking-opens", "no"));
        Assert.Equal(message, sent);
        Assert.Equal(0, await _host.CountAsync("rewrite.messages"));
    }

    [Fact]
    public async Task The_row_says_which_links_do_not_count_and_how_many_were_left_plain_and_why()
    {
        const string Message =
            "From: a@shop.example\r\nContent-Type: text/html\r\n\r\n<a href=\"https://example.com/a\">a</a>"
            + "<a href=\"https://example.com/b\" data-link-role=\"system\">b</a><a href=\"mailto:a@shop.example\">c</a>"
            + "<a href=\"#top\">d</a><a href=\"https://example.com/c\" rel=\"unsubscribe\">e</a>"
            + "<a href=\"https://example.com/d\" rel=\"unsubscribe\">f</a>\r\n";
        await _host.AcceptedAsync(_cluster, Message);
        Assert.Equal("2|{1}", await _host.ScalarAsync<string>(
            "SELECT link_count || '|' || system_links::text FROM rewrite.messages"));
        Assert.Equal(
            """{"empty": 1, "not-http": 1, "unsubscribe": 2}""",
            await _host.ScalarAsync<string>("SELECT left_plain::text FROM rewrite.messages"));
    }

    [Fact]
    public async Task The_row_keeps_the_trace_of_a_sampled_request()
    {
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is RewriteTelemetry.Name or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        // The client's own activity, not a header by hand: HttpClient sends the current one in any case.
        using var client = new Activity("client") { ActivityTraceFlags = ActivityTraceFlags.Recorded }.Start();
        await _host.AcceptedAsync(_cluster, Mail.Html("trace", "https://example.com/"));
        var trace = await _host.ScalarAsync<byte[]>("SELECT trace FROM rewrite.messages");
        Assert.Equal(24, trace.Length);
        Assert.Equal(client.TraceId.ToHexString(), Convert.ToHexStringLower(trace[..16]));
        Assert.NotEqual(new byte[8], trace[16..]);
    }

    [Fact]
    public async Task Below_the_full_level_no_recipient_is_stored_and_a_later_opt_out_removes_it()
    {
        (string, string) recipient = ("tracking-recipient", "reader@example.com");
        await _host.AcceptedAsync(
            _cluster, Mail.Html("quiet", "https://example.com/"), recipient, ("tracking-level", "anonymous"));
        Assert.Equal("1|-", await LevelAndRecipientAsync());

        // The second request has a less strict level. The stricter level of the first copy stays.
        await _host.AcceptedAsync(_cluster, Mail.Html("quiet", "https://example.com/"), recipient);
        Assert.Equal("1|-", await LevelAndRecipientAsync());

        await _host.ExecuteAsync("DELETE FROM rewrite.messages");
        await _host.AcceptedAsync(_cluster, Mail.Html("loud", "https://example.com/"), recipient);
        Assert.Equal("0|reader@example.com", await LevelAndRecipientAsync());
        await _host.AcceptedAsync(
            _cluster, Mail.Html("loud", "https://example.com/"), recipient, ("tracking-level", "anonymous"));
        Assert.Equal("1|-", await LevelAndRecipientAsync());
    }

    [Fact]
    public async Task A_password_in_visible_text_is_not_kept_as_the_name_of_a_link()
    {
        const string Url = "https://reader:secret@example.com/x";
        var message = $"From: a@shop.example\r\nContent-Type: text/html\r\n\r\n<a href=\"{Url}\">{Url}</a>\r\n";
        var token = Mail.Tokens(await _host.AcceptedAsync(_cluster, message), Keys)[0];
        Assert.Equal(Url, await UrlAsync(token));
        var place = Assert.Single(LinkMap.Read(
            await _host.ScalarAsync<byte[]>("SELECT link_map FROM rewrite.messages")));
        Assert.Equal("https://***@example.com/x", place.Name);

        await _host.ExecuteAsync(
            """
            INSERT INTO ingest.events (id, occurred_at, kind, method, cluster_id, message_key, link_id, ordinal,
                verdict, reasons)
            VALUES ($1, now(), 0, 0, $2, $3, $4, 0, 0, '{}')
            """,
            Guid.CreateVersion7(), _cluster.Value, token.Message.ToBytes(), token.Link.ToInt64());
        await TrackedMail.CountAsync(_host.Beside, _cluster);
        foreach (var path in (string[])["events", "messages", $"messages/{token.Message}", "stats?groupBy=link"])
        {
            var shown = await _host.Admin.GetStringAsync($"/api/v1/clusters/{_cluster}/{path}", Cancelled);
            Assert.DoesNotContain("secret", shown, StringComparison.Ordinal);
            Assert.Contains(path == "messages" ? "recipient" : "***@example.com/x", shown, StringComparison.Ordinal);
        }
    }

    private Task<string> LevelAndRecipientAsync() => _host.ScalarAsync<string>(
        "SELECT tracking_level || '|' || coalesce(recipient, '-') FROM rewrite.messages");

    private async Task<IEnumerable<int>> PartsAsync() =>
        LinkMap.Read(await _host.ScalarAsync<byte[]>("SELECT link_map FROM rewrite.messages"))
            .Select(place => place.Part);

    private Task<string> UrlAsync(LinkToken token) => _host.ScalarAsync<string>(
        "SELECT url FROM links.destinations WHERE cluster_id = $1 AND link_id = $2",
        token.Cluster.Value, token.Link.ToInt64());
}
