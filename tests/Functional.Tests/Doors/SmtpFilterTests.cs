using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Servers;
using Tracking.SmtpFilter.Sessions;

namespace Tracking.Functional.Tests.Doors;

/// <summary>The SMTP filter with the tests in the roles of the client and the next hop.</summary>
public sealed class SmtpFilterTests(RewritePostgres postgres) : IAsyncLifetime
{
    private static readonly string _mail = Mail.Html("filter", "https://www.example.com/offer");

    private readonly ScriptedNextHop _nextHop = new();
    private readonly List<RewriteHost> _hosts = [];
    private string _database = "";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _database = await postgres.CreateDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            await host.DisposeAsync();
        }

        await _nextHop.DisposeAsync();
    }

    [Fact]
    public async Task A_message_goes_to_the_next_hop_rewritten_with_its_envelope_as_it_came()
    {
        using var client = await ConnectAsync();
        Assert.Equal(
            "250 2.1.0 Ok\r\n",
            await client.SayAsync("MAIL FROM:<news@shop.example> BODY=8BITMIME RET=HDRS ENVID=q+3D1"));
        await client.SayAsync("RCPT TO:<\"odd -name\"@example.net> NOTIFY=NEVER ORCPT=rfc822;a@example.net");
        Assert.StartsWith("354 ", await client.SayAsync("DATA"));
        Assert.Equal("250 2.0.0 Ok: queued as 4F1\r\n", await client.SayAsync(_mail + "..dots\r\n."));
        Assert.Contains("MAIL FROM:<news@shop.example> BODY=8BITMIME RET=HDRS ENVID=q+3D1", _nextHop.Commands);
        Assert.Contains(
            "RCPT TO:<\"odd -name\"@example.net> NOTIFY=NEVER ORCPT=rfc822;a@example.net", _nextHop.Commands);

        var message = Assert.Single(_nextHop.Messages);
        Assert.Contains("https://track.localhost/c/", message, StringComparison.Ordinal);
        Assert.EndsWith("\r\n..dots\r\n", message, StringComparison.Ordinal);
        Assert.Equal(
            "\"odd -name\"@example.net",
            await Host.ScalarAsync<string>("SELECT recipient FROM rewrite.messages"));
    }

    [Fact]
    public async Task Every_answer_of_the_next_hop_comes_back_as_it_was()
    {
        _nextHop.Answer = line => line switch
        {
            "RCPT TO:<busy@example.net>" => "450-4.2.0 Greylisted\r\n450 4.2.0 Come back in 5 minutes\r\n",
            "RCPT TO:<gone@example.net>" => "550 5.1.1 No such user\r\n",
            "RCPT TO:<later@example.net>" => "251 2.1.5 User not local; will forward\r\n",
            "VRFY anna" => "252 2.0.0 Cannot verify\r\n",
            "XFORWARD NAME=mx.example ADDR=192.0.2.7" => "250 2.0.0 Ok, forwarded\r\n",
            "MAIL FROM:<bad@shop.example>" => "553-5.1.8 first\r\n553-5.1.8 second\r\n553 5.1.8 third\r\n",
            _ => null,
        };
        _nextHop.AnswerMessage = () => "554-5.7.1 Not this one.\r\n554 5.7.1 See https://next.example/\r\n";
        using var client = await ConnectAsync();
        Assert.Equal("252 2.0.0 Cannot verify\r\n", await client.SayAsync("VRFY anna"));
        Assert.Equal(
            "250 2.0.0 Ok, forwarded\r\n", await client.SayAsync("XFORWARD NAME=mx.example ADDR=192.0.2.7"));
        Assert.Equal(
            "553-5.1.8 first\r\n553-5.1.8 second\r\n553 5.1.8 third\r\n",
            await client.SayAsync("MAIL FROM:<bad@shop.example>"));
        await client.SayAsync("MAIL FROM:<news@shop.example>");
        Assert.Equal(
            "450-4.2.0 Greylisted\r\n450 4.2.0 Come back in 5 minutes\r\n",
            await client.SayAsync("RCPT TO:<busy@example.net>"));
        Assert.Equal("550 5.1.1 No such user\r\n", await client.SayAsync("RCPT TO:<gone@example.net>"));
        Assert.Equal("554 5.5.1 No valid recipients\r\n", await client.SayAsync("DATA"));
        Assert.Equal(
            "251 2.1.5 User not local; will forward\r\n", await client.SayAsync("RCPT TO:<later@example.net>"));
        await client.SayAsync("DATA");
        Assert.Equal(
            "554-5.7.1 Not this one.\r\n554 5.7.1 See https://next.example/\r\n", await client.SayAsync(_mail + "."));
    }

    [Fact]
    public async Task A_refused_DATA_of_the_next_hop_is_the_answer_to_the_message()
    {
        _nextHop.Answer = line => line == "DATA" ? "451 4.3.2 Shutting down\r\n" : null;
        using var client = await ConnectAsync();
        await BeginAsync(client);
        Assert.Equal("451 4.3.2 Shutting down\r\n", await client.SayAsync(_mail + "."));
        Assert.Empty(_nextHop.Messages);
    }

    [Fact]
    public async Task The_filter_offers_the_next_hops_extensions_that_it_can_pass_on()
    {
        _nextHop.Ehlo =
            "250-next.example\r\n250-SIZE 5000\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250-X-OWN\r\n250 DSN\r\n";
        using var client = await ConnectAsync();
        Assert.Equal(
            "250-filter.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SIZE 5000\r\n250-8BITMIME\r\n250 DSN\r\n",
            await client.SayAsync("EHLO again.example"));
        Assert.StartsWith("500 5.5.1", await client.SayAsync("XFORWARD NAME=x"));
        Assert.StartsWith("555 5.5.4", await client.SayAsync("MAIL FROM:<a@shop.example> BODY=BINARYMIME"));
    }

    [Fact]
    public async Task Commands_in_one_segment_are_answered_in_their_order()
    {
        using var client = await ConnectAsync();
        await client.SendAsync(
            "MAIL FROM:<news@shop.example>\r\nRCPT TO:<anna@example.net>\r\nRCPT TO:<carl@example.net>\r\nDATA\r\n");
        Assert.StartsWith("250", await client.ReadAsync());
        Assert.StartsWith("250", await client.ReadAsync());
        Assert.StartsWith("250", await client.ReadAsync());
        Assert.StartsWith("354", await client.ReadAsync());
        await client.SendAsync(_mail + ".\r\nQUIT\r\n");
        Assert.StartsWith("250 2.0.0 Ok: queued", await client.ReadAsync());
        Assert.StartsWith("221", await client.ReadAsync());
        Assert.Equal("", await client.ReadAsync());
    }

    [Fact]
    public async Task Several_recipients_share_one_message_and_one_identity_without_a_name()
    {
        using var client = await ConnectAsync();
        await client.SayAsync("MAIL FROM:<news@shop.example>");
        await client.SayAsync("RCPT TO:<anna@example.net>");
        await client.SayAsync("RCPT TO:<carl@example.net>");
        await client.SayAsync("DATA");
        await client.SayAsync(_mail + ".");
        Assert.Single(_nextHop.Messages);
        Assert.Equal(1, await Host.CountAsync("rewrite.messages"));
        Assert.Null(await Host.ScalarAsync<string?>("SELECT recipient FROM rewrite.messages"));
    }

    [Fact]
    public async Task Chunks_make_one_message_and_go_on_as_one_chunk_where_the_next_hop_takes_them()
    {
        _nextHop.Ehlo = "250-next.example\r\n250 CHUNKING\r\n";
        using var client = await ConnectAsync();
        await client.SayAsync("MAIL FROM:<news@shop.example>");
        await client.SayAsync("RCPT TO:<anna@example.net>");
        await client.SendAsync($"BDAT 40\r\n{_mail[..40]}");
        Assert.StartsWith("250", await client.ReadAsync());
        await client.SendAsync($"BDAT {_mail.Length - 40}\r\n{_mail[40..]}BDAT 8 LAST\r\n\r\n.\r\nend");
        Assert.StartsWith("250", await client.ReadAsync());
        Assert.StartsWith("250 2.0.0 Ok: queued", await client.ReadAsync());
        var message = Assert.Single(_nextHop.Messages);
        Assert.Contains("/c/", message, StringComparison.Ordinal);
        Assert.EndsWith("\r\n.\r\nend", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chunks_without_a_recipient_are_dropped_and_the_session_goes_on()
    {
        using var client = await ConnectAsync();
        await client.SendAsync("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
        Assert.StartsWith("503 5.5.1", await client.ReadAsync());
        Assert.StartsWith("250", await client.ReadAsync());
    }

    [Fact]
    public async Task A_next_hop_that_is_away_is_421_and_one_that_refuses_is_its_own_answer()
    {
        var closed = FreePort.Take(1)[0];
        var host = await StartAsync(("NextHop", $"127.0.0.1:{closed}"));
        using var away = await SmtpClient.ConnectAsync(AddressOf(host));
        await away.ReadAsync();
        Assert.StartsWith("421 4.4.1", await away.SayAsync("EHLO mta.example"));

        _nextHop.Greeting = "554-5.3.2 Closed\r\n554 5.3.2 for today\r\n";
        host = await StartAsync();
        using var refused = await SmtpClient.ConnectAsync(AddressOf(host));
        await refused.ReadAsync();
        Assert.Equal("554-5.3.2 Closed\r\n554 5.3.2 for today\r\n", await refused.SayAsync("EHLO mta.example"));
        Assert.Equal("", await refused.ReadAsync());
    }

    [Fact]
    public async Task A_next_hop_that_hangs_up_over_a_message_is_421_and_the_MTA_keeps_the_message()
    {
        _nextHop.AnswerMessage = () => "";
        using var client = await ConnectAsync();
        await BeginAsync(client);
        Assert.StartsWith("421 4.4.2", await client.SayAsync(_mail + "."));
        Assert.Equal("", await client.ReadAsync());
    }

    [Theory]
    [InlineData("wait", "451 4.3.0")]
    [InlineData("passThrough", "250 2.0.0")]
    public async Task While_the_store_is_away_the_setting_of_the_queue_decides(string setting, string answer)
    {
        using var client = await ConnectAsync(
            [("Tracking:Rewrite:WhenStoreUnavailable", setting), ("Tracking:Rewrite:RegistrationTimeout", "00:00:01")]);
        await using (await Host.LockAsync("rewrite.messages"))
        {
            await BeginAsync(client);
            Assert.StartsWith(answer, await client.SayAsync(_mail + "."));
        }

        if (setting == "wait")
        {
            Assert.Equal("RSET", _nextHop.Commands.Last());
            await Eventually.HoldsAsync(
                async () =>
                {
                    await BeginAsync(client);
                    return (await client.SayAsync(_mail + ".")).StartsWith("250 2.0.0", StringComparison.Ordinal);
                },
                "the message is taken once the store is back",
                Cancelled);
            Assert.Contains("/c/", Assert.Single(_nextHop.Messages), StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(_mail, Assert.Single(_nextHop.Messages));
        }
    }

    [Fact]
    public async Task A_message_that_only_its_links_make_too_large_goes_on_as_it_was()
    {
        _nextHop.Ehlo = $"250-next.example\r\n250 SIZE {_mail.Length + 20}\r\n";
        using var client = await ConnectAsync();
        await BeginAsync(client);
        Assert.StartsWith("250", await client.SayAsync(_mail + "."));
        Assert.Equal(_mail, Assert.Single(_nextHop.Messages));
    }

    [Fact]
    public async Task A_message_that_has_passed_too_often_stays_with_its_MTA()
    {
        const string Trace = "Received: from filter.example (localhost [127.0.0.1])\r\n\tby mx.example (Postfix)\r\n";
        using var client = await ConnectAsync();
        await BeginAsync(client);
        Assert.StartsWith("250", await client.SayAsync($"{Trace}{Trace}{_mail}."));
        await BeginAsync(client);
        Assert.StartsWith("451 4.4.6", await client.SayAsync($"{Trace}{Trace}{Trace}{_mail}."));
        Assert.Single(_nextHop.Messages);
    }

    [Fact]
    public async Task A_filter_that_is_its_own_next_hop_says_so()
    {
        var port = FreePort.Take(1)[0];
        var host = await StartAsync(("Listen", $"127.0.0.1:{port}"), ("NextHop", $"127.0.0.1:{port}"));
        using var client = await SmtpClient.ConnectAsync(AddressOf(host));
        await client.ReadAsync();
        Assert.StartsWith("421 4.4.6", await client.SayAsync("EHLO mta.example"));
    }

    [Fact]
    public async Task A_client_that_the_setting_does_not_name_gets_no_word()
    {
        var host = await StartAsync(("Clients:0", "192.0.2.0/24"));
        using var client = await SmtpClient.ConnectAsync(AddressOf(host));
        Assert.Equal("", await client.ReadAsync());
    }

    [Theory]
    [InlineData("a\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nb\r\n.\r\n", "550 5.5.2")]
    [InlineData("a\n.\nMAIL FROM:<evil@example.com>\r\n.\r\n", "550 5.5.2")]
    [InlineData("a\r.\r\nMAIL FROM:<evil@example.com>\r\n.\r\n", "550 5.5.2")]
    [InlineData("a\r\n.\nMAIL FROM:<evil@example.com>\r\n.\r\n", "550 5.5.2")]
    [InlineData("a\r\n\r\n.\rMAIL FROM:<evil@example.com>\r\n.\r\n", "250 2.0.0")]
    public async Task A_smuggled_message_is_part_of_the_one_that_it_came_in(string data, string answer)
    {
        using var client = await ConnectAsync();
        await BeginAsync(client);
        await client.SendAsync(data);
        Assert.StartsWith(answer, await client.ReadAsync());
        Assert.StartsWith("250", await client.SayAsync("NOOP"));
        Assert.DoesNotContain(_nextHop.Commands, command => command.Contains("evil", StringComparison.Ordinal));
        Assert.Equal(answer[0] == '2' ? 1 : 0, _nextHop.Messages.Count);
    }

    [Fact]
    public async Task A_smuggled_message_in_chunks_is_refused_too()
    {
        using var client = await ConnectAsync();
        await client.SayAsync("MAIL FROM:<news@shop.example>");
        await client.SayAsync("RCPT TO:<anna@example.net>");
        await client.SendAsync("BDAT 7 LAST\r\na\n.\r\nMA");
        Assert.StartsWith("550 5.5.2", await client.ReadAsync());
        Assert.Empty(_nextHop.Messages);
    }

    [Fact]
    public async Task Dots_cut_in_two_by_segments_are_read_as_one()
    {
        using var client = await ConnectAsync();
        await BeginAsync(client);
        foreach (var octet in "a: b\r\n\r\n..\r\n...\r\n.")
        {
            await client.SendAsync(octet.ToString());
        }

        await client.SendAsync("\r");
        await client.SendAsync("\n");
        Assert.StartsWith("250", await client.ReadAsync());
        Assert.Equal("a: b\r\n\r\n..\r\n...\r\n", Assert.Single(_nextHop.Messages));
    }

    [Fact]
    public async Task Endless_lines_are_dropped_and_end_in_a_closed_connection()
    {
        using var client = await ConnectAsync(("MaxErrors", "2"));
        await client.SendAsync($"NOOP {new string('x', 1 << 20)}\r\n");
        Assert.StartsWith("500 5.5.2", await client.ReadAsync());
        await client.SendAsync($"{new string('y', 1 << 20)}\r\n");
        Assert.StartsWith("500 5.5.2", await client.ReadAsync());
        Assert.StartsWith("421 4.7.0", await client.ReadAsync());
        Assert.Equal("", await client.ReadAsync());
    }

    [Fact]
    public async Task An_endless_line_in_a_message_ends_at_the_limit()
    {
        using var client = await ConnectAsync(("MaxMessageBytes", "65536"), ("MaxBytesAtOnce", "1048576"));
        await BeginAsync(client);
        await client.SendAsync(new string('x', 100_000) + "\r\n.\r\n");
        Assert.StartsWith("552 5.3.4", await client.ReadAsync());
        await BeginAsync(client);
        try
        {
            // The filter closes the connection during the message.
            await client.SendAsync(new string('x', 400_000));
            Assert.StartsWith("421", await client.ReadAsync());
        }
        catch (IOException)
        {
            // The connection was reset before the answer was read.
        }

        Assert.Empty(_nextHop.Messages);
        Assert.StartsWith("552 5.3.4", await SayOnceAsync("MAIL FROM:<a@shop.example> SIZE=70000"));
    }

    [Fact]
    public async Task Ten_thousand_recipients_are_taken_up_to_the_limit()
    {
        using var client = await ConnectAsync();
        await client.SayAsync("MAIL FROM:<news@shop.example>");
        var commands = new StringBuilder();
        for (var i = 0; i < 10_000; i++)
        {
            commands.Append(CultureInfo.InvariantCulture, $"RCPT TO:<reader{i}@example.net>\r\n");
        }

        var sending = client.SendAsync(commands.ToString()).AsTask();
        var taken = 0;
        for (var i = 0; i < 10_000; i++)
        {
            var answer = await client.ReadAsync();
            taken += answer.StartsWith("250", StringComparison.Ordinal) ? 1 : 0;
            Assert.True(i < 1_000 || answer == "452 4.5.3 Too many recipients\r\n", answer);
        }

        await sending;
        Assert.Equal(1_000, taken);
        await client.SayAsync("DATA");
        Assert.StartsWith("250", await client.SayAsync(_mail + "."));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: filter.example\r\n\r\n", "421 4.7.0")]
    [InlineData("NOOP\n", "500 5.5.2")]
    [InlineData("NO\rOP\r\n", "500 5.5.2")]
    [InlineData("RCPT TO:<a\0@example.net>\r\n", "500 5.5.2")]
    [InlineData("\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n", "500 5.5.2")]
    [InlineData("XCLIENT ADDR=192.0.2.1\r\n", "500 5.5.1")]
    [InlineData("BDAT 99999999999999 LAST\r\n", "501 5.5.4")]
    [InlineData("BDAT -1\r\n", "501 5.5.4")]
    [InlineData("RCPT TO:<a@example.net>\r\n", "503 5.5.1")]
    [InlineData("DATA\r\n", "503 5.5.1")]
    [InlineData("MAIL FROM:news@shop.example\r\n", "501 5.5.4")]
    public async Task Garbage_is_refused_and_never_reaches_the_next_hop(string text, string answer)
    {
        using var client = await ConnectAsync();
        var before = _nextHop.Commands.Count;
        await client.SendAsync(text);
        Assert.StartsWith(answer, await client.ReadAsync());
        Assert.Equal(before, _nextHop.Commands.Count(command => command != "QUIT"));
    }

    [Fact]
    public async Task A_sender_that_is_too_slow_is_cut()
    {
        using var client = await ConnectAsync(("MessageTimeout", "00:00:10"), ("CommandTimeout", "00:00:10"));
        await BeginAsync(client);
        await client.SendAsync("a: b\r\n");
        Assert.StartsWith("421 4.4.2", await client.ReadAsync());
        Assert.Equal("", await client.ReadAsync());
        Assert.Empty(_nextHop.Messages);
    }

    [Fact]
    public async Task Commands_before_TLS_do_not_count_after_it()
    {
        using var folder = new TemporaryFolder();
        var host = await StartAsync(("CertificateFile", Certificate(folder)), ("RequireTls", "true"),
            ("ForwardAuth", "true"));
        using (var injected = await SmtpClient.GreetAsync(AddressOf(host)))
        {
            await injected.SendAsync("STARTTLS\r\nMAIL FROM:<evil@example.com>\r\n");
            Assert.StartsWith("554 5.5.0", await injected.ReadAsync());
            Assert.Equal("", await injected.ReadAsync());
        }

        using var client = await SmtpClient.GreetAsync(AddressOf(host));
        Assert.Contains("STARTTLS", await client.SayAsync("EHLO mta.example"), StringComparison.Ordinal);
        Assert.StartsWith("530 5.7.0", await client.SayAsync("MAIL FROM:<news@shop.example>"));
        Assert.StartsWith("220 2.0.0", await client.SayAsync("STARTTLS"));
        await client.BeginTlsAsync();
        Assert.StartsWith("503 5.5.1", await client.SayAsync("MAIL FROM:<news@shop.example>"));
        var offers = await client.SayAsync("EHLO mta.example");
        Assert.DoesNotContain("STARTTLS", offers, StringComparison.Ordinal);
        Assert.Contains("AUTH PLAIN LOGIN", offers, StringComparison.Ordinal);
        await BeginAsync(client);
        Assert.StartsWith("250", await client.SayAsync(_mail + "."));
        Assert.DoesNotContain(_nextHop.Commands, command => command.Contains("evil", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Authentication_is_the_next_hops_where_the_setting_passes_it_on()
    {
        _nextHop.Answer = line => line switch
        {
            "AUTH LOGIN" => "334 VXNlcm5hbWU6\r\n",
            "dXNlcg==" => "334 UGFzc3dvcmQ6\r\n",
            "c2VjcmV0" => "235 2.7.0 Authentication successful\r\n",
            _ => null,
        };
        using var client = await ConnectAsync(("ForwardAuth", "true"));
        Assert.Equal("334 VXNlcm5hbWU6\r\n", await client.SayAsync("AUTH LOGIN"));
        Assert.Equal("334 UGFzc3dvcmQ6\r\n", await client.SayAsync("dXNlcg=="));
        Assert.Equal("235 2.7.0 Authentication successful\r\n", await client.SayAsync("c2VjcmV0"));

        using var without = await ConnectAsync();
        Assert.StartsWith("500 5.5.1", await without.SayAsync("AUTH LOGIN"));
    }

    [Fact]
    public async Task A_stop_ends_the_transaction_in_progress_and_says_goodbye_to_the_others()
    {
        using var busy = await ConnectAsync();
        using var idle = await SmtpClient.GreetAsync(AddressOf(Host));
        await BeginAsync(busy);
        await busy.SendAsync(_mail);
        var stopping = Host.StopAsync();
        Assert.StartsWith("421 4.3.2", await idle.ReadAsync());
        Assert.StartsWith("250 2.0.0", await busy.SayAsync("."));
        Assert.StartsWith("421 4.3.2", await busy.ReadAsync());
        await stopping;
        Assert.Single(_nextHop.Messages);
    }

    private RewriteHost Host => _hosts[^1];

    private async Task<SmtpClient> ConnectAsync(params (string Name, string Value)[] settings) =>
        await SmtpClient.GreetAsync(AddressOf(await StartAsync(settings)));

    private async Task<string> SayOnceAsync(string line)
    {
        using var client = await SmtpClient.GreetAsync(AddressOf(Host));
        return await client.SayAsync(line);
    }

    private static async Task BeginAsync(SmtpClient client)
    {
        Assert.StartsWith("250", await client.SayAsync("MAIL FROM:<news@shop.example>"));
        Assert.StartsWith("250", await client.SayAsync("RCPT TO:<anna@example.net>"));
        Assert.StartsWith("354", await client.SayAsync("DATA"));
    }

    private async Task<RewriteHost> StartAsync(params (string Name, string Value)[] settings)
    {
        if (_hosts.Count > 0)
        {
            await _hosts[^1].StopAsync();
        }

        var all = new Dictionary<string, string>
        {
            ["Tracking:SmtpFilter:Listen"] = "127.0.0.1:0",
            ["Tracking:SmtpFilter:NextHop"] = $"127.0.0.1:{_nextHop.Port}",
            ["Tracking:SmtpFilter:Name"] = "filter.example",
        };
        foreach (var (name, value) in settings)
        {
            all[name.StartsWith("Tracking:", StringComparison.Ordinal) ? name : $"Tracking:SmtpFilter:{name}"] = value;
        }

        var host = await RewriteHost.StartAsync(
            _hosts.Count > 0 ? await postgres.CreateDatabaseAsync() : _database,
            [.. all.Select(setting => (setting.Key, setting.Value))]);
        _hosts.Add(host);
        var cluster = await host.CreateClusterAsync();
        await host.ExecuteAsync(
            "INSERT INTO management.sending_domains (domain, cluster_id) VALUES ('shop.example', $1)", cluster.Value);
        await host.Services.GetRequiredService<Tracking.Database.ClusterDirectory>().RefreshAsync(Cancelled);
        return host;
    }

    private static EndPoint AddressOf(RewriteHost host) => host.Services.GetRequiredService<ServeMtas>().Address!;

    private static string Certificate(TemporaryFolder folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=filter.example", key, HashAlgorithmName.SHA256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now, now.AddDays(1));
        var path = folder.In("filter.pem");
        File.WriteAllText(path, $"{certificate.ExportCertificatePem()}\n{key.ExportECPrivateKeyPem()}\n");
        return path;
    }
}
