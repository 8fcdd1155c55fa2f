using System.Text.Json.Nodes;
using Npgsql;
using Tracking.Functional.Tests.Management;
using Tracking.Functional.Tests.RedirectEdge;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Cli;

/// <summary>Imports from Postal and from CSV.</summary>
[Collection(nameof(ManagementCollection))]
public sealed class ImportCommandTests(ManagementHost host, SomePostal postal) : IClassFixture<SomePostal>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Domains_links_and_messages_of_a_Postal_are_taken_over_once_and_what_is_left_out_is_named()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var name = await FillAsync();
        var dry = await ImportAsync(3, name, cluster, "--dry-run");
        Assert.Equal(0, await CountAsync("links.imported_links", cluster));

        var first = await ImportAsync(3, name, cluster);
        Assert.Equal((7, 0), Numbers(first));
        Assert.Equal((7, 0), Numbers(dry));
        Assert.Equal(Numbers(first, "badUrl"), Numbers(dry, "badUrl"));
        Assert.Equal(1, Numbers(first, "badUrl"));
        Assert.Equal("acme/news link 4", (string)first["leftOut"]!["badUrl"]!["examples"]![0]!);
        Assert.Equal(1, Numbers(first, "noTrackingDomain"));
        Assert.Equal(1, Numbers(first, "noDatabase"));
        Assert.Equal(1, Numbers(first, "badExclusion"));
        Assert.Equal((0, 7), Numbers(await ImportAsync(3, name, cluster)));

        var domain = await ManagementHost.GetAsync(
            host.Admin, $"/api/v1/clusters/{cluster}/tracking-domains/click.{name}.example.com");
        Assert.Equal("optional", (string)domain["https"]!);
        Assert.False((bool)domain["trackOpens"]!);
        Assert.Equal(["plain.example.com"], domain["excludedDomains"]!.AsArray().Select(entry => (string)entry!));

        // Each message of the server has a row with the data from Postal.
        var found = await ManagementHost.GetAsync(
            host.Admin, $"/api/v1/clusters/{cluster}/messages?recipient=ann@reader.example");
        var message = Assert.Single(found["items"]!.AsArray())!;
        Assert.Equal("postal:Ab12cd:1", (string)message["messageId"]!);
        Assert.Equal(2, (int)message["links"]!);
        Assert.True((bool)message["opensTracked"]!);
        Assert.Equal("spring", (string)message["tags"]![0]!);
        Assert.Equal(
            DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_250), (DateTimeOffset)message["sentAt"]!);

        // Mail of a sending domain has its links on that domain's host. Links of a deleted message are on each host of
        // the server.
        Assert.Equal(
            [
                $"click.{name}.example.com /Ab12cd/tokenOne", $"click.{name}.example.com /Ab12cd/tokenThree",
                $"click.{name}.example.com /Ab12cd/tokenTwo", $"click.{name}.example.com /img/Ab12cd/messageOne",
                $"go.{name}.example.net /Ab12cd/tokenThree", $"go.{name}.example.net /Ab12cd/tokenTwoB",
                $"go.{name}.example.net /img/Ab12cd/messageTwo",
            ],
            await ReadAsync(
                "SELECT host || ' ' || path FROM links.imported_links WHERE cluster_id = $1 ORDER BY host, path", cluster));
        var log = await ManagementHost.GetAsync(
            host.Admin, $"/api/v1/audit-log?cluster={cluster}&action=import-links");
        Assert.NotEmpty(log["items"]!.AsArray());
    }

    [Fact]
    public async Task A_Postal_s_links_and_pictures_are_served_at_the_edge_and_a_click_is_of_its_message()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var name = await FillAsync();
        await ImportAsync(3, name, cluster);
        var tracked = $"click.{name}.example.com";
        await host.ExecuteAsync("UPDATE domains.tracking_domains SET status = 1 WHERE hostname = $1", tracked);
        var database = new NpgsqlConnectionStringBuilder(host.DataSource.ConnectionString);
        await using var edge = await EdgeHost.StartAsync(
            _folder, database.ConnectionString, ("Tracking:DirectoryRefresh", "00:01:00"));
        using var click = await edge.SendAsync(tracked, "/Ab12cd/tokenOne");
        Assert.Equal(307, (int)click.StatusCode);
        Assert.Equal("https://shop.example/a?x=1&amp;y=2", click.Headers.Location!.OriginalString);
        using var picture = await edge.SendAsync(tracked, "/img/Ab12cd/messageOne?src=https://evil.example/");
        Assert.Equal(200, (int)picture.StatusCode);
        Assert.Equal("image/gif", picture.Content.Headers.ContentType!.MediaType);
        Assert.Equal(404, await edge.GetAsync(tracked, "/Ab12cd/tokenNone"));
        Assert.Equal(404, await edge.GetAsync(tracked, "/ab12cd/tokenOne"));
        Assert.Equal(404, await edge.GetAsync("other.example.com", "/Ab12cd/tokenOne"));
        Assert.Equal(404, await edge.GetAsync("track.localhost", "/Ab12cd/tokenOne"));
    }

    [Fact]
    public async Task A_killed_import_goes_on_where_it_was_and_stores_every_link_once()
    {
        const int Links = 60_000;
        var (cluster, _) = await host.CreateClusterAsync();
        var name = await FillAsync();
        await postal.ExecuteAsync(
            $"""
            USE `{name}-server-1`;
            INSERT INTO links (message_id, token, url)
            SELECT 1, concat('many', seq), concat('https://shop.example/', seq % 100) FROM seq_1_to_{Links};
            """);
        var progress = _folder.In("progress");
        string[] arguments =
        [
            "import", "postal", .. postal.Options(name, PasswordFile()), "--cluster", cluster, "--progress", progress,
        ];
        using (var killed = Trackctl.Start(host.Url, host.AdminKey, arguments))
        {
            await Eventually.HoldsAsync(
                () => File.Exists(progress) && File.ReadAllText(progress).Contains("links", StringComparison.Ordinal),
                "some are stored",
                Cancelled);
            await killed.SignalAsync("KILL");
            await killed.EndAsync();
        }

        var before = await CountAsync("links.imported_links", cluster);
        Assert.InRange(before, 1, Links);
        var (code, output, error) = await Trackctl.RunAsync(host.Url, host.AdminKey, [.. arguments, "--json"]);
        Assert.True(code == 3, error);
        var result = JsonNode.Parse(output)!;
        Assert.True((bool)result["complete"]!);
        Assert.InRange((int)result["read"]!, 1, Links - (int)before + 4_000);
        Assert.Equal(Links + 7, await CountAsync("links.imported_links", cluster));

        // A third run reads only the last rows.
        var again = await Trackctl.RunAsync(host.Url, host.AdminKey, [.. arguments, "--json"]);
        Assert.InRange((int)JsonNode.Parse(again.Output)!["read"]!, 1, 2_000);
    }

    [Fact]
    public async Task A_CSV_says_what_each_path_leads_to()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var tracked = $"{Guid.NewGuid():N}.shop.example.com";
        await ManagementHost.PostAsync(
            host.Admin, $"/api/v1/clusters/{cluster}/tracking-domains", new { hostname = tracked });
        var csv = _folder.In("links.csv");
        await File.WriteAllTextAsync(
            csv,
            $""""
            Host;path;destination;message
            {tracked};/a;https://shop.example/a;m1
            {tracked.ToUpperInvariant()};/quoted;"https://shop.example/;""x""";m1
            {tracked};/a;https://shop.example/other;m1
            {tracked};a;https://shop.example/a;m1
            {tracked};/js;javascript:alert(1);m1
            elsewhere.shop.example.com;/a;https://shop.example/a;m1
            {tracked};/short
            {tracked};/click?id=1;https://shop.example/1;
            """",
            Cancelled);
        var (code, output, error) = await Trackctl.RunAsync(
            host.Url, host.AdminKey, "import", "links", csv, "--cluster", cluster, "--json",
            "--left-out", _folder.In("left-out"));
        Assert.True(code == 3, error);
        var result = JsonNode.Parse(output)!;
        Assert.Equal((3, 0), Numbers(result));
        Assert.Equal("line 4", (string)result["leftOut"]!["conflict"]!["examples"]![0]!);
        Assert.Equal("line 5", (string)result["leftOut"]!["badPath"]!["examples"]![0]!);
        Assert.Equal("line 6", (string)result["leftOut"]!["badUrl"]!["examples"]![0]!);
        Assert.Equal("line 7", (string)result["leftOut"]!["unknownHost"]!["examples"]![0]!);
        Assert.Equal("line 8", (string)result["leftOut"]!["malformed"]!["examples"]![0]!);
        Assert.Equal(5, File.ReadLines(_folder.In("left-out")).Count());
    }

    [Fact]
    public async Task An_unreadable_source_is_reported_with_the_exit_codes_of_other_commands()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        Assert.Equal(2, (await RunAsync("import", "links", _folder.In("none"), "--cluster", cluster)).Code);
        var csv = _folder.In("wrong.csv");
        await File.WriteAllTextAsync(csv, "from,to\n/a,https://shop.example/\n", Cancelled);
        var wrong = await RunAsync("import", "links", csv, "--cluster", cluster);
        Assert.Equal(2, wrong.Code);
        Assert.Contains("host, path and destination", wrong.Error, StringComparison.Ordinal);
        Assert.Equal(
            69, (await RunAsync("import", "postal", "--db-port", "1", "--cluster", cluster)).Code);
        await File.WriteAllTextAsync(_folder.In("progress"), """{"source":"another","positions":{}}""", Cancelled);
        await File.WriteAllTextAsync(csv, "host,path,destination\n", Cancelled);
        Assert.Equal(
            2,
            (await RunAsync("import", "links", csv, "--cluster", cluster, "--progress", _folder.In("progress"))).Code);
        var name = await FillAsync();
        var server = await RunAsync(
            ["import", "postal", .. postal.Options(name, PasswordFile()), "--cluster", cluster, "--server", "acme/none"]);
        Assert.Equal(2, server.Code);
        Assert.Contains("acme/news", server.Error, StringComparison.Ordinal);
    }

    // Postal with four servers: one with two tracking domains, one without any, one whose message database is missing,
    // and a deleted one.
    private async Task<string> FillAsync()
    {
        var name = $"p{Guid.NewGuid():N}"[..12];
        await postal.CreateMainAsync(name);
        await postal.CreateMessagesAsync(name, 1);
        await postal.CreateMessagesAsync(name, 2);
        await postal.ExecuteAsync(
            $"""
            INSERT INTO `{name}`.servers (id, organization_id, permalink, token, deleted_at) VALUES
                (1, 1, 'news', 'Ab12cd', NULL), (2, 1, 'quiet', 'Ef34gh', NULL), (3, 1, 'lost', 'Ij56kl', NULL),
                (4, 1, 'deleted', 'Mn78op', now());
            INSERT INTO `{name}`.domains (id, server_id, name, owner_type, owner_id) VALUES
                (1, 1, '{name}.example.com', 'Server', 1), (2, NULL, '{name}.example.net', 'Organization', 1);
            INSERT INTO `{name}`.track_domains (server_id, domain_id, name, dns_status, ssl_enabled, track_loads,
                excluded_click_domains) VALUES
                (1, 1, 'click', 'OK', 0, 0, 'plain.example.com\nnot a name\n'), (1, 2, 'go', 'OK', 1, 1, NULL),
                (3, 2, 'lost', 'Missing', 1, 1, ''), (4, 2, 'deleted', 'OK', 1, 1, '');
            INSERT INTO `{name}-server-1`.messages (id, token, scope, rcpt_to, mail_from, timestamp, domain_id, tag,
                tracked_images, parsed) VALUES
                (1, 'messageOne', 'outgoing', 'ann@reader.example', 'news@{name}.example.com',
                    1700000000.25, 1, 'spring',
                    1, 1),
                (2, 'messageTwo', 'outgoing', 'bob@reader.example', 'news@{name}.example.net',
                    1700000001, 2, NULL, 0, 0),
                (3, 'messageIn', 'incoming', 'news@{name}.example.com', 'bob@reader.example',
                    1700000002, 1, NULL, 0, 0),
                (4, 'messagePlain', 'outgoing', 'bob@reader.example', 'news@{name}.example.net',
                    1700000003, 2, NULL, 0, 1);
            INSERT INTO `{name}-server-1`.links (id, message_id, token, url) VALUES
                (1, 1, 'tokenOne', 'https://shop.example/a?x=1&amp;y=2'), (2, 1, 'tokenTwo', 'http://shop.example/'),
                (3, 99, 'tokenThree', 'https://shop.example/gone'), (4, 1, 'tokenBad', 'httpx://shop.example/'),
                (5, 2, 'tokenTwoB', 'https://shop.example/b'), (6, 2, NULL, 'https://shop.example/c');
            """);
        return name;
    }

    private string PasswordFile()
    {
        var file = _folder.In("password");
        File.WriteAllText(file, TestMariaDb.Password + "\n");
        return file;
    }

    private async Task<JsonNode> ImportAsync(int expected, string name, string cluster, params string[] more)
    {
        var (code, output, error) = await RunAsync(
            ["import", "postal", .. postal.Options(name, PasswordFile()), "--cluster", cluster, "--json", .. more]);
        Assert.True(code == expected, $"{code}: {output} {error}");
        return JsonNode.Parse(output)!;
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) =>
        Trackctl.RunAsync(host.Url, host.AdminKey, arguments);

    private static (int Stored, int Known) Numbers(JsonNode result) => ((int)result["stored"]!, (int)result["known"]!);

    private static int Numbers(JsonNode result, string reason) => (int)result["leftOut"]![reason]!["count"]!;

    private async Task<long> CountAsync(string table, string cluster)
    {
        Assert.True(ClusterId.TryParse(cluster, out var id));
        await using var command = host.DataSource.CreateCommand($"SELECT count(*) FROM {table} WHERE cluster_id = $1");
        command.Parameters.Add(new() { Value = id.Value });
        return (long)(await command.ExecuteScalarAsync(Cancelled))!;
    }

    private async Task<List<string>> ReadAsync(string sql, string cluster)
    {
        Assert.True(ClusterId.TryParse(cluster, out var id));
        await using var command = host.DataSource.CreateCommand(sql);
        command.Parameters.Add(new() { Value = id.Value });
        await using var reader = await command.ExecuteReaderAsync(Cancelled);
        var rows = new List<string>();
        while (await reader.ReadAsync(Cancelled))
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }

}
