using Tracking.Servers;

namespace Tracking.Functional.Tests.Cli;

/// <summary>trackctl filter as an MTA runs it, without faults.</summary>
public sealed class FilterTests
{
    // Line ends as in Postfix's pipe, and bytes that are not valid in any encoding.
    internal static readonly byte[] Message = [.. "Subject: x\n\nhello\n"u8, 0xff, 0x00, (byte)'\n'];

    [Fact]
    public async Task A_message_is_rewritten_and_given_to_sendmail_byte_for_byte()
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail();

        var (code, output, error) = await RunAsync(
            server.Url, sendmail, "-f", "bob@example.com", "--", "anna@example.com");

        Assert.Equal((0, "3 links tracked, opens yes", ""), (code, output, error));
        byte[] expected = [(byte)'X', .. Message];
        Assert.Equal(expected, sendmail.Message);
        Assert.Equal(["-G", "-i", "-f", "bob@example.com", "--", "anna@example.com"], sendmail.Arguments);
        Assert.Equal("bob@example.com", server.Headers!["tracking-sender"]);
        Assert.Equal("anna@example.com", server.Headers["tracking-recipient"]);
        Assert.Equal("Bearer trk_test", server.Headers["Authorization"]);
    }

    [Fact]
    public async Task Sendmail_reads_a_complete_file_because_the_end_of_a_pipe_ends_a_message()
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail();
        await RunAsync(server.Url, sendmail, "-f", "", "--", "anna@example.com");
        Assert.Equal("regular file", sendmail.InputKind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<>")]
    public async Task The_null_sender_stays_the_null_sender(string sender)
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail();
        var (code, _, _) = await RunAsync(server.Url, sendmail, "-f", sender, "--", "anna@example.com");
        Assert.Equal(0, code);
        Assert.Equal(["-G", "-i", "-f", "", "--", "anna@example.com"], sendmail.Arguments);
        Assert.False(server.Headers!.ContainsKey("tracking-sender"));
    }

    [Fact]
    public async Task Several_recipients_get_one_message_that_belongs_to_none_of_them()
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail();
        await RunAsync(server.Url, sendmail, "-f", "b@example.com", "--", "anna@example.com", "carl@example.com");
        Assert.Equal(1, sendmail.Runs);
        Assert.Equal(["anna@example.com", "carl@example.com"], sendmail.Arguments[^2..]);
        Assert.False(server.Headers!.ContainsKey("tracking-recipient"));
    }

    [Fact]
    public async Task Addresses_that_look_like_options_are_addresses()
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail();
        var (code, _, error) = await RunAsync(
            server.Url, sendmail,
            "-f", "--url=http://thief.example@example.com", "--", "--key-file=x@example.com", "-v@example.com");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(
            [
                "-G", "-i", "-f", "--url=http://thief.example@example.com",
                "--", "--key-file=x@example.com", "-v@example.com",
            ],
            sendmail.Arguments);
    }

    [Fact]
    public async Task An_address_beyond_ascii_arrives_as_it_is()
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail();
        await RunAsync(server.Url, sendmail, "-f", "jörg@bücher.example", "--", "анна@example.com");
        Assert.Equal(["-G", "-i", "-f", "jörg@bücher.example", "--", "анна@example.com"], sendmail.Arguments);
        Assert.Equal("jörg@bücher.example", server.Headers!["tracking-sender"]);
        Assert.Equal("анна@example.com", server.Headers["tracking-recipient"]);
    }

    [Fact]
    public async Task The_filters_options_become_headers_of_the_request()
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail();
        await RunAsync(
            server.Url, sendmail,
            "--clicks", "html", "--opens", "no", "--level", "anonymous", "--host", "t.example.com",
            "--tag", "news", "--tag", "vip", "-f", "", "--", "a@example.com");
        Assert.Equal(
            ["html", "no", "anonymous", "t.example.com", "news,vip"],
            new[] { "clicks", "opens", "level", "host", "tags" }.Select(name => server.Headers!["tracking-" + name]));
    }

    [Fact]
    public async Task An_interrupted_filter_waits_for_a_running_sendmail()
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail("while [ ! -e $folder/go ]; do sleep 0.05; done; exit 0");
        using var filter = Start(server.Url, sendmail, "-f", "", "--", "a@example.com");
        await Eventually.HoldsAsync(
            () => sendmail.Runs == 1, "sendmail runs", TestContext.Current.CancellationToken);
        await filter.SignalAsync("TERM");
        sendmail.Put("go");
        var (code, _, _) = await filter.EndAsync();
        Assert.Equal(0, code);
    }

    [Fact]
    public async Task The_filters_help_is_a_manual_page()
    {
        var (code, output, _) = await Trackctl.RunAsync(null, null, "filter", "--help");
        Assert.Equal(0, code);
        Assert.Contains("EXIT CODES", output, StringComparison.Ordinal);

        (_, output, _) = await Trackctl.RunAsync(null, null, "--help");
        Assert.Contains("filter", output, StringComparison.Ordinal);
    }

    internal static Trackctl Start(Uri url, FakeSendmail sendmail, params string[] arguments) => Trackctl.Start(
        url, "trk_test", Message, ["filter", "--cluster", "abcde", "--sendmail", sendmail.Path, .. arguments]);

    internal static async Task<(int Code, string Output, string Error)> RunAsync(
        Uri url, FakeSendmail sendmail, params string[] arguments)
    {
        using var filter = Start(url, sendmail, arguments);
        return await filter.EndAsync();
    }
}
