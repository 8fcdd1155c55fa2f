using System.Net;
using System.Text.Json.Nodes;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class ClusterTests(ManagementHost host)
{
    private const string Clusters = "/api/v1/clusters";

    [Fact]
    public async Task A_new_cluster_tracks_nothing()
    {
        using var response = await Expect.PostTextAsync(host.Admin, Clusters, $$"""{"name":"{{Guid.NewGuid()}}"}""");

        var cluster = await Expect.OkAsync(response);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal($"{Clusters}/{cluster["id"]}", response.Headers.Location?.ToString());
        Assert.True(response.Headers.CacheControl?.NoStore);
        AssertJson(
            """
            {"trackClicks":false,"trackOpens":false,"linkStyle":"compact","htmlOnly":false,"trackImages":false,
             "keepUrlText":"off","pixelPosition":"bottom","trackSigned":false,"trackingLevel":"full",
             "addressPolicy":"truncated","retentionMonths":13,"keepHtmlDays":0,"utm":"","excludedDomains":[],"systemLinks":[]}
            """,
            cluster["settings"]);
        AssertJson(cluster.ToJsonString(), await GetAsync(host.Admin, $"{Clusters}/{cluster["id"]}"));
    }

    [Fact]
    public async Task Everything_that_is_given_is_kept_with_domains_as_A_labels()
    {
        var domain = $"{Guid.NewGuid():N}.example";
        var cluster = await PostAsync(host.Admin, Clusters, new
        {
            name = $"  Bücher {Guid.NewGuid()} ",
            notifyEmails = new[] { "ops@example.com", "ops@example.com" },
            sendingDomains = new[] { $"BÜCHER.{domain}.", domain },
            settings = new
            {
                trackClicks = true,
                linkStyle = "path",
                retentionMonths = 24,
                excludedDomains = new[] { "*.Intern.Example", "example.org" },
                systemLinks = new[] { "Shop.Example/preferences", "*.help.example" },
            },
        });

        Assert.StartsWith("Bücher", (string)cluster["name"]!, StringComparison.Ordinal);
        AssertJson("""["ops@example.com"]""", cluster["notifyEmails"]);
        AssertJson($"""["{domain}","xn--bcher-kva.{domain}"]""", new JsonArray(
            [.. cluster["sendingDomains"]!.AsArray().OrderBy(d => ((string)d!).Length).Select(d => d!.DeepClone())]));
        Assert.True((bool)cluster["settings"]!["trackClicks"]!);
        Assert.Equal("path", (string)cluster["settings"]!["linkStyle"]!);
        AssertJson("""["*.intern.example","example.org"]""", cluster["settings"]!["excludedDomains"]);
        AssertJson("""["shop.example/preferences","*.help.example"]""", cluster["settings"]!["systemLinks"]);
        AssertJson(cluster.ToJsonString(), await GetAsync(host.Admin, $"{Clusters}/{cluster["id"]}"));
    }

    [Fact]
    public async Task All_errors_of_a_request_are_reported_at_once()
    {
        using var response = await Expect.PostTextAsync(
            host.Admin,
            Clusters,
            """
            {"name":" ","owner":1,"notifyEmails":["nobody"],"sendingDomains":["localhost","10.0.0.1"],
             "settings":{"trackClicks":"yes","linkStyle":"Long","retentionMonths":0,"colour":"red","utm":"source=x",
             "excludedDomains":"example.com"}}
            """);

        var problem = await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value");
        var errors = problem["errors"]!.AsArray().ToDictionary(e => (string)e!["name"]!, e => (string)e!["detail"]!);
        Assert.Equal(
            [
                "name", "notifyEmails[0]", "owner", "sendingDomains[0]", "sendingDomains[1]", "settings.colour",
                "settings.excludedDomains", "settings.linkStyle", "settings.retentionMonths", "settings.trackClicks",
                "settings.utm",
            ],
            errors.Keys.Order(StringComparer.Ordinal));
        Assert.Contains(
            "Known: name, notifyEmails, sendingDomains, settings.", errors["owner"], StringComparison.Ordinal);
        Assert.Contains("trackClicks, trackOpens", errors["settings.colour"], StringComparison.Ordinal);
        Assert.Equal("got 'Long', takes one of compact, path.", errors["settings.linkStyle"]);
        Assert.Equal("got 'yes', takes true or false.", errors["settings.trackClicks"]);
        Assert.StartsWith("got 'source=x', takes an empty text, off", errors["settings.utm"], StringComparison.Ordinal);
        Assert.Contains("utm_source=newsletter&utm_medium=email", errors["settings.utm"], StringComparison.Ordinal);
        Assert.Contains("1 to 120", errors["settings.retentionMonths"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", HttpStatusCode.BadRequest, "malformed-request")]
    [InlineData("[]", HttpStatusCode.BadRequest, "malformed-request")]
    [InlineData("{\"name\":\"a\",\"name\":\"b\"}", HttpStatusCode.BadRequest, "malformed-request")]
    [InlineData("{\"name\":", HttpStatusCode.BadRequest, "malformed-request")]
    [InlineData("{\"name\":null}", HttpStatusCode.BadRequest, "invalid-value")]
    [InlineData("{\"name\":{}}", HttpStatusCode.BadRequest, "invalid-value")]
    [InlineData("{\"name\":\"a\",\"settings\":[]}", HttpStatusCode.BadRequest, "invalid-value")]
    [InlineData("{\"name\":\"a\\u0000b\"}", HttpStatusCode.BadRequest, "invalid-value")]
    public async Task A_body_that_is_not_a_cluster_is_refused(string body, HttpStatusCode status, string type)
    {
        using var response = await Expect.PostTextAsync(host.Admin, Clusters, body);
        await Expect.ProblemAsync(response, status, type);
    }

    [Fact]
    public async Task A_body_of_another_type_or_too_large_is_refused()
    {
        using var wrongType = await Expect.PostTextAsync(host.Admin, Clusters, "name=x", "text/plain");
        await Expect.ProblemAsync(
            wrongType, HttpStatusCode.UnsupportedMediaType, "unsupported-media-type", "application/json");

        using var tooLarge = await Expect.PostTextAsync(
            host.Admin, Clusters, $$"""{"name":"{{new string('x', 300 * 1024)}}"}""");
        await Expect.ProblemAsync(tooLarge, HttpStatusCode.RequestEntityTooLarge, "too-large");
    }

    [Fact]
    public async Task Names_and_sending_domains_belong_to_one_cluster()
    {
        var name = $"Acme {Guid.NewGuid()}";
        var domain = $"{Guid.NewGuid():N}.example";
        var first = await PostAsync(host.Admin, Clusters, new { name, sendingDomains = new[] { domain } });

        using var sameName = await Expect.PostTextAsync(
            host.Admin, Clusters, $$"""{"name":"{{name.ToUpperInvariant()}}"}""");
        await Expect.ProblemAsync(sameName, HttpStatusCode.Conflict, "conflict");
        using var sameDomain = await Expect.PostTextAsync(
            host.Admin, Clusters, $$"""{"name":"{{Guid.NewGuid()}}","sendingDomains":["{{domain}}"]}""");
        await Expect.ProblemAsync(sameDomain, HttpStatusCode.Conflict, "conflict", domain);

        // The deletion frees the name and the sending domain.
        using var deleted = await Expect.DeleteAsync(host.Admin, $"{Clusters}/{first["id"]}");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        await PostAsync(host.Admin, Clusters, new { name, sendingDomains = new[] { domain } });
    }

    [Fact]
    public async Task A_patch_changes_what_it_names_and_null_is_the_default()
    {
        var created = await PostAsync(host.Admin, Clusters, new
        {
            name = $"Patch {Guid.NewGuid()}",
            notifyEmails = new[] { "ops@example.com" },
            settings = new { trackClicks = true, trackOpens = true, retentionMonths = 3 },
        });
        var path = $"{Clusters}/{created["id"]}";

        using var response = await Expect.PatchAsync(
            host.Admin, path, """{"notifyEmails":null,"settings":{"trackOpens":false,"retentionMonths":null}}""");

        var changed = await Expect.OkAsync(response);
        Assert.Equal((string)created["name"]!, (string)changed["name"]!);
        AssertJson("[]", changed["notifyEmails"]);
        Assert.True((bool)changed["settings"]!["trackClicks"]!);
        Assert.False((bool)changed["settings"]!["trackOpens"]!);
        Assert.Equal(13, (int)changed["settings"]!["retentionMonths"]!);
        AssertJson(changed.ToJsonString(), await GetAsync(host.Admin, path));

        using var wrong = await Expect.PatchAsync(host.Admin, path, """{"settings":{"trackClick":true},"name":null}""");
        await Expect.ProblemAsync(wrong, HttpStatusCode.BadRequest, "invalid-value", "settings.trackClick", "name");
    }

    [Fact]
    public async Task Patches_at_the_same_time_do_not_undo_each_other()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        string[] settings = ["trackClicks", "trackOpens", "htmlOnly", "trackImages", "trackSigned"];

        await Task.WhenAll(settings.Select(async setting =>
        {
            using var response = await Expect.PatchAsync(
                host.Admin, $"{Clusters}/{cluster}", $$"""{"settings":{"{{setting}}":true} }""");
            await Expect.OkAsync(response);
        }));

        var stored = await GetAsync(host.Admin, $"{Clusters}/{cluster}");
        Assert.All(settings, setting => Assert.True((bool)stored["settings"]![setting]!));
    }

    [Fact]
    public async Task A_cluster_key_changes_its_settings_but_not_its_sending_domains()
    {
        var (cluster, key) = await host.CreateClusterAsync();
        using var own = host.Client(key);

        using var settings = await Expect.PatchAsync(
            own, $"{Clusters}/{cluster}", """{"settings":{"trackClicks":true}}""");
        await Expect.OkAsync(settings);
        using var domains = await Expect.PatchAsync(
            own, $"{Clusters}/{cluster}", """{"sendingDomains":["bank.example"]}""");
        await Expect.ProblemAsync(domains, HttpStatusCode.Forbidden, "forbidden", "sendingDomains");
        using var deleted = await Expect.DeleteAsync(own, $"{Clusters}/{cluster}");
        await Expect.ProblemAsync(deleted, HttpStatusCode.Forbidden, "forbidden");
        using var created = await Expect.PostTextAsync(own, Clusters, """{"name":"x"}""");
        await Expect.ProblemAsync(created, HttpStatusCode.Forbidden, "forbidden");
    }

    [Fact]
    public async Task A_deleted_cluster_is_gone_and_its_keys_stop_at_once()
    {
        var (cluster, key) = await host.CreateClusterAsync();
        using var own = host.Client(key);
        await GetAsync(own, $"{Clusters}/{cluster}");

        using var deleted = await Expect.DeleteAsync(host.Admin, $"{Clusters}/{cluster}");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);

        using var asAdmin = await Expect.GetAsync(host.Admin, $"{Clusters}/{cluster}");
        await Expect.ProblemAsync(asAdmin, HttpStatusCode.NotFound, "not-found", cluster);
        using var asOwner = await Expect.GetAsync(own, $"{Clusters}/{cluster}");
        await Expect.ProblemAsync(asOwner, HttpStatusCode.Unauthorized, "unauthorized");
        using var again = await Expect.DeleteAsync(host.Admin, $"{Clusters}/{cluster}");
        Assert.Equal(HttpStatusCode.NotFound, again.StatusCode);
    }

    [Fact]
    public async Task Pages_of_clusters_hold_each_cluster_once_in_order_of_names()
    {
        for (var i = 0; i < 5; i++)
        {
            await host.CreateClusterAsync();
        }

        var names = new List<string>();
        string? after = null;
        do
        {
            var page = await GetAsync(host.Admin, $"{Clusters}?limit=2&after={after}");
            names.AddRange(page["items"]!.AsArray().Select(item => (string)item!["name"]!));
            after = (string?)page["next"];
        }
        while (after is not null);

        Assert.True(names.Count >= 5);
        Assert.Equal(names.Distinct(), names);
        Assert.Equal(names.Order(StringComparer.OrdinalIgnoreCase), names);
    }

    [Fact]
    public async Task A_cluster_key_lists_its_own_cluster_only()
    {
        var (cluster, key) = await host.CreateClusterAsync();
        using var own = host.Client(key);

        var page = await GetAsync(own, Clusters);
        Assert.Equal([cluster], page["items"]!.AsArray().Select(item => (string)item!["id"]!));
    }

    private static void AssertJson(string expected, JsonNode? actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), actual), $"{expected}\n{actual?.ToJsonString()}");
}
