using System.Globalization;
using System.Net;
using System.Text;
using Tracking.Servers;

namespace Tracking.System.Tests.Mta;

/// <summary>
/// The recipe of <c>deploy/mta/postfix.md</c> with a real Postfix: mail arrives rewritten. None is lost, bounced or
/// doubled while a part of the product is down.
/// </summary>
public sealed class PostfixFilter(FilteredPostfix mta) : IClassFixture<FilteredPostfix>
{
    [Theory]
    [InlineData("shop-alternative-quoted-printable.eml")]
    [InlineData("club-plain-text-flowed.eml")]
    public async Task A_newsletter_arrives_rewritten_and_its_links_lead_where_they_led(string newsletter)
    {
        var reader = $"reader@{newsletter.Replace(".eml", ".example.net")}";
        var original = await File.ReadAllBytesAsync(Newsletters.PathOf(newsletter));
        await mta.SendAsync("news@example.com", [reader], original);
        var mail = Assert.Single(await mta.ArrivedAsync(1, reader));
        Assert.Equal("news@example.com", mail.Sender);

        var after = ReadMail.Urls(mail.Message).Where(url => !url.Contains("/o/")).ToList();
        var before = ReadMail.Urls(original);
        Assert.Equal(before.Count, after.Count);
        var tracked = before.Zip(after).Where(pair => pair.First != pair.Second).ToList();
        Assert.NotEmpty(tracked);

        using var recipient = new Recipient();
        foreach (var (destination, link) in tracked.Take(10))
        {
            using var response = await recipient.FetchAsync(link, newsletter);
            Assert.Equal(HttpStatusCode.Found, response.StatusCode);
            Assert.Equal(ReadMail.AsBrowser(destination), response.Headers.GetValues("Location").Single());
        }

        var messages = await mta.Api.GetAsync($"/api/v1/clusters/{mta.Cluster}/messages?recipient={reader}");
        var message = Assert.Single(messages.GetProperty("items").EnumerateArray());
        Assert.Equal("news@example.com", message.GetProperty("sender").GetString());
    }

    [Fact]
    public async Task Each_recipient_of_a_mail_gets_links_of_their_own()
    {
        string[] readers = ["anna@each.example.net", "carl@each.example.net", "\"odd -name\"@each.example.net"];
        await mta.SendAsync("news@example.com", readers, Mail("each"));
        var arrived = await mta.ArrivedAsync(3, readers);
        Assert.Equal(readers.Order(), arrived.SelectMany(mail => mail.Recipients).Order());
        Assert.Equal(3, arrived.Select(mail => ReadMail.Urls(mail.Message)[0]).Distinct().Count());
    }

    [Fact]
    public async Task Mail_is_signed_after_it_was_rewritten()
    {
        await mta.SendAsync("news@example.com", ["anna@signed.example.net"], Mail("signed"));
        var mail = Assert.Single(await mta.ArrivedAsync(1, "anna@signed.example.net"));
        AssertTracked(mail);
        DkimOf.AssertBodyIsSigned(mail);
    }

    [Fact]
    public async Task Mail_from_the_null_sender_stays_from_the_null_sender()
    {
        await mta.SendAsync("", ["anna@null.example.net"], Mail("null"));
        var mail = Assert.Single(await mta.ArrivedAsync(1, "anna@null.example.net"));
        Assert.Equal("", mail.Sender);
        AssertTracked(mail);
    }

    [Fact]
    public async Task Mail_that_is_too_large_only_with_its_links_rewritten_arrives_as_it_was_written()
    {
        var links = string.Concat(Enumerable.Range(0, 3_000).Select(i => $"http://a.example/{i}\n"));
        await mta.SendAsync("news@example.com", ["anna@large.example.net"], Mail("large", links));
        var mail = Assert.Single(await mta.ArrivedAsync(1, "anna@large.example.net"));
        Assert.Contains("http://a.example/2999", ReadMail.Urls(mail.Message));
    }

    [Fact]
    public async Task Mail_sent_while_the_service_is_away_waits_and_arrives_rewritten_once()
    {
        var ledger = new Ledger();
        var readers = Enumerable.Range(0, 12).Select(i => $"reader{i}@away.example.net").ToList();
        await SendAsync(readers[..4]);
        mta.Standalone.Kill();
        await SendAsync(readers[4..8]);
        foreach (var reader in readers[4..8])
        {
            await mta.LoggedAsync(reader, "dsn=4.3.0, status=");
            await mta.LoggedAsync(reader, "cannot be reached");
        }

        await mta.Standalone.RestartAsync(TestContext.Current.CancellationToken);
        await SendAsync(readers[8..]);
        var arrived = await mta.ArrivedAsync(readers.Count, readers);
        ledger.AssertBalanced([.. arrived.Select(mail => mail.Recipients.Single())]);
        Assert.All(arrived, AssertTracked);
        Assert.DoesNotContain("status=bounced", mta.Postfix.Log, StringComparison.Ordinal);

        async Task SendAsync(IEnumerable<string> to)
        {
            foreach (var reader in to)
            {
                ledger.Attempt(reader);
                await mta.SendAsync("news@example.com", [reader], Mail(reader));
                ledger.Acknowledge(reader);
            }
        }
    }

    [Fact]
    public async Task A_filter_killed_under_way_loses_no_mail()
    {
        const string Reader = "anna@killed.example.net";
        await SignalAsync("STOP", mta.Standalone.Id);
        try
        {
            await mta.SendAsync("news@example.com", [Reader], Mail("killed"));
            await Eventually.HoldsAsync(
                () => mta.Postfix.Filters().Count > 0, "the filter runs", TestContext.Current.CancellationToken);
            foreach (var filter in mta.Postfix.Filters())
            {
                await SignalAsync("KILL", filter);
            }

            await mta.LoggedAsync(Reader, "Command died with signal 9");
        }
        finally
        {
            await SignalAsync("CONT", mta.Standalone.Id);
        }

        AssertTracked(Assert.Single(await mta.ArrivedAsync(1, Reader)));
    }

    [Fact]
    public async Task A_filter_that_cannot_even_start_bounces_no_mail()
    {
        // A program without its runtime, for example during an upgrade, ends with an exit code that is a permanent
        // failure for Postfix.
        const string Reader = "anna@broken.example.net";
        var program = mta.Postfix.Trackctl;
        File.Move(program, program + ".away");
        try
        {
            await File.WriteAllTextAsync(program + ".new", "#!/bin/sh\nexit 150\n");
            await PostfixProcess.RunAsync("chmod", "755", program + ".new");
            File.Move(program + ".new", program);
            await mta.SendAsync("news@example.com", [Reader], Mail("broken"));
            await mta.LoggedAsync(Reader, "status=SOFTBOUNCE");
        }
        finally
        {
            File.Move(program + ".away", program, overwrite: true);
        }

        AssertTracked(Assert.Single(await mta.ArrivedAsync(1, Reader)));
    }

    private static byte[] Mail(string name, string more = "") => Encoding.ASCII.GetBytes(
        $"""
        From: news@example.com
        Subject: {name}

        See https://www.example.com/offer?for={name} today.
        .
        {more}

        """);

    private static void AssertTracked(ReceivedMail mail) =>
        Assert.Contains("/c/", ReadMail.Urls(mail.Message).First(), StringComparison.Ordinal);

    private static Task SignalAsync(string signal, int process) =>
        PostfixProcess.RunAsync("kill", "-" + signal, process.ToString(CultureInfo.InvariantCulture));
}
