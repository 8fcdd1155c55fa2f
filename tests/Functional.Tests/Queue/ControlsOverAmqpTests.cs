using Tracking.Database.Entities;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Queue;

/// <summary>Settings of a message by AMQP headers and by its own headers, and their precedence.</summary>
public sealed class ControlsOverAmqpTests(TestPostgres postgres, TestRabbit rabbit)
{
    private const string Tracked = "https://track.localhost/c/";
    private const string Pixel = "https://track.localhost/o/";

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_opt_out_wins_and_otherwise_the_amqp_header_over_the_message_s_over_the_cluster()
    {
        await using var host = await QueueHost.StartAsync(postgres, rabbit);
        var silent = await host.Rewrite.CreateClusterAsync(new ClusterSettings());
        var off = ("tracking-cluster", (object)silent.ToString());
        ((string Name, object Value)[] Amqp, string Mail, string Gets)[] cases =
        [
            ([], "", "html text pixel"),
            ([("tracking-clicks", "no")], "", "pixel"),
            ([("tracking-clicks", false)], "", "pixel"),
            ([("tracking-clicks", "html")], "", "html pixel"),
            ([("tracking-clicks", "text")], "", "text pixel"),
            ([("Tracking-Clicks", "TEXT")], "", "text pixel"),
            ([], "X-Tracking-Clicks: html\r\n", "html pixel"),
            ([("tracking-clicks", "text")], "X-Tracking-Clicks: html\r\n", "text pixel"),
            ([("tracking-clicks", "yes")], "X-Tracking-Clicks: no\r\n", "pixel"),
            ([("tracking-opens", "no")], "X-Tracking-Opens: yes\r\n", "html text"),
            ([("tracking-opens", "yes")], "X-Tracking-Opens: no\r\n", "html text"),
            ([("tracking-clicks", "yes"), ("tracking-opens", "yes")], "X-AMP: skip\r\n", ""),
            ([("tracking-level", "full")], "X-Tracking-Level: none\r\n", ""),
            ([], "X-MC-Track: opens, clicks_textonly\r\n", "text pixel"),
            ([("tracking-clicks", "yes")], "X-Mailgun-Track: no\r\n", ""),
            ([], "X-Mailgun-Track: no\r\nX-Tracking-Clicks: html\r\n", ""),
            ([off], "X-Mailgun-Track: yes\r\n", ""),
            ([off], "", ""),
            ([off, ("tracking-clicks", "html")], "", "html"),
            ([off, ("tracking-opens", true)], "X-Tracking-Clicks: text\r\n", "text pixel"),
            ([off, ("tracking-clicks", "yes")], "X-Tracking-Clicks: no\r\n", ""),
        ];
        var number = 0;
        foreach (var (amqp, headers, gets) in cases)
        {
            var mail = Alternative($"{number++}", headers);
            var answer = await PlainClients.PublishAsync(
                host.Broker, Mail.Bytes(mail), headers: amqp.ToDictionary(pair => pair.Name, pair => pair.Value));

            var parts = answer.Text.Split("--part\r\n");
            string?[] got =
            [
                parts[2].Contains(Tracked, StringComparison.Ordinal) ? "html" : null,
                parts[1].Contains(Tracked, StringComparison.Ordinal) ? "text" : null,
                parts[2].Contains(Pixel, StringComparison.Ordinal) ? "pixel" : null,
            ];
            var asked = $"{string.Join(", ", amqp)} {headers.Trim()}";
            Assert.Equal((asked, gets), (asked, string.Join(' ', got.Where(what => what is not null))));
            Assert.Equal(gets.Contains("pixel") ? "yes" : "no", answer.Header("tracking-opens"));
            Assert.Equal(gets.Length == 0 ? "tracking-off" : null, answer.Header("tracking-untouched"));
            Assert.DoesNotContain("\r\nX-", answer.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Tags_time_and_host_are_taken_from_the_amqp_headers_first()
    {
        await using var host = await QueueHost.StartAsync(postgres, rabbit);
        var mail = Mail.Bytes(Alternative(
            "tags", "X-Tracking-Tags: from-mail\r\nX-Tracking-Host: mail.other.example\r\n"));
        var both = await PlainClients.PublishAsync(host.Broker, mail, headers: new Dictionary<string, object>
        {
            ["tracking-tags"] = "sale, spring",
            ["tracking-sent-at"] = "2026-03-01T12:00:00+02:00",
            ["tracking-sender"] = "bounce@shop.example",
            ["tracking-host"] = "links.other.example",
        });
        Assert.Equal(
            "links.other.example is not used: not-a-tracking-domain-of-this-cluster",
            both.Header("tracking-host-ignored"));
        Assert.Equal("sale,spring|2026-03-01 10:00|bounce@shop.example", await RowAsync(both));

        var own = await PlainClients.PublishAsync(host.Broker, mail);
        Assert.StartsWith("mail.other.example is not", own.Header("tracking-host-ignored"), StringComparison.Ordinal);
        Assert.Equal("from-mail||", await RowAsync(own));

        Task<string> RowAsync(Answer answer) => host.Rewrite.ScalarAsync<string>(
            """
            SELECT array_to_string(tags, ',') || '|' || coalesce(to_char(sent_at AT TIME ZONE 'UTC',
                'YYYY-MM-DD HH24:MI'), '') || '|' || coalesce(sender, '')
            FROM rewrite.messages WHERE message_id = $1
            """,
            answer.Header("tracking-message-id")!);
    }

    [Fact]
    public async Task A_message_names_its_cluster_only_where_that_is_trusted()
    {
        var mail = Mail.Html("own", "https://shop.example/");
        foreach (var isTrusted in (bool[])[false, true])
        {
            await using var host = await QueueHost.StartAsync(
                postgres, rabbit, ("Tracking:Rewrite:TrustMessageHeaders", isTrusted ? "true" : "false"));
            var silent = await host.Rewrite.CreateClusterAsync(new ClusterSettings());
            var answer = await PlainClients.PublishAsync(
                host.Broker, Mail.Bytes($"X-Tracking-Cluster: {silent}\r\n{mail}"));
            Assert.Equal(isTrusted ? "tracking-off" : null, answer.Header("tracking-untouched"));
            Assert.DoesNotContain("X-Tracking", answer.Text, StringComparison.Ordinal);
        }
    }

    private static string Alternative(string subject, string headers) =>
        $"From: news@shop.example\r\n{headers}Subject: {subject}\r\n"
        + "Content-Type: multipart/alternative; boundary=part\r\n\r\n--part\r\n"
        + "Content-Type: text/plain\r\n\r\nSee https://shop.example/sale now.\r\n--part\r\n"
        + "Content-Type: text/html\r\n\r\n<html><body><a href=\"https://shop.example/sale\">now</a></body></html>\r\n"
        + "--part--\r\n";
}
