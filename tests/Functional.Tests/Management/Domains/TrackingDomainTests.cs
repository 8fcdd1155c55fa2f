using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management.Domains;

[Collection(nameof(ManagementCollection))]
public sealed class TrackingDomainTests(ManagementHost host)
{
    [Fact]
    public async Task An_added_name_is_pending_and_says_which_record_to_make()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = DomainClient.NewName();

        using var response = await Expect.PostTextAsync(
            domains.Client, domains.Path, $$"""{"hostname":" {{name.ToUpperInvariant()}}. "}""");

        var domain = await Expect.OkAsync(response);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal($"{domains.Path}/{name}", response.Headers.Location?.ToString());
        Assert.Equal(name, (string)domain["hostname"]!);
        Assert.Equal(name, (string)domain["unicode"]!);
        Assert.Equal("pending", (string)domain["status"]!);
        Assert.Equal("CNAME", (string)domain["verification"]!["type"]!);
        Assert.Equal(name, (string)domain["verification"]!["name"]!);
        Assert.Equal("track", (string)domain["verification"]!["relativeName"]!);
        Assert.Equal(name["track.".Length..], (string)domain["verification"]!["zone"]!);
        Assert.Matches(@"^v-[a-z2-7]{20}\.track\.localhost$", (string)domain["verification"]!["value"]!);
        Assert.False((bool)domain["acceptsNewLinks"]!);
        Assert.Equal("pending", (string)domain["why"]!);
        Assert.Contains("until its record is verified", (string)domain["sentence"]!, StringComparison.Ordinal);
        Assert.False((bool)domain["isDefault"]!);
        Assert.False((bool)domain["retired"]!);
        Assert.Equal("required", (string)domain["https"]!);
        Assert.True((bool)domain["trackClicks"]! && (bool)domain["trackOpens"]!);
        Assert.Empty(domain["excludedDomains"]!.AsArray());
        Assert.Equal("none", (string)domain["tls"]!["status"]!);
        Assert.Null(domain["lastCheck"]);
        Assert.NotNull(domain["nextCheck"]);
        Assert.Equal(0, (int)domain["strikes"]!);
        Assert.Equal(domain.ToJsonString(), (await domains.GetAsync(name)).ToJsonString());
    }

    [Fact]
    public async Task A_name_with_letters_of_other_scripts_is_stored_as_A_labels_and_shown_in_both_forms()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var zone = $"t{Guid.NewGuid():N}.com";

        var domain = await domains.AddAsync($"KLICK.Bücher.{zone}");

        Assert.Equal($"klick.xn--bcher-kva.{zone}", (string)domain["hostname"]!);
        Assert.Equal($"klick.bücher.{zone}", (string)domain["unicode"]!);
        Assert.Equal("klick.xn--bcher-kva", (string)domain["verification"]!["relativeName"]!);
        using var twice = await Expect.PostTextAsync(
            domains.Client, domains.Path, $$"""{"hostname":"klick.xn--bcher-kva.{{zone}}"}""");
        await Expect.ProblemAsync(twice, HttpStatusCode.Conflict, "conflict", "hostname", "already");
        var found = await domains.GetAsync($"klick.bücher.{zone}");
        Assert.Equal((string)domain["hostname"]!, (string)found["hostname"]!);
        Assert.Single(await domains.NamesAsync("?q=b%C3%BCcher"));
    }

    [Fact]
    public async Task A_target_is_never_given_twice_not_even_for_the_same_name()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var first = await domains.AddAsync();
        var name = (string)first["hostname"]!;
        using var deleted = await domains.DeleteAsync(name);
        Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);

        var second = await domains.AddAsync(name);

        Assert.NotEqual((string)first["verification"]!["value"]!, (string)second["verification"]!["value"]!);
    }

    [Fact]
    public async Task The_same_name_may_exist_in_several_clusters_and_each_has_a_target_of_its_own()
    {
        using var one = await DomainClient.CreateAsync(host);
        using var other = await DomainClient.CreateAsync(host);
        var first = await one.AddAsync();

        var second = await other.AddAsync((string)first["hostname"]!);

        Assert.NotEqual((string)first["verification"]!["value"]!, (string)second["verification"]!["value"]!);
    }

    [Theory]
    [InlineData("example.com", "registered domain itself", "track.example.com")]
    [InlineData("track.co.uk", "registered domain itself", "track.track.co.uk")]
    [InlineData("192.0.2.1", "IP address", "track.example.com")]
    [InlineData("track.shop.localhost", "ends in localhost")]
    [InlineData("track.shop.localdomain", "ends in localdomain")]
    [InlineData("_track.example.com", "underscore", "certificate authority")]
    [InlineData("1.2.3.4.5.6.7.8.9.example.com", "11 labels")]
    [InlineData("https://track.example.com/x", "takes the name alone: track.example.com")]
    [InlineData("", "takes a host name")]
    public async Task A_name_that_cannot_be_one_is_refused_with_what_would_be_right(
        string hostname, params string[] texts)
    {
        using var domains = await DomainClient.CreateAsync(host);
        using var response = await Expect.PostTextAsync(
            domains.Client, domains.Path, new JsonObject { ["hostname"] = hostname }.ToJsonString());

        var problem = await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value", texts);

        Assert.Equal("hostname", (string)problem["errors"]![0]!["name"]!);
        Assert.Empty(await domains.NamesAsync());
    }

    [Fact]
    public async Task All_errors_of_a_request_are_reported_at_once()
    {
        using var domains = await DomainClient.CreateAsync(host);
        using var response = await Expect.PostTextAsync(
            domains.Client,
            domains.Path,
            """
            {"hostname":1,"setAsDefault":"yes","trackClicks":0,"trackOpens":null,"https":"sometimes","colour":1,"utm":7,
             "excludedDomains":["a.example/x?y","http://b.example","*.c.example/d"],"retired":true}
            """);

        var problem = await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value");

        Assert.Equal(
            [
                "colour", "excludedDomains[0]", "excludedDomains[1]", "hostname", "https", "retired", "setAsDefault",
                "trackClicks", "trackOpens", "utm",
            ],
            problem["errors"]!.AsArray().Select(error => (string)error!["name"]!).Order(StringComparer.Ordinal));
        Assert.Contains("takes one of required, optional", (string)problem["detail"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_patch_changes_what_it_names_and_nothing_else()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync(hasCertificate: false);

        using var response = await domains.PatchAsync(
            name,
            """
            {"trackOpens":false,"https":"optional","utm":"utm_source=news&utm_medium=email",
             "excludedDomains":["Example.ORG","*.Bücher.example","shop.example/Account","shop.example/"]}
            """);

        var domain = await Expect.OkAsync(response);
        Assert.True((bool)domain["trackClicks"]!);
        Assert.False((bool)domain["trackOpens"]!);
        Assert.Equal(
            """["example.org","*.xn--bcher-kva.example","shop.example/Account","shop.example"]""",
            domain["excludedDomains"]!.ToJsonString());
        Assert.Equal("utm_source=news&utm_medium=email", (string)domain["utm"]!);
        // The domain is verified and has no certificate, and https is optional. The answer reports the transition.
        Assert.True((bool)domain["acceptsNewLinks"]!);
        Assert.Null(domain["why"]);
        Assert.Contains("browsers warn", (string)domain["sentence"]!, StringComparison.Ordinal);
        Assert.Equal("pending", (string)domain["tls"]!["status"]!);

        using var back = await domains.PatchAsync(name, """{"https":null,"excludedDomains":null,"utm":null}""");
        domain = await Expect.OkAsync(back);
        Assert.Equal("required", (string)domain["https"]!);
        Assert.Empty(domain["excludedDomains"]!.AsArray());
        Assert.Equal("", (string)domain["utm"]!);
        Assert.Equal("no-certificate", (string)domain["why"]!);
        Assert.False((bool)domain["trackOpens"]!);
    }

    [Fact]
    public async Task A_name_cannot_be_changed_and_says_what_to_do_instead()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;

        using var response = await domains.PatchAsync(
            name, """{"hostname":"other.example.com","isDefault":true,"status":"active","retired":1}""");

        var problem = await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value");
        Assert.Equal(
            ["hostname", "isDefault", "retired", "status"],
            problem["errors"]!.AsArray().Select(error => (string)error!["name"]!).Order(StringComparer.Ordinal));
        Assert.Contains("retire this one", (string)problem["detail"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Http_links_are_refused_on_a_name_that_browsers_open_by_https_alone()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var forced = $"track.t{Guid.NewGuid():N}.dev";
        using (var added = await domains.Client.PostAsJsonAsync(
            domains.Path, new { hostname = forced, https = "optional" }))
        {
            var problem = await Expect.ProblemAsync(added, HttpStatusCode.BadRequest, "invalid-value");
            Assert.Contains("every name under .dev", (string)problem["detail"]!, StringComparison.Ordinal);
        }

        var name = await domains.AddActiveAsync();
        await Expect.OkAsync(await domains.PatchAsync(name, """{"https":"optional"}"""));
        await Expect.OkAsync(await domains.PatchAsync(name, """{"https":"required"}"""));
        await host.ExecuteAsync(
            "UPDATE domains.tracking_domains SET last_check = $2::jsonb WHERE hostname = $1",
            name,
            """
            {"findings":[{"code":"https-forced-by-parent","severity":"info","text":"…",
                "seen":"https://example.com Strict-Transport-Security: max-age=1; includeSubDomains"}]}
            """);

        using var response = await domains.PatchAsync(name, """{"https":"optional"}""");

        var refused = await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value");
        Assert.Equal("https", (string)Assert.Single(refused["errors"]!.AsArray())!["name"]!);
        Assert.Contains(
            "https://example.com Strict-Transport-Security", (string)refused["detail"]!, StringComparison.Ordinal);
        Assert.Equal("required", (string)(await domains.GetAsync(name))["https"]!);
        await Expect.OkAsync(await domains.PatchAsync(name, """{"https":"required","trackOpens":false}"""));
    }

    [Fact]
    public async Task An_active_name_with_a_certificate_takes_new_links_unless_it_is_retired()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync();

        var domain = await domains.GetAsync(name);
        Assert.True((bool)domain["acceptsNewLinks"]!);
        Assert.Equal("New links use this name where a message asks for it.", (string)domain["sentence"]!);
        Assert.Equal("active", (string)domain["tls"]!["status"]!);
        Assert.NotNull(domain["tls"]!["notAfter"]);

        using var retired = await domains.PatchAsync(name, """{"retired":true}""");
        domain = await Expect.OkAsync(retired);
        Assert.Equal("active", (string)domain["status"]!);
        Assert.False((bool)domain["acceptsNewLinks"]!);
        Assert.Equal("retired", (string)domain["why"]!);
        Assert.Contains("go on working", (string)domain["sentence"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_is_filtered_by_status_and_by_a_part_of_the_name()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var active = await domains.AddActiveAsync();
        var pending = (string)(await domains.AddAsync())["hostname"]!;

        Assert.Equal([active], await domains.NamesAsync("?status=active"));
        Assert.Equal([pending], await domains.NamesAsync("?status=pending"));
        Assert.Equal([active], await domains.NamesAsync($"?q={active[8..20].ToUpperInvariant()}"));
        Assert.Empty(await domains.NamesAsync("?q=%25"));
        using var wrong = await Expect.GetAsync(domains.Client, domains.Path + "?status=lost&colour=1&after=x");
        var problem = await Expect.ProblemAsync(wrong, HttpStatusCode.BadRequest, "invalid-value");
        Assert.Equal(3, problem["errors"]!.AsArray().Count);
    }

    [Fact]
    public async Task Ten_thousand_names_are_paged_through_without_gap_or_repetition()
    {
        using var domains = await DomainClient.CreateAsync(host);
        Assert.True(Tracking.Links.ClusterId.TryParse(domains.Cluster, out var cluster));
        await host.ExecuteAsync(
            """
            INSERT INTO domains.tracking_domains (id, cluster_id, hostname, target)
            SELECT gen_random_uuid(), $1, 'track.n' || n || '.com', 'v-' || gen_random_uuid() || '.track.localhost'
            FROM generate_series(1, 10000) n
            """,
            cluster.Value);

        var names = new List<string>();
        string? after = null;
        do
        {
            var page = await domains.ListAsync("?limit=500" + (after is null ? "" : "&after=" + after));
            names.AddRange(page["items"]!.AsArray().Select(item => (string)item!["hostname"]!));
            after = (string?)page["next"];
        }
        while (after is not null);

        Assert.Equal(10_000, names.Count);
        Assert.Equal(10_000, names.Distinct().Count());
        Assert.Equal(["track.n4711.com"], await domains.NamesAsync("?q=n4711."));

        // The cluster has the maximum number of domains.
        using var more = await Expect.PostTextAsync(
            domains.Client, domains.Path, $$"""{"hostname":"{{DomainClient.NewName()}}"}""");
        await Expect.ProblemAsync(more, HttpStatusCode.Conflict, "conflict", "10000");
    }

    [Fact]
    public async Task Another_tenants_name_answers_as_if_it_were_not_there()
    {
        using var mine = await DomainClient.CreateAsync(host);
        using var theirs = await DomainClient.CreateAsync(host);
        var name = await theirs.AddActiveAsync();

        foreach (var send in new Func<Task<HttpResponseMessage>>[]
        {
            () => Expect.GetAsync(mine.Client, $"{mine.Path}/{name}"),
            () => mine.PatchAsync(name, """{"retired":true}"""),
            () => mine.DeleteAsync(name),
            () => mine.SetDefaultAsync(name),
            () => Expect.DeleteAsync(mine.Client, $"{mine.Path}/{name}/default"),
            () => mine.VerifyAsync(name),
            () => Expect.GetAsync(mine.Client, $"{mine.Path}/{name}/checks"),
        })
        {
            using var response = await send();
            await Expect.ProblemAsync(response, HttpStatusCode.NotFound, "not-found", "tracking domain", name);
        }

        Assert.Empty(await mine.NamesAsync());
        Assert.Equal("active", (string)(await theirs.GetAsync(name))["status"]!);
        Assert.False((bool)(await theirs.GetAsync(name))["isDefault"]!);
        Assert.Equal("active", (string)(await GetAsync(host.Admin, $"{theirs.Path}/{name}"))["status"]!);
    }

    [Fact]
    public async Task One_of_two_requests_that_add_a_name_at_once_is_refused()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var body = $$"""{"hostname":"{{DomainClient.NewName()}}"}""";

        var answers = await Task.WhenAll(
            Expect.PostTextAsync(host.Admin, domains.Path, body),
            Expect.PostTextAsync(domains.Client, domains.Path, body));

        Assert.Equal(
            [HttpStatusCode.Created, HttpStatusCode.Conflict],
            answers.Select(answer => answer.StatusCode).Order());
        Array.ForEach(answers, answer => answer.Dispose());
    }

    [Fact]
    public async Task Checks_are_listed_newest_first_with_their_words()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync();
        for (short n = 0; n < 3; n++)
        {
            await host.ExecuteAsync(
                """
                INSERT INTO domains.checks (id, domain_id, at, cause, outcome, effect, diagnosis)
                SELECT $1, id, now(), $2, $2, $2, jsonb_build_object('n', $2::int)
                FROM domains.tracking_domains WHERE hostname = $3 AND deleted_at IS NULL
                """,
                Guid.CreateVersion7(DateTimeOffset.UnixEpoch.AddDays(n)), n, name);
        }

        var first = await GetAsync(domains.Client, $"{domains.Path}/{name}/checks?limit=2");
        Assert.Equal(
            ["asked no-evidence warned 2", "daily contradicted activated 1"],
            first["items"]!.AsArray().Select(
                check => $"{check!["cause"]} {check["outcome"]} {check["effect"]} {check["diagnosis"]!["n"]}"));
        var second = await GetAsync(domains.Client, $"{domains.Path}/{name}/checks?limit=2&after={first["next"]}");
        Assert.Equal(
            ["polled verified nothing 0"],
            second["items"]!.AsArray().Select(
                check => $"{check!["cause"]} {check["outcome"]} {check["effect"]} {check["diagnosis"]!["n"]}"));
        Assert.Null(second["next"]);
    }
}
