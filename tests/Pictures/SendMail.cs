using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using RabbitMQ.Client;
using Tracking.Servers;

namespace Tracking.Pictures;

/// <summary>A message and a click, from outside, as an MTA and a recipient send them.</summary>
internal static partial class SendMail
{
    private const string Mail =
        "From: Shop <news@example.com>\r\nTo: Anna <anna@example.org>\r\nSubject: Offers\r\n\r\n"
        + "All offers: https://shop.example.com/offers\r\n";

    /// <summary>Publishes a message, follows the link in what comes out, and waits until the click is stored.</summary>
    /// <returns>The trace of the message.</returns>
    public static async Task<string> AndClickAsync(Uri gateway, string home, CancellationToken cancellationToken)
    {
        using var api = new HttpClient
        {
            BaseAddress = gateway,
            DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", AdminKey(home)) },
        };
        using var created = await api.PostAsJsonAsync(
            "/api/v1/clusters", new { name = "shop", settings = new { trackClicks = true } }, cancellationToken);
        var cluster = (string)(await created.EnsureSuccessStatusCode().Content
            .ReadFromJsonAsync<JsonObject>(cancellationToken))!["id"]!;

        var trace = ActivityTraceId.CreateRandom().ToHexString();
        var link = await RewriteAsync(home, cluster, trace, cancellationToken);
        await Eventually.HoldsAsync(
            async () => await IsFollowedAsync(link, cancellationToken), "the link is followed", cancellationToken);
        await Eventually.HoldsAsync(
            async () => (await api.GetStringAsync($"/api/v1/clusters/{cluster}/events", cancellationToken))
                .Contains("\"click\"", StringComparison.Ordinal),
            "the click is stored",
            cancellationToken);
        return trace;
    }

    private static async Task<string> RewriteAsync(
        string home, string cluster, string trace, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory { Uri = Broker(home), AutomaticRecoveryEnabled = false };
        await using var connection = await factory.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(true, true), cancellationToken);
        var headers = new Dictionary<string, object?>
        {
            ["tracking-cluster"] = cluster,
            ["traceparent"] = $"00-{trace}-{ActivitySpanId.CreateRandom().ToHexString()}-01",
        };
        await channel.BasicPublishAsync(
            "rewrite", "", mandatory: true, new BasicProperties { Headers = headers }, Encoding.ASCII.GetBytes(Mail),
            cancellationToken);
        BasicGetResult? rewritten = null;
        await Eventually.HoldsAsync(
            async () => (rewritten = await channel.BasicGetAsync("rewritten", true, cancellationToken)) is not null,
            "the rewritten message",
            cancellationToken);
        return Link().Match(Encoding.ASCII.GetString(rewritten!.Body.Span)).Value;
    }

    // Hosts under localhost lead to the machine itself, as in a browser.
    private static async Task<bool> IsFollowedAsync(string link, CancellationToken cancellationToken)
    {
        using var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectCallback = async (context, cancelled) =>
            {
                var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", context.DnsEndPoint.Port, cancelled);
                return client.GetStream();
            },
        };
        using var recipient = new HttpClient(handler);
        using var answer = await recipient.GetAsync(link, cancellationToken);
        return answer.StatusCode == System.Net.HttpStatusCode.Found;
    }

    private static string AdminKey(string home) => (string)JsonNode.Parse(File.ReadAllText(
        Directory.EnumerateFiles(Path.Combine(home, ".microsoft", "usersecrets"), "secrets.json",
            SearchOption.AllDirectories).Single()))!["Parameters:admin-key"]!;

    // What a rewriter was given: the broker's port is another at each start.
    private static Uri Broker(string home) => new(ProcessesOf.Variable("HOME", home)
        .Select(id => ProcessesOf.Read(id, "ConnectionStrings__rabbitmq"))
        .First(value => value is not null)!);

    [GeneratedRegex(@"http://track\.localhost\S+")]
    private static partial Regex Link();
}
