using System.Text;
using Tracking.Servers;

namespace Tracking.System.Tests.Mta;

/// <summary>The recipe of <c>deploy/mta/milter.md</c> with a real Postfix: Tracking's milter and then OpenDKIM's, both
/// in the SMTP session of the sender.</summary>
public sealed class PostfixMilter(DoorsOfTracking doors) : IClassFixture<DoorsOfTracking>
{
    [Theory]
    [InlineData("shop-alternative-quoted-printable.eml")]
    [InlineData("club-plain-text-flowed.eml")]
    public async Task A_newsletter_arrives_rewritten(string newsletter)
    {
        await using var postfix = await StartAsync($"inet:127.0.0.1:{doors.MilterPort}");
        var reader = $"milter@{newsletter.Replace(".eml", ".example.net")}";
        var original = await File.ReadAllBytesAsync(Newsletters.PathOf(newsletter));
        await SendMail.ToAsync(postfix.Port, "news@example.com", [reader], original);
        var mail = Assert.Single(await doors.ArrivedAsync(() => postfix.Log, reader));
        Assert.Contains("/c/", string.Join(' ', ReadMail.Urls(mail.Message)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_arrives_signed_without_its_control_headers_and_its_recipient_is_known()
    {
        await using var postfix = await StartAsync($"inet:127.0.0.1:{doors.MilterPort}");
        await SendMail.ToAsync(postfix.Port, "news@example.com", ["anna@milter.example.net"], TextMail.Of("milter"));
        var mail = Assert.Single(await doors.ArrivedAsync(() => postfix.Log, "anna@milter.example.net"));
        TextMail.AssertTracked(mail);
        DkimOf.AssertBodyIsSigned(mail);
        var messages = await doors.Api.GetAsync(
            $"/api/v1/clusters/{doors.Cluster}/messages?recipient=anna@milter.example.net");
        Assert.Equal(
            "news@example.com",
            Assert.Single(messages.GetProperty("items").EnumerateArray()).GetProperty("sender").GetString());
    }

    [Fact]
    public async Task Mail_of_nobodys_domain_arrives_byte_for_byte()
    {
        await using var postfix = await StartAsync($"inet:127.0.0.1:{doors.MilterPort}");
        const string Text = "From: a@elsewhere.example\r\nSubject:  two blanks\r\n\tfolded\r\n\r\n"
            + "See https://www.example.com/ \r\n..\r\n";
        await SendMail.ToAsync(
            postfix.Port, "a@elsewhere.example", ["anna@elsewhere.example.net"], Encoding.ASCII.GetBytes(Text));
        var mail = Assert.Single(await doors.ArrivedAsync(() => postfix.Log, "anna@elsewhere.example.net"));
        Assert.EndsWith(
            Text[Text.IndexOf("\r\n\r\n", StringComparison.Ordinal)..],
            Encoding.Latin1.GetString(mail.Message),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_milter_works_over_a_Unix_socket_too()
    {
        using var folder = new TemporaryFolder();
        File.SetUnixFileMode(folder.Path, (UnixFileMode)0b111_101_101);
        using var more = doors.StartDoors(folder, new Dictionary<string, string>
        {
            ["Tracking__Milter__Listen"] = $"unix:{folder.In("milter")}",
        });
        await more.StartAsync(TestContext.Current.CancellationToken);
        await using var postfix = await StartAsync($"unix:{folder.In("milter")}");
        await SendMail.ToAsync(postfix.Port, "news@example.com", ["anna@unix.example.net"], TextMail.Of("unix"));
        TextMail.AssertTracked(Assert.Single(await doors.ArrivedAsync(() => postfix.Log, "anna@unix.example.net")));
    }

    [Fact]
    public async Task While_the_milter_is_away_the_client_keeps_its_message_or_it_passes_as_the_MTA_is_set()
    {
        await using var keeps = await StartAsync($"inet:127.0.0.1:{doors.MilterPort}");
        await using var passes = await StartAsync($"inet:127.0.0.1:{doors.MilterPort}", "accept");
        doors.Doors.Kill();
        try
        {
            await Assert.ThrowsAnyAsync<Exception>(() => SendMail.ToAsync(
                keeps.Port, "news@example.com", ["anna@keeps.example.net"], TextMail.Of("keeps")));
            Assert.Contains("milter-reject", keeps.Log, StringComparison.Ordinal);
            await SendMail.ToAsync(
                passes.Port, "news@example.com", ["anna@passes.example.net"], TextMail.Of("passes"));
            var mail = Assert.Single(await doors.ArrivedAsync(() => passes.Log, "anna@passes.example.net"));
            Assert.Equal("https://www.example.com/offer?for=passes", ReadMail.Urls(mail.Message)[0]);
            Assert.Empty(doors.For("anna@keeps.example.net"));
        }
        finally
        {
            await doors.Doors.StartAsync(TestContext.Current.CancellationToken);
        }
    }

    // The settings of deploy/mta/milter.md with this test's ports.
    private Task<PostfixProcess> StartAsync(string milter, string action = "tempfail") => PostfixProcess.StartAsync(
        doors.Sink.Port,
        "",
        (_, port) => $$"""
        127.0.0.1:{{port}} inet n - n - - smtpd
          -o { smtpd_milters = { {{milter}}, default_action={{action}} }, inet:127.0.0.1:{{doors.SignerPort}} }

        """);
}
