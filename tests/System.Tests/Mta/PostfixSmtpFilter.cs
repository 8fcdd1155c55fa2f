using System.Net;
using Tracking.Servers;

namespace Tracking.System.Tests.Mta;

/// <summary>
/// The recipe of <c>deploy/mta/postfix-smtp.md</c> with a real Postfix: the SMTP filter after its queue, and OpenDKIM
/// after the filter.
/// </summary>
public sealed class PostfixSmtpFilter(DoorsOfTracking doors) : IClassFixture<DoorsOfTracking>
{
    [Theory]
    [InlineData("shop-alternative-quoted-printable.eml")]
    [InlineData("club-plain-text-flowed.eml")]
    public async Task A_newsletter_arrives_rewritten_and_its_links_lead_where_they_led(string newsletter)
    {
        await using var postfix = await StartAsync();
        var reader = $"smtp@{newsletter.Replace(".eml", ".example.net")}";
        var original = await File.ReadAllBytesAsync(Newsletters.PathOf(newsletter));
        await SendMail.ToAsync(postfix.Port, "news@example.com", [reader], original);
        var mail = Assert.Single(await doors.ArrivedAsync(() => postfix.Log, reader));
        Assert.Equal("news@example.com", mail.Sender);

        var before = ReadMail.Urls(original);
        var after = ReadMail.Urls(mail.Message).Where(url => !url.Contains("/o/", StringComparison.Ordinal)).ToList();
        var tracked = before.Zip(after).Where(pair => pair.First != pair.Second).ToList();
        Assert.NotEmpty(tracked);
        using var recipient = new Recipient();
        foreach (var (destination, link) in tracked.Take(5))
        {
            using var response = await recipient.FetchAsync(link, newsletter);
            Assert.Equal(HttpStatusCode.Found, response.StatusCode);
            Assert.Equal(ReadMail.AsBrowser(destination), response.Headers.GetValues("Location").Single());
        }
    }

    [Fact]
    public async Task Each_recipient_of_a_mail_gets_links_of_their_own_which_are_signed_and_is_known_by_name()
    {
        await using var postfix = await StartAsync();
        string[] readers = ["anna@own.example.net", "carl@own.example.net", "\"odd -name\"@own.example.net"];
        await SendMail.ToAsync(postfix.Port, "news@example.com", readers, TextMail.Of("own"));
        var arrived = await doors.ArrivedAsync(() => postfix.Log, readers);
        Assert.Equal(3, arrived.Select(mail => ReadMail.Urls(mail.Message)[0]).Distinct().Count());
        Assert.All(arrived, TextMail.AssertTracked);
        Assert.All(arrived, DkimOf.AssertBodyIsSigned);
        var messages = await doors.Api.GetAsync(
            $"/api/v1/clusters/{doors.Cluster}/messages?recipient={readers[0]}");
        Assert.Equal(
            "news@example.com",
            Assert.Single(messages.GetProperty("items").EnumerateArray()).GetProperty("sender").GetString());
    }

    [Fact]
    public async Task Every_message_arrives_rewritten_while_the_filter_is_killed_again_and_again()
    {
        await using var postfix = await StartAsync();
        var readers = Enumerable.Range(0, 240).Select(i => $"reader{i}@killed.example.net").ToList();
        var ledger = new Ledger();
        var sending = SendAsync(postfix, readers, ledger);
        for (var kill = 1; kill <= 4; kill++)
        {
            var enough = kill * readers.Count / 8;
            await Eventually.HoldsAsync(
                () => doors.For(readers).Count >= enough,
                $"{enough} messages arrive",
                TestContext.Current.CancellationToken,
                Eventually.Deadline * 2);
            doors.Doors.Kill();
            await doors.Doors.StartAsync(TestContext.Current.CancellationToken);
        }

        await sending;
        var arrived = await doors.ArrivedAsync(() => postfix.Log, readers);
        await EmptyAsync(postfix, readers.Count);
        TextMail.AssertArrived(ledger, arrived);
        Assert.All(arrived, TextMail.AssertTracked);
        Assert.DoesNotContain("status=bounced", postfix.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_message_arrives_once_over_a_rolling_restart()
    {
        await using var postfix = await StartAsync();
        var readers = Enumerable.Range(0, 120).Select(i => $"reader{i}@rolling.example.net").ToList();
        var ledger = new Ledger();
        var sending = SendAsync(postfix, readers, ledger);
        for (var restart = 1; restart <= 2; restart++)
        {
            var enough = restart * readers.Count / 4;
            await Eventually.HoldsAsync(
                () => doors.For(readers).Count >= enough,
                $"{enough} messages arrive",
                TestContext.Current.CancellationToken,
                Eventually.Deadline * 2);
            Assert.Equal(0, await doors.Doors.StopAsync(TestContext.Current.CancellationToken));
            await doors.Doors.StartAsync(TestContext.Current.CancellationToken);
        }

        await sending;
        var arrived = await doors.ArrivedAsync(() => postfix.Log, readers);
        await EmptyAsync(postfix, readers.Count);
        ledger.AssertBalanced([.. doors.For(readers).Select(mail => mail.Recipients.Single())]);
        Assert.All(arrived, TextMail.AssertTracked);
    }

    [Fact]
    public async Task With_a_fallback_relay_mail_arrives_untouched_while_the_filter_is_down()
    {
        await using var postfix = await StartAsync($"  -o smtp_fallback_relay=[127.0.0.1]:{doors.BackPort}\n");
        doors.Doors.Kill();
        try
        {
            await SendMail.ToAsync(postfix.Port, "news@example.com", ["anna@past.example.net"], TextMail.Of("past"));
            var mail = Assert.Single(await doors.ArrivedAsync(() => postfix.Log, "anna@past.example.net"));
            Assert.Equal("https://www.example.com/offer?for=past", ReadMail.Urls(mail.Message)[0]);
            DkimOf.AssertBodyIsSigned(mail);
        }
        finally
        {
            await doors.Doors.StartAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Mail_that_goes_round_in_a_circle_is_kept_and_not_sent_for_ever()
    {
        // A wrong configuration: mail that comes back from the filter is filtered again.
        await using var postfix = await PostfixProcess.StartAsync(
            doors.Sink.Port, "", (_, port) => Services(port, "", $"tracking:[127.0.0.1]:{doors.SmtpPort}"));
        await SendMail.ToAsync(postfix.Port, "news@example.com", ["anna@loop.example.net"], TextMail.Of("loop"));
        await Eventually.HoldsAsync(
            () => postfix.Log.Contains("said: 451 4.4.6", StringComparison.Ordinal),
            $"the loop is recognised:\n{postfix.Log}",
            TestContext.Current.CancellationToken);
        Assert.Empty(doors.For("anna@loop.example.net"));
        Assert.DoesNotContain("status=bounced", postfix.Log, StringComparison.Ordinal);
    }

    private Task<PostfixProcess> StartAsync(string more = "") => PostfixProcess.StartAsync(
        doors.Sink.Port, "", (_, port) => Services(port, more, ""));

    // The services of deploy/mta/postfix-smtp.md with this test's ports.
    private string Services(int port, string more, string backFilter) =>
        $"""
        127.0.0.1:{port} inet n - n - - smtpd
          -o content_filter=tracking:[127.0.0.1]:{doors.SmtpPort}
          -o message_size_limit=100000
        tracking unix - - n - 10 smtp
          -o smtp_send_xforward_command=yes
          -o smtp_tls_security_level=none
          -o disable_dns_lookups=yes
        {more}127.0.0.1:{doors.BackPort} inet n - n - 20 smtpd
          -o content_filter={backFilter}
          -o smtpd_milters=inet:127.0.0.1:{doors.SignerPort}
          -o smtpd_authorized_xforward_hosts=127.0.0.0/8
          -o receive_override_options=no_unknown_recipient_checks,no_address_mappings

        """;

    private static async Task SendAsync(PostfixProcess postfix, List<string> readers, Ledger ledger)
    {
        await Parallel.ForEachAsync(
            readers,
            new ParallelOptions { MaxDegreeOfParallelism = 4 },
            async (reader, _) =>
            {
                ledger.Attempt(reader);
                await SendMail.ToAsync(postfix.Port, "news@example.com", [reader], TextMail.Of(reader));
                ledger.Acknowledge(reader);
            });
    }

    // Waits until the queue is empty, so that no further message can arrive.
    private static Task EmptyAsync(PostfixProcess postfix, int messages) => Eventually.HoldsAsync(
        () => TextMail.Count(postfix.Log, "qmgr", ": removed") >= 2 * messages,
        "Postfix's queue is empty",
        TestContext.Current.CancellationToken);
}
