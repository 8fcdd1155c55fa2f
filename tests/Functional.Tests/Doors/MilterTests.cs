using System.Net;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Database;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Milter.Sessions;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Doors;

/// <summary>The milter with the tests in the role of the MTA.</summary>
public sealed class MilterTests(RewritePostgres postgres) : IAsyncLifetime
{
    private const string Html = "Content-Type: text/html";
    private const string Body = "<p><a href=\"https://www.example.com/offer\">\r\nhere</a></p>\r\n";
    private static readonly string[] _anna = ["anna@example.net"];

    private readonly TemporaryFolder _folder = new();
    private RewriteHost? _host;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private EndPoint Address => _host!.Services.GetRequiredService<ServeMilter>().Address!;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        _folder.Dispose();
    }

    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("unix")]
    public async Task A_changed_body_is_sent_back_and_control_headers_are_deleted(string listen)
    {
        await StartAsync(("Tracking:Milter:Listen", listen == "unix" ? $"unix:{_folder.In("milter")}" : listen));
        using var mta = await MilterClient.ConnectAsync(Address);
        Assert.Equal((6u, 0x112u), (mta.Asked.Version, mta.Asked.Actions));
        for (var message = 0; message < 2; message++)
        {
            Assert.Equal('c', await mta.BeginAsync(
                _anna, "From: news@shop.example", "X-Tracking-Tags: a", Html, "x-tracking-tags: b"));
            var packets = await mta.EndAsync(Body);
            Assert.Equal("mmba", string.Concat(packets.Select(packet => packet.Command)));
            Assert.Equal("\0\0\0\u0002x-tracking-tags\0\0", Text(packets[0].Data));
            Assert.Equal("\0\0\0\u0001X-Tracking-Tags\0\0", Text(packets[1].Data));
            Assert.Contains("https://track.localhost/c/", Text(packets[2].Data), StringComparison.Ordinal);
        }

        Assert.Equal("anna@example.net", await _host!.ScalarAsync<string>("SELECT recipient FROM rewrite.messages"));
        Assert.Equal("news@shop.example", await _host.ScalarAsync<string>("SELECT sender FROM rewrite.messages"));
    }

    [Fact]
    public async Task A_long_body_goes_both_ways_in_pieces()
    {
        await StartAsync();
        using var mta = await MilterClient.ConnectAsync(Address);
        var lines = string.Concat(Enumerable.Repeat("<p>some text of a newsletter</p>\r\n", 6_000));
        await mta.BeginAsync(_anna, "From: news@shop.example", Html);
        var packets = await mta.EndAsync(Body + lines);
        Assert.Equal("bbbba", string.Concat(packets.Select(packet => packet.Command)));
        var body = string.Concat(packets.SkipLast(1).Select(packet => Text(packet.Data)));
        Assert.Contains(lines[..^2], body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_of_no_cluster_is_accepted_at_the_end_of_its_header()
    {
        await StartAsync();
        using var mta = await MilterClient.ConnectAsync(Address);
        Assert.Equal('a', await mta.BeginAsync(_anna, "From: a@elsewhere.example", Html));
        Assert.Equal('c', await mta.BeginAsync(_anna, "From: a@elsewhere.example", "X-Tracking-Opens: no"));
        Assert.Equal(["m", "a"], (await mta.EndAsync(Body)).Select(packet => packet.Command.ToString()));
    }

    [Fact]
    public async Task A_message_without_a_change_is_accepted_without_one()
    {
        await StartAsync();
        using var mta = await MilterClient.ConnectAsync(Address);
        await mta.BeginAsync(_anna, "From: news@shop.example", "Content-Type: application/pdf");
        Assert.Equal('a', Assert.Single(await mta.EndAsync("%PDF\r\n")).Command);
    }

    [Fact]
    public async Task An_MTA_that_wants_every_answer_gets_it()
    {
        await StartAsync();
        using var mta = await MilterClient.ConnectAsync(Address, steps: 0);
        Assert.Equal(0u, mta.Asked.Steps);
        foreach (var (command, data) in new[]
            {
                ('C', "mx\0" + "4\0\0" + "127.0.0.1\0"), ('H', "mx\0"), ('M', "<news@shop.example>\0"),
                ('R', "<anna@example.net>\0"), ('T', ""), ('L', "From\0news@shop.example\0"),
                ('L', "Content-Type\0text/html\0"), ('N', ""), ('B', Body),
            })
        {
            await mta.SendAsync(command, data);
            Assert.Equal('c', (await mta.ReadAsync()).Command);
        }

        Assert.Equal("ba", string.Concat((await mta.EndAsync("")).Select(packet => packet.Command)));
    }

    [Theory]
    [InlineData("wait", "y")]
    [InlineData("passThrough", "a")]
    public async Task While_the_store_is_away_the_setting_of_the_queue_decides(string setting, string answer)
    {
        await StartAsync(
            ("Tracking:Rewrite:WhenStoreUnavailable", setting), ("Tracking:Rewrite:RegistrationTimeout", "00:00:01"));
        using var mta = await MilterClient.ConnectAsync(Address);
        await using (await _host!.LockAsync("rewrite.messages"))
        {
            await mta.BeginAsync(_anna, "From: news@shop.example", Html);
            var (command, data) = Assert.Single(await mta.EndAsync(Body));
            Assert.Equal(answer, command.ToString());
            Assert.StartsWith(answer == "y" ? "451 4.3.0" : "", Text(data), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_message_above_the_limit_is_accepted_without_its_control_headers()
    {
        await StartAsync(("Tracking:Milter:MaxMessageBytes", "65536"));
        using var mta = await MilterClient.ConnectAsync(Address);
        await mta.BeginAsync(_anna, "From: news@shop.example", Html, "X-Tracking-Tags: a");
        var packets = await mta.EndAsync(Body + new string('x', 100_000) + "\r\n");
        Assert.Equal("ma", string.Concat(packets.Select(packet => packet.Command)));
    }

    [Fact]
    public async Task Garbage_closes_only_its_own_connection()
    {
        await StartAsync();
        using var good = await MilterClient.ConnectAsync(Address);
        using (var huge = await MilterClient.ConnectAsync(Address))
        {
            await huge.SendAsync('!', "");
            await Assert.ThrowsAsync<EndOfStreamException>(huge.ReadAsync);
        }

        using (var http = new System.Net.Sockets.TcpClient())
        {
            await http.ConnectAsync((IPEndPoint)Address, Cancelled);
            await http.GetStream().WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), Cancelled);
            Assert.Equal(0, await http.GetStream().ReadAsync(new byte[1], Cancelled));
        }

        await good.BeginAsync(_anna, "From: news@shop.example", Html);
        Assert.Equal(2, (await good.EndAsync(Body)).Count);
    }

    [Fact]
    public async Task An_aborted_message_leaves_nothing_to_the_next_one()
    {
        await StartAsync();
        using var mta = await MilterClient.ConnectAsync(Address);
        await mta.BeginAsync(["carl@example.net"], "From: news@shop.example", "X-Tracking-Clicks: no");
        await mta.SendAsync('A', "");
        await mta.BeginAsync(_anna, "From: news@shop.example", Html);
        Assert.Equal("ba", string.Concat((await mta.EndAsync(Body)).Select(packet => packet.Command)));
        Assert.Equal("anna@example.net", await _host!.ScalarAsync<string>("SELECT recipient FROM rewrite.messages"));
    }

    private async Task StartAsync(params (string Name, string Value)[] settings)
    {
        _host = await RewriteHost.StartAsync(
            await postgres.CreateDatabaseAsync(),
            settings.Any(setting => setting.Name == "Tracking:Milter:Listen")
                ? settings
                : [.. settings, ("Tracking:Milter:Listen", "127.0.0.1:0")]);
        var cluster = await _host.CreateClusterAsync();
        await _host.ExecuteAsync(
            "INSERT INTO management.sending_domains (domain, cluster_id) VALUES ('shop.example', $1)", cluster.Value);
        await _host.Services.GetRequiredService<ClusterDirectory>().RefreshAsync(Cancelled);
    }

    private static string Text(byte[] data) => Encoding.Latin1.GetString(data);
}
