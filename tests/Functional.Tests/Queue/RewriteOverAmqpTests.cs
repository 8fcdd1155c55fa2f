using System.Diagnostics;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using Tracking.Bus;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Rewrite;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Queue;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Queue;

/// <summary>
/// Messages through the queue as MTAs send them: by plain AMQP clients, in the usual formats.
/// </summary>
public sealed class RewriteOverAmqpTests(TestPostgres postgres, TestRabbit rabbit) : IAsyncLifetime
{
    private const string TrackedLink = "https://track.localhost/c/";

    private QueueHost _host = null!;

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    private TestVirtualHost Broker => _host.Broker;

    public async ValueTask InitializeAsync() => _host = await QueueHost.StartAsync(
        postgres, rabbit, ("Tracking:Rewrite:Queue:MaxAttempts", "2"), ("Tracking:Rewrite:MaxMessageBytes", "60000"));

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task Raw_bytes_without_any_property_come_out_rewritten_for_the_cluster_of_their_sender()
    {
        var mail = Mail.Html("Haraka", "https://shop.example/sale");
        await PlainClients.AmqpPublishAsync(Broker, Mail.Bytes(mail));

        var output = Mail.Text(await PlainClients.AmqpGetAsync(Broker, "rewritten"));
        Assert.Contains(TrackedLink, output, StringComparison.Ordinal);
        Assert.StartsWith("From: news@shop.example\r\nTo: reader@example.com\r\n", output, StringComparison.Ordinal);
        Assert.Equal(1L, await _host.Rewrite.ScalarAsync<long>(
            "SELECT count(*) FROM rewrite.messages WHERE cluster_id = $1", _host.Cluster.Value));
        Assert.Equal(0, await Broker.CountReadyAsync("rewrite", Ends));
    }

    [Theory]
    [InlineData("From news@shop.example Sat Nov 28 10:00:00 2026\r\n>From a@shop.example\r\n")]
    [InlineData("\u00EF\u00BB\u00BF")]
    public async Task Lines_before_the_header_from_a_pipe_or_file_stay_and_the_senders_cluster_is_found(
        string beginning)
    {
        var mail = Mail.Html("piped", "https://shop.example/sale");
        await PlainClients.AmqpPublishAsync(Broker, Mail.Bytes(beginning + mail));

        var output = Mail.Text(await PlainClients.AmqpGetAsync(Broker, "rewritten"));
        Assert.Contains(TrackedLink, output, StringComparison.Ordinal);
        Assert.StartsWith(beginning + "From: news@shop.example\r\n", output, StringComparison.Ordinal);
        Assert.Equal(1L, await _host.Rewrite.ScalarAsync<long>(
            "SELECT count(*) FROM rewrite.messages WHERE cluster_id = $1", _host.Cluster.Value));
    }

    [Fact]
    public async Task Headers_from_a_command_line_work_too()
    {
        var other = await _host.Rewrite.CreateClusterAsync();
        await PlainClients.AmqpPublishAsync(
            Broker, Mail.Bytes(Mail.Html("amqp-publish", "https://shop.example/sale")),
            "-p", "-H", $"tracking-cluster: {other}", "-H", "tracking-tags: sale,spring");

        Assert.Contains(
            TrackedLink, Mail.Text(await PlainClients.AmqpGetAsync(Broker, "rewritten")), StringComparison.Ordinal);
        Assert.Equal("sale,spring", await _host.Rewrite.ScalarAsync<string>(
            "SELECT array_to_string(tags, ',') FROM rewrite.messages WHERE cluster_id = $1", other.Value));
    }

    [Fact]
    public async Task An_answer_goes_to_reply_to_with_everything_it_came_with_and_the_results()
    {
        const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        using var spans = new ActivityListener
        {
            ShouldListenTo = source => source.Name == RewriteTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(spans);

        var answer = await PlainClients.PublishAsync(
            Broker,
            Mail.Bytes(Mail.Html("KumoMTA", "https://shop.example/a", "https://shop.example/b")),
            new
            {
                correlation_id = "7",
                message_id = "kumo-1",
                content_type = "message/rfc822",
                priority = 3,
                app_id = "kumomta",
                type = "mail",
                user_id = Broker.User,
                timestamp = 1_700_000_000,
            },
            new Dictionary<string, object>
            {
                ["tracking-tags"] = new[] { "sale", "spring" },
                ["tracking-recipient"] = "reader@example.com",
                ["tracking-opens"] = false,
                ["x-own"] = 42,
                ["x-delivery-count"] = 1,
                ["CC"] = new[] { "copies" },
                ["traceparent"] = Trace,
            },
            awaited: "");

        Assert.Contains(TrackedLink, answer.Text, StringComparison.Ordinal);
        Assert.Equal(
            ("7", "kumo-1", "message/rfc822", "3", "kumomta", "mail", "1700000000"),
            (Property("correlation_id"), Property("message_id"), Property("content_type"), Property("priority"),
                Property("app_id"), Property("type"), Property("timestamp")));
        Assert.Null(Property("user_id"));
        Assert.Equal("kumo-1", answer.Header("tracking-message-id"));
        Assert.Equal(("2", "no"), (answer.Header("tracking-links"), answer.Header("tracking-opens")));
        Assert.Equal("42", answer.Header("x-own"));
        Assert.Null(answer.Header("tracking-untouched"));
        Assert.Null(answer.Header("CC"));
        Assert.Null(answer.Header("x-delivery-count"));
        Assert.Equal(Trace.Split('-')[1], answer.Header("traceparent")!.Split('-')[1]);
        Assert.NotEqual(Trace, answer.Header("traceparent"));
        Assert.Equal("2", Property("delivery_mode"));
        Assert.Equal(0, await Broker.CountReadyAsync("rewritten", Ends));
        Assert.Equal("sale,spring|reader@example.com", await _host.Rewrite.ScalarAsync<string>(
            "SELECT array_to_string(tags, ',') || '|' || recipient FROM rewrite.messages"));

        string? Property(string name) => answer.Properties[name]?.ToString();
    }

    [Fact]
    public async Task Only_the_string_mime_of_a_json_body_is_replaced()
    {
        var mail = Mail.Html("MailerQ ü €", "https://shop.example/sale").Replace(
            "€", "\\u20ac", StringComparison.Ordinal);
        var mime = mail.Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\r\n", "\\r\\n", StringComparison.Ordinal);
        const string Before =
            "{ \"envelope\":\"bounce@shop.example\",\n\t\"x\": [1e5, {\"mime\": \"no\"}], \"mime\" : \"";
        const string After = "\",\"recipient\" : \"reader@example.com\", \"queues\":null }\n ";

        var answer = await PlainClients.PublishAsync(
            Broker, Encoding.UTF8.GetBytes(Before + mime + After), new { content_type = "application/json" });

        var text = Encoding.UTF8.GetString(answer.Body);
        Assert.StartsWith(Before, text, StringComparison.Ordinal);
        Assert.EndsWith(After, text, StringComparison.Ordinal);
        var rewritten = (string)JsonNode.Parse(text)!["mime"]!;
        Assert.Contains(TrackedLink, rewritten, StringComparison.Ordinal);
        Assert.Contains("Subject: MailerQ ü €\r\n", rewritten, StringComparison.Ordinal);
        Assert.Equal("bounce@shop.example|reader@example.com", await _host.Rewrite.ScalarAsync<string>(
            "SELECT sender || '|' || recipient FROM rewrite.messages"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain")]
    [InlineData("application/vnd.mailerq+json")]
    public async Task A_json_body_is_known_by_its_content_where_its_type_says_nothing(string? contentType)
    {
        const string Json = "{\"mime\":\"From: a@shop.example\\r\\n\\r\\nhttps://shop.example/\",\"id\":1}";
        var answer = await PlainClients.PublishAsync(
            Broker,
            Encoding.ASCII.GetBytes(Json),
            contentType is null ? null : new { content_type = contentType });
        Assert.EndsWith("\",\"id\":1}", answer.Text, StringComparison.Ordinal);
        Assert.Contains(TrackedLink, (string)JsonNode.Parse(answer.Text)!["mime"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_compressed_message_comes_out_compressed()
    {
        var answer = await PlainClients.PublishAsync(
            Broker,
            Gzip(Mail.Bytes(Mail.Html("gzip", "https://shop.example/sale"))),
            new { content_encoding = "gzip" });

        using var plain = new MemoryStream();
        await new GZipStream(new MemoryStream(answer.Body), CompressionMode.Decompress).CopyToAsync(plain, Ends);
        Assert.Contains(TrackedLink, Mail.Text(plain.ToArray()), StringComparison.Ordinal);
        Assert.Equal("gzip", (string?)answer.Properties["content_encoding"]);
    }

    [Fact]
    public async Task An_unreadable_message_goes_out_unchanged_with_the_reason_and_blocks_nothing()
    {
        var mail = Mail.Bytes(Mail.Html("fine", "https://shop.example/sale"));
        var stranger = Mail.Bytes(
            Mail.Html("fine", "https://shop.example/").Replace("news@shop", "news@other", StringComparison.Ordinal));
        var json = new { content_type = "application/json; charset=utf-8" };
        var gzip = new { content_encoding = "gzip" };
        (byte[] Body, object? Properties, object? Headers, string Reason)[] cases =
        [
            (stranger, null, null, WireWords.Of(Untouched.NoCluster)),
            (mail, null, new Dictionary<string, string> { ["tracking-cluster"] = "zzzzz" }, WireWords.Of(
                Untouched.NoCluster)),
            (mail, null, new Dictionary<string, string> { ["tracking-opens"] = "maybe" }, "invalid-header tracking-opens"),
            ("{\"mime\":\"From: a"u8.ToArray(), json, null, WireWords.Of(Untouched.MalformedJson)),
            ("{\"mime\":{\"a\":1}}"u8.ToArray(), json, null, WireWords.Of(Untouched.NoMime)),
            ("{\"key\":\"stored-elsewhere\"}"u8.ToArray(), json, null, WireWords.Of(Untouched.NoMime)),
            ("not gzip"u8.ToArray(), gzip, null, WireWords.Of(Untouched.MalformedGzip)),
            (Gzip(mail)[..^20], gzip, null, WireWords.Of(Untouched.MalformedGzip)),
            (Gzip(new byte[50_000_000]), gzip, null, WireWords.Of(Untouched.TooLarge)),
            (mail, new { content_encoding = "zstd" }, null, WireWords.Of(Untouched.UnknownContentEncoding)),
            ([.. mail, .. new byte[60_000]], null, null, WireWords.Of(Untouched.TooLarge)),
        ];
        foreach (var (body, properties, headers, reason) in cases)
        {
            var answer = await PlainClients.PublishAsync(Broker, body, properties, headers);
            Assert.Equal(reason, answer.Header("tracking-untouched"));
            Assert.Equal(body, answer.Body);
        }

        Assert.Equal(0, await Broker.CountReadyAsync("rewrite.dead", Ends));
    }

    [Fact]
    public async Task Control_headers_are_removed_although_nobody_tracks_the_message()
    {
        foreach (var length in (int[])[0, 60_000])
        {
            var mail = "From: a@nobody.example\r\nX-Tracking-Clicks: yes\r\nSubject: x\r\n\r\nhttps://shop.example/\r\n"
                + new string('.', length);
            var answer = await PlainClients.PublishAsync(Broker, Mail.Bytes(mail));
            Assert.Equal(
                length == 0 ? WireWords.Of(Untouched.NoCluster) : WireWords.Of(Untouched.TooLarge),
                answer.Header("tracking-untouched"));
            Assert.Equal(
                mail.Replace("X-Tracking-Clicks: yes\r\n", "", StringComparison.Ordinal), answer.Text);
        }
    }

    [Fact]
    public async Task The_same_id_with_other_bytes_is_tracked_under_the_hash_of_its_content_and_says_so()
    {
        var id = new { message_id = "one" };
        await PlainClients.PublishAsync(Broker, Mail.Bytes(Mail.Html("1", "https://shop.example/1")), id);
        var other = await PlainClients.PublishAsync(Broker, Mail.Bytes(Mail.Html("2", "https://shop.example/2")), id);
        Assert.Contains(TrackedLink, other.Text, StringComparison.Ordinal);
        Assert.Equal(64, other.Header("tracking-message-id")!.Length);
        Assert.Equal("one was rewritten before with other bytes", other.Header("tracking-message-id-ignored"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("taken")]
    public async Task A_message_whose_hash_is_taken_too_goes_out_untracked_and_holds_nothing_up(string? id)
    {
        // The hash that replaces a missing id is predictable. So another message gets this hash as its id.
        var mail = Mail.Bytes(Mail.Html("victim", "https://shop.example/1"));
        var hash = Convert.ToHexStringLower(SHA256.HashData(
            [.. Encoding.UTF8.GetBytes($"{_host.Cluster}\n\n\n"), .. SHA256.HashData(mail)]));
        foreach (var taken in (string[])["taken", hash])
        {
            await PlainClients.PublishAsync(
                Broker, Mail.Bytes(Mail.Html(taken, "https://shop.example/")), new { message_id = taken });
        }

        var answer = await PlainClients.PublishAsync(Broker, mail, id is null ? null : new { message_id = id });
        Assert.Equal(mail, answer.Body);
        Assert.Equal(WireWords.Of(Untouched.IdTaken), answer.Header("tracking-untouched"));
        Assert.Equal(
            id is null ? null : "taken was rewritten before with other bytes",
            answer.Header("tracking-message-id-ignored"));
        Assert.Equal(0, await Broker.CountReadyAsync("rewrite.dead", Ends));
    }

    [Theory]
    [InlineData("no-such-queue", "does not exist")]
    [InlineData("rewrite", "a queue of Tracking itself")]
    [InlineData("rewrite.alone", "a queue of Tracking itself")]
    [InlineData("check-names", "a queue of Tracking itself")]
    [InlineData("preview-messages", "a queue of Tracking itself")]
    [InlineData("previews-0af7651916cd43dd8448eb211c80319c", "a queue of Tracking itself")]
    [InlineData("checks-0af7651916cd43dd8448eb211c80319c", "a queue of Tracking itself")]
    [InlineData("store-events", "a queue of Tracking itself")]
    [InlineData("verify-domains", "a queue of Tracking itself")]
    public async Task A_reply_that_cannot_be_sent_goes_to_the_dead_letters_with_the_reason(
        string replyTo, string reason)
    {
        var mail = Mail.Bytes(Mail.Html("lost", "https://shop.example/"));
        await PlainClients.PublishAsync(
            Broker, mail, new { reply_to = replyTo, correlation_id = "7" }, awaited: null);

        var dead = await Broker.TakeAsync("rewrite.dead", Ends);
        Assert.Equal(mail, dead.Body);
        Assert.Equal((replyTo, "7"), (dead.Properties.ReplyTo, dead.Properties.CorrelationId));
        Assert.Contains(reason, Reason(dead), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_fails_again_and_again_goes_to_the_dead_letters_and_others_go_on()
    {
        // A constraint that refuses every row.
        await _host.Rewrite.ExecuteAsync(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '23514'; END $$
            """);
        await _host.Rewrite.ExecuteAsync(
            """
            CREATE TRIGGER refuse BEFORE INSERT ON rewrite.messages FOR EACH ROW
            WHEN (NEW.recipient = 'poison@example.com') EXECUTE FUNCTION refuse()
            """);
        var mail = Mail.Bytes(Mail.Html("poison", "https://shop.example/"));
        await PlainClients.PublishAsync(
            Broker, mail, headers: new Dictionary<string, string> { ["tracking-recipient"] = "poison@example.com" },
            awaited: null);
        var other = await PlainClients.PublishAsync(Broker, mail);

        Assert.Contains(TrackedLink, other.Text, StringComparison.Ordinal);
        var dead = await Broker.TakeAsync("rewrite.dead", Ends);
        Assert.Equal(mail, dead.Body);
        Assert.Equal("failed 2 times: the store refuses it (SQLSTATE 23514)", Reason(dead));
    }

    [Fact]
    public async Task A_message_that_no_process_has_survived_goes_to_the_dead_letters()
    {
        var mail = Mail.Bytes(Mail.Html("fatal", "https://shop.example/"));
        var consume = _host.Rewrite.Services.GetRequiredService<ConsumeMessage>();
        var properties = new BasicProperties
        {
            Headers = new Dictionary<string, object?> { ["x-delivery-count"] = 100L },
        };

        // The publisher's own header is ignored.
        await consume.RunAsync(new QueuedMessage(properties, mail), Ends);
        Assert.Contains(
            TrackedLink, Mail.Text((await Broker.TakeAsync("rewritten", Ends)).Body), StringComparison.Ordinal);

        await consume.RunAsync(new QueuedMessage(properties, mail) { IsRedelivered = true, IsAlone = true }, Ends);
        var dead = await Broker.TakeAsync("rewrite.dead", Ends);
        Assert.Equal(mail, dead.Body);
        Assert.Equal("delivered 102 times without an end", Reason(dead));
        Assert.Equal(0, await Broker.CountReadyAsync("rewritten", Ends));
    }

    [Fact]
    public async Task A_message_that_has_failed_comes_out_without_a_trace_of_it()
    {
        var properties = new BasicProperties
        {
            Headers = new Dictionary<string, object?> { [QueuedMessage.FailuresHeader] = 1 },
        };
        var mail = Mail.Bytes(Mail.Html("failed", "https://shop.example/"));
        await Broker.PublishAsync("", "rewrite", mail, Ends, properties);
        var output = await Broker.TakeAsync("rewritten", Ends);
        Assert.DoesNotContain(QueuedMessage.FailuresHeader, output.Properties.Headers!.Keys);
    }

    [Fact]
    public async Task The_rewriters_queues_neither_drop_nor_delete_messages()
    {
        Assert.Equal(
            ["rewrite", "rewrite.alone", "rewrite.dead", "rewritten", "rewritten.dead"],
            (await Broker.QueuesAsync(Ends)).Where(queue => queue.StartsWith("rewrit", StringComparison.Ordinal)));
        foreach (var queue in (string[])["rewrite", "rewritten"])
        {
            var arguments = await ArgumentsAsync(queue);
            Assert.Equal($"{queue}.dead", (string?)arguments["x-dead-letter-exchange"]);
            Assert.Equal("at-least-once", (string?)arguments["x-dead-letter-strategy"]);
            await ArgumentsAsync($"{queue}.dead");
        }

        Assert.Equal("rewrite.dead", (string?)(await ArgumentsAsync("rewrite.alone"))["x-dead-letter-exchange"]);

        // The message expired unread and was kept.
        await Broker.PublishAsync("", "rewritten", Mail.Bytes("late"), Ends, new BasicProperties { Expiration = "0" });
        Assert.Equal("late", Mail.Text((await Broker.TakeAsync("rewritten.dead", Ends)).Body));

        async Task<JsonObject> ArgumentsAsync(string queue)
        {
            var arguments = (await Broker.FindQueueAsync(queue, Ends))!["arguments"]!.AsObject();
            Assert.Equal("quorum", (string?)arguments["x-queue-type"]);
            Assert.Equal("reject-publish", (string?)arguments["x-overflow"]);
            Assert.Equal(new MessagingOptions().DeliveryLimit, (int?)arguments["x-delivery-limit"]);
            Assert.Equal(new MessagingOptions().MaxQueueBytes, (long?)arguments["x-max-length-bytes"]);
            return arguments;
        }
    }

    [Fact]
    public async Task A_message_that_is_delivered_again_after_its_output_comes_out_with_the_same_bytes()
    {
        var mail = Mail.Bytes(Mail.Html("twice", "https://shop.example/1", "https://shop.example/2"));
        var first = await PlainClients.PublishAsync(Broker, mail);

        // Repeats the message, as after a kill between the confirm of the output and the acknowledgement of the input.
        await _host.Rewrite.Services.GetRequiredService<ConsumeMessage>()
            .RunAsync(new QueuedMessage(new BasicProperties(), mail), Ends);

        var second = await Broker.TakeAsync("rewritten", Ends);
        Assert.Equal(first.Body, second.Body);
        Assert.Equal(1, await _host.Rewrite.CountAsync("rewrite.messages"));
    }

    private static byte[] Gzip(byte[] plain)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Optimal))
        {
            gzip.Write(plain);
        }

        return output.ToArray();
    }

    private static string Reason(TakenMessage dead) =>
        Encoding.UTF8.GetString((byte[])dead.Properties.Headers![DeadLetters.ReasonHeader]!);
}
