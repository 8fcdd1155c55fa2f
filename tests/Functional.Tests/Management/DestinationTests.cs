using System.Net;
using Tracking.Functional.Tests.Cli;
using Tracking.Functional.Tests.Management.Domains;
using Tracking.Links;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class DestinationTests(ManagementHost host)
{
    private const string Blocked = "/api/v1/blocked-destinations";

    [Fact]
    public async Task A_pattern_is_blocked_listed_audited_and_unblocked_by_admins_only()
    {
        var name = $"{Guid.NewGuid():N}.example";
        var made = await PostAsync(host.Admin, Blocked, new { pattern = $" *.{name}/Phish ", reason = "phishing" });
        Assert.Equal($"*.{name}/Phish", (string)made["pattern"]!);
        await PostAsync(host.Admin, Blocked, new { pattern = $"*.{name}/Phish", reason = "again" });
        var listed = (await GetAsync(host.Admin, Blocked + "?limit=500"))["items"]!.AsArray()
            .Single(item => (string)item!["pattern"]! == $"*.{name}/Phish");
        Assert.Equal("again", (string)listed!["reason"]!);

        using var deleted = await Expect.DeleteAsync(host.Admin, $"{Blocked}/*.{name}%2FPhish");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        using var again = await Expect.DeleteAsync(host.Admin, $"{Blocked}/*.{name}%2FPhish");
        await Expect.ProblemAsync(again, HttpStatusCode.NotFound, "not-found");
        var log = await GetAsync(host.Admin, $"/api/v1/audit-log?subject=*.{name}/Phish");
        Assert.Equal(
            ["unblock-destination", "block-destination", "block-destination"],
            log["items"]!.AsArray().Select(entry => (string)entry!["action"]!));

        var (_, key) = await host.CreateClusterAsync();
        using var tenant = host.Client(key);
        using var refused = await Expect.PostTextAsync(tenant, Blocked, $$"""{"pattern": "{{name}}"}""");
        await Expect.ProblemAsync(refused, HttpStatusCode.Forbidden, "forbidden");
    }

    [Theory]
    [InlineData("""{"pattern": "https://evil.example/"}""", "pattern")]
    [InlineData("""{"pattern": "*"}""", "pattern")]
    [InlineData("""{}""", "pattern")]
    [InlineData("""{"pattern": "evil.example", "why": "x"}""", "why")]
    public async Task A_wrong_pattern_is_refused_with_its_fault(string json, string name)
    {
        using var response = await Expect.PostTextAsync(host.Admin, Blocked, json);
        var problem = await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value");
        Assert.Equal(name, (string)problem["errors"]![0]!["name"]!);
    }

    [Fact]
    public async Task A_repair_names_both_links_takes_the_place_of_the_one_before_and_is_undone()
    {
        var (cluster, key) = await host.CreateClusterAsync();
        using var client = host.Client(key);
        var (link, path) = (await LinkAsync(cluster), $"/api/v1/clusters/{cluster}/repairs");
        var first = await PostAsync(client, path, new { link, url = "https://shop.example/a", tag = "spring" });
        Assert.Equal("https://shop.example/wrong", (string)first["from"]!);
        Assert.Equal("https://shop.example/a", (string)first["url"]!);
        Assert.NotEqual(link, (string)first["newLink"]!);
        var second = await PostAsync(client, path, new { link, url = "https://shop.example/b", tag = "spring" });
        Assert.NotEqual((string)first["newLink"]!, (string)second["newLink"]!);
        await PostAsync(client, path, new { link, url = "https://shop.example/a", tag = "autumn" });

        var listed = await GetAsync(client, path);
        Assert.Equal(
            [true, true, false], listed["items"]!.AsArray().Select(repair => repair!["undoneAt"] is null));
        Assert.Single((await GetAsync(client, path + $"?limit=2&after={(await GetAsync(client, path + "?limit=2"))["next"]}"))
            ["items"]!.AsArray());
        using var undone = await Expect.DeleteAsync(client, $"{path}/{second["id"]}");
        Assert.Equal(HttpStatusCode.NoContent, undone.StatusCode);
        using var again = await Expect.DeleteAsync(client, $"{path}/{second["id"]}");
        await Expect.ProblemAsync(again, HttpStatusCode.NotFound, "not-found");
        var log = await GetAsync(client, $"/api/v1/audit-log?subject={link}");
        Assert.Equal(
            ["undo-repair", "repair-destination", "repair-destination", "repair-destination"],
            log["items"]!.AsArray().Select(entry => (string)entry!["action"]!));

        var (_, otherKey) = await host.CreateClusterAsync();
        using var other = host.Client(otherKey);
        using var foreign = await Expect.GetAsync(other, path);
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
    }

    [Theory]
    [InlineData("""{"link": "LINK", "url": "javascript:alert(1)", "tag": "t"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"link": "LINK", "url": "//shop.example/", "tag": "t"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"link": "LINK", "url": "https://shop.example/wrong", "tag": "t"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"link": "LINK", "url": "http://TRACK.localhost/c/x", "tag": "t"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"link": "LINK", "url": "https://shop.example/"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"link": "LINK", "url": "https://shop.example/", "tag": "t", "message": "m"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"link": "LINK", "url": "https://shop.example/", "message": "nobody's"}""", HttpStatusCode.NotFound)]
    [InlineData("""{"link": "0000000000000001", "url": "https://shop.example/", "tag": "t"}""", HttpStatusCode.NotFound)]
    public async Task A_repair_that_is_not_possible_is_refused(string json, HttpStatusCode status)
    {
        var (cluster, key) = await host.CreateClusterAsync();
        using var client = host.Client(key);
        var link = await LinkAsync(cluster);
        using var response = await Expect.PostTextAsync(
            client, $"/api/v1/clusters/{cluster}/repairs", json.Replace("LINK", link, StringComparison.Ordinal));
        Assert.Equal(status, response.StatusCode);
        Assert.Empty((await GetAsync(client, $"/api/v1/clusters/{cluster}/repairs"))["items"]!.AsArray());
    }

    [Fact]
    public async Task An_app_file_is_kept_as_it_is_given_and_must_be_JSON()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        var path = $"/api/v1/clusters/{domains.Cluster}/tracking-domains/{name}/app-files";
        using var missing = await Expect.GetAsync(domains.Client, path + "/assetlinks.json");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, await PutAsync("/assetlinks.json", """[ {"relation": []} ]"""));
        Assert.Equal(
            """[ {"relation": []} ]""",
            await domains.Client.GetStringAsync(
                new Uri(path + "/assetlinks.json", UriKind.Relative), TestContext.Current.CancellationToken));
        Assert.Equal(HttpStatusCode.BadRequest, await PutAsync("/assetlinks.json", "<html>"));
        Assert.Equal(HttpStatusCode.NotFound, await PutAsync("/robots.txt", "{}"));
        Assert.Equal(
            HttpStatusCode.RequestEntityTooLarge,
            await PutAsync("/apple-app-site-association", $"\"{new string('x', 128_000)}\""));
        using var deleted = await Expect.DeleteAsync(domains.Client, path + "/assetlinks.json");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);

        async Task<HttpStatusCode> PutAsync(string file, string content)
        {
            using var body = new StringContent(content, null, "application/json");
            using var answer = await domains.Client.PutAsync(
                new Uri(path + file, UriKind.Relative), body, TestContext.Current.CancellationToken);
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task Trackctl_blocks_and_repairs()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var (link, name) = (await LinkAsync(cluster), $"{Guid.NewGuid():N}.example");
        await DoneAsync("destinations", "block", $"{name}/a", "--reason", "phishing");
        Assert.Contains($"{name}/a", (await DoneAsync("destinations", "blocked")).Output, StringComparison.Ordinal);
        await DoneAsync("destinations", "unblock", $"{name}/a");
        Assert.Equal(3, (await RunAsync("destinations", "unblock", $"{name}/a")).Code);

        var id = (await DoneAsync(
            "destinations", "repair", link, "https://shop.example/right", "--tag", "spring", "--cluster", cluster)).Output;
        var repairs = await DoneAsync("destinations", "repairs", "--cluster", cluster);
        Assert.Contains("tag spring", repairs.Output, StringComparison.Ordinal);
        Assert.Contains("https://shop.example/right", repairs.Output, StringComparison.Ordinal);
        await DoneAsync("destinations", "undo", id, "--cluster", cluster);
        Assert.Equal(3, (await RunAsync("destinations", "undo", id, "--cluster", cluster)).Code);
    }

    private async Task<string> LinkAsync(string cluster)
    {
        const string Url = "https://shop.example/wrong";
        var hash = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(Url));
        var link = LinkId.FromUrlHash(hash, 0);
        Assert.True(ClusterId.TryParse(cluster, out var id));
        await host.ExecuteAsync(
            "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES ($1, $2, $3, $4)",
            id.Value, link.ToInt64(), hash, Url);
        return link.ToString();
    }

    private async Task<(int Code, string Output, string Error)> DoneAsync(params string[] arguments)
    {
        var ran = await RunAsync(arguments);
        Assert.True(ran.Code == 0, ran.Error);
        return ran;
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) =>
        Trackctl.RunAsync(host.Url, host.AdminKey, arguments);
}
