using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Tracking.Functional.Tests.Management.Domains;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

/// <summary>Imported links and their cluster.</summary>
[Collection(nameof(ManagementCollection))]
public sealed class ImportedLinksTests(ManagementHost host)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_same_lines_again_change_nothing_and_a_path_never_leads_elsewhere()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        string[] lines =
        [
            Line(name, "/a", "https://shop.example/a"), Line(name, "/b", "https://shop.example/a"),
            $$"""{"host":"{{name}}","path":"/img/a","kind":"open","message":"m"}""",
        ];
        Assert.Equal((3, 0, ""), await PostAsync(domains, lines));
        Assert.Equal((0, 3, ""), await PostAsync(domains, lines));
        Assert.Equal((0, 0, "1 conflict"), await PostAsync(domains, Line(name, "/a", "https://shop.example/other")));
        Assert.Equal((0, 0, "1 conflict"), await PostAsync(domains, Line(name, "/img/a", "https://shop.example/a")));
        Assert.Equal((0, 0, "1 conflict"), await PostAsync(domains, Line(name, "/a?x=1", "https://shop.example/a")));
        Assert.Equal((1, 0, ""), await PostAsync(domains, Line(name, "/q?x=1", "https://shop.example/a")));
        Assert.Equal((0, 0, "1 conflict"), await PostAsync(domains, Line(name, "/q", "https://shop.example/a")));
        Assert.Equal(
            (1, 1, "3 conflict"),
            await PostAsync(
                domains,
                Line(name, "/c", "https://shop.example/1"), Line(name, "/c", "https://shop.example/1"),
                Line(name, "/c", "https://shop.example/2")));

        var message = await GetAsync(domains.Client, $"/api/v1/clusters/{domains.Cluster}/messages/m");
        Assert.Equal(4, (int)message["links"]!);
        Assert.True((bool)message["opensTracked"]!);
        var log = await GetAsync(domains.Client, $"/api/v1/audit-log?action=import-links&subject={name}");
        Assert.Equal(3, log["items"]!.AsArray().Count);
        Assert.Equal(2, (int)log["items"]![2]!["after"]!["clicks"]!);
    }

    [Theory]
    [InlineData("""{"host":"HOST","path":"/a","url":"javascript:alert(1)"}""", "badUrl")]
    [InlineData("""{"host":"HOST","path":"/a","url":"//shop.example/"}""", "badUrl")]
    [InlineData("""{"host":"HOST","path":"/a","url":""}""", "badUrl")]
    [InlineData("""{"host":"HOST","path":"/a","url":"https://HOST/a#x"}""", "loop")]
    [InlineData("""{"host":"HOST","path":"a","url":"https://shop.example/"}""", "badPath")]
    [InlineData("""{"host":"HOST","path":"/","url":"https://shop.example/"}""", "badPath")]
    [InlineData("""{"host":"HOST","path":"/a b","url":"https://shop.example/"}""", "badPath")]
    [InlineData("""{"host":"HOST","path":"/.well-known/x","url":"https://shop.example/"}""", "ownPath")]
    [InlineData("""{"host":"HOST","path":"/robots.txt","url":"https://shop.example/"}""", "ownPath")]
    [InlineData("""{"host":"other.shop.example","path":"/a","url":"https://shop.example/"}""", "unknownHost")]
    [InlineData("""{"host":"HOST","path":"/a"}""", "malformed")]
    [InlineData("""{"host":"HOST","path":"/a","kind":"open","url":"https://shop.example/"}""", "malformed")]
    [InlineData("""{"host":"HOST","path":"/a","url":"https://shop.example/","to":"x"}""", "malformed")]
    [InlineData("""{"host":"HOST","path":"/a","url":"https://shop.example/","message":"a\u0000"}""", "malformed")]
    [InlineData("""{"host":"HOST","path":"/a","url":"https://shop.example/","sender":"\ud800"}""", "malformed")]
    [InlineData("""["HOST"]""", "malformed")]
    [InlineData("HOST", "malformed")]
    public async Task Lines_that_cannot_be_imported_are_left_out_with_a_reason(string line, string reason)
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        Assert.Equal(
            (1, 0, $"3 {reason}"),
            await PostAsync(
                domains, Line(name, "/good", "https://shop.example/"), "",
                line.Replace("HOST", name, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_dry_run_stores_nothing()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        var path = $"/api/v1/clusters/{domains.Cluster}/imported-links?dryRun=true";
        Assert.Equal((1, 0, ""), await PostAsync(domains.Client, path, Line(name, "/a", "https://shop.example/a")));
        Assert.Equal((1, 0, ""), await PostAsync(domains.Client, path, Line(name, "/a", "https://shop.example/b")));
        Assert.Empty((await GetAsync(domains.Client, $"/api/v1/clusters/{domains.Cluster}/messages"))["items"]!.AsArray());
    }

    [Fact]
    public async Task Imported_links_of_two_tenants_are_separate()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        var (other, key) = await host.CreateClusterAsync();
        using var client = host.Client(key);
        Assert.Equal(
            (0, 0, "1 unknownHost"),
            await PostAsync(
                client, $"/api/v1/clusters/{other}/imported-links", Line(name, "/a", "https://shop.example/a")));
        using var foreign = await SendAsync(
            client, $"/api/v1/clusters/{domains.Cluster}/imported-links", Line(name, "/a", "https://shop.example/a"));
        await Expect.ProblemAsync(foreign, HttpStatusCode.NotFound, "not-found");

        // Two clusters with the same name: each has its own links.
        await ManagementHost.PostAsync(client, $"/api/v1/clusters/{other}/tracking-domains", new { hostname = name });
        Assert.Equal((1, 0, ""), await PostAsync(domains, Line(name, "/a", "https://shop.example/a")));
        Assert.Equal(
            (1, 0, ""),
            await PostAsync(
                client, $"/api/v1/clusters/{other}/imported-links", Line(name, "/a", "https://shop.example/b")));
    }

    [Fact]
    public async Task Personal_data_of_imported_messages_follows_tracking_level_and_withdrawals()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        await ManagementHost.PostAsync(
            domains.Client, $"/api/v1/clusters/{domains.Cluster}/withdrawals", new { recipient = "gone@reader.example" });
        await PostAsync(domains, Mail(name, "/1", "one", "Gone@reader.example"), Mail(name, "/2", "two", "ann@reader.example"));
        var gone = await MessageAsync("one");
        Assert.Null(gone["recipient"]);
        Assert.Equal("anonymous", (string)gone["trackingLevel"]!);
        Assert.Equal("ann@reader.example", (string)(await MessageAsync("two"))["recipient"]!);

        await host.ExecuteAsync(
            "UPDATE domains.tracking_domains SET tracking_level = 3 WHERE hostname = $1", name);
        await PostAsync(domains, Mail(name, "/3", "three", "ann@reader.example"));
        var three = await MessageAsync("three");
        Assert.Null(three["recipient"]);
        Assert.Null(three["sender"]);
        Assert.Equal("pseudonymous", (string)three["trackingLevel"]!);

        Task<JsonObject> MessageAsync(string id) =>
            GetAsync(domains.Client, $"/api/v1/clusters/{domains.Cluster}/messages/{id}");
    }

    [Fact]
    public async Task Another_media_type_and_too_many_lines_are_refused()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var path = $"/api/v1/clusters/{domains.Cluster}/imported-links";
        using var json = await Expect.PostTextAsync(domains.Client, path, "{}");
        await Expect.ProblemAsync(json, HttpStatusCode.UnsupportedMediaType, "unsupported-media-type");
        using var many = await SendAsync(domains.Client, path, [.. Enumerable.Repeat("{}", 5_001)]);
        await Expect.ProblemAsync(many, HttpStatusCode.BadRequest, "invalid-value");
    }

    [Fact]
    public async Task A_name_that_is_added_again_has_its_imported_links()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        await PostAsync(domains, Line(name, "/a", "https://shop.example/a"));
        using var deleted = await Expect.DeleteAsync(
            domains.Client, $"/api/v1/clusters/{domains.Cluster}/tracking-domains/{name}");
        await ManagementHost.PostAsync(
            domains.Client, $"/api/v1/clusters/{domains.Cluster}/tracking-domains", new { hostname = name });
        await using var command = host.DataSource.CreateCommand(
            "SELECT has_imported_links FROM domains.tracking_domains WHERE hostname = $1 AND deleted_at IS NULL");
        command.Parameters.Add(new() { Value = name });
        Assert.True((bool)(await command.ExecuteScalarAsync(Cancelled))!);
    }

    private static string Line(string host, string path, string url) =>
        $$"""{"host":"{{host}}","path":"{{path}}","url":"{{url}}","message":"m"}""";

    private static string Mail(string host, string path, string message, string recipient) => $$"""
        {"host":"{{host}}","path":"{{path}}","url":"https://shop.example/","message":"{{message}}","recipient":"{{recipient}}","sender":"bounce+{{recipient.Replace('@', '=')}}@shop.example"}
        """;

    private static Task<(int Stored, int Known, string LeftOut)> PostAsync(
        DomainClient domains, params string[] lines) =>
        PostAsync(domains.Client, $"/api/v1/clusters/{domains.Cluster}/imported-links", lines);

    private static async Task<(int Stored, int Known, string LeftOut)> PostAsync(
        HttpClient client, string path, params string[] lines)
    {
        using var answer = await SendAsync(client, path, lines);
        var text = await answer.Content.ReadAsStringAsync(Cancelled);
        Assert.True(answer.IsSuccessStatusCode, text);
        var json = JsonNode.Parse(text)!;
        return (
            (int)json["stored"]!,
            (int)json["known"]!,
            string.Join(", ", json["leftOut"]!.AsArray().Select(line => $"{line!["line"]} {line["reason"]}")));
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, string path, params string[] lines)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(string.Join('\n', lines)));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        return await client.PostAsync(new Uri(path, UriKind.Relative), content, Cancelled);
    }
}
