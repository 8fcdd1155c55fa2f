using System.Text.Json.Nodes;
using Tracking.Functional.Tests.Management;
using Tracking.Functional.Tests.Management.Domains;

namespace Tracking.Functional.Tests.Cli;

[Collection(nameof(ManagementCollection))]
public sealed class DomainsCommandTests(ManagementHost host)
{
    private const string Diagnosis =
        """
        {"outcome":"contradicted","findings":[{"code":"other-target","severity":"error",
         "text":"The record leads elsewhere.","expected":"v-a.example","seen":"v-b.example","server":"ns1.shop.example",
         "nextStep":"Change its value."}],
         "hops":[{"purpose":"walk","name":"track.shop.example","type":"CNAME","server":"ns1.shop.example",
          "address":"192.0.2.53","transport":"udp","rcode":"NOERROR","ttl":300,"answers":["CNAME v-b.example"]}]}
        """;

    [Fact]
    public async Task An_added_name_prints_the_record_as_most_forms_take_it_and_whether_links_use_it()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var name = DomainClient.NewName();

        var (_, output, error) = await DoneAsync(
            "domains", "add", name, "--cluster", cluster, "--default", "--no-opens");

        var lines = output.Split('\n');
        Assert.Equal(name, lines[0]);
        Assert.Equal($"The record to make in the DNS zone {name["track.".Length..]}:", lines[2]);
        Assert.Equal("  Type   CNAME", lines[3]);
        Assert.Equal("  Name   track", lines[4]);
        Assert.Matches(@"^  Value  v-[a-z2-7]{20}\.track\.localhost$", lines[5]);
        Assert.Contains("the default as soon as it is verified", output, StringComparison.Ordinal);
        Assert.Contains("New links:    New links do not use this name", output, StringComparison.Ordinal);
        Assert.Contains("Tracks:       clicks, no opens", output, StringComparison.Ordinal);
        Assert.Contains($"trackctl domains verify {name}", error, StringComparison.Ordinal);
        Assert.Equal(output, (await DoneAsync("domains", "show", name, "--cluster", cluster)).Output);

        var twice = await RunAsync("domains", "add", name, "--cluster", cluster);
        Assert.Equal(3, twice.Code);
        var wrong = await RunAsync("domains", "add", "https://track.example.com/", "--cluster", cluster);
        Assert.Equal(1, wrong.Code);
        Assert.Contains("the name alone: track.example.com", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_is_not_verified_ends_with_3_and_what_DNS_said_and_one_that_is_with_0()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        host.Verifier.Verifications[name] = _ => domains.StoreCheckAsync(name, Diagnosis);

        var not = await RunAsync("domains", "verify", name, "--cluster", domains.Cluster);
        Assert.Equal(3, not.Code);
        Assert.Contains("Error: The record leads elsewhere.", not.Output, StringComparison.Ordinal);
        Assert.Contains("  expected: v-a.example", not.Output, StringComparison.Ordinal);
        Assert.Contains("  next step: Change its value.", not.Output, StringComparison.Ordinal);
        Assert.Contains("  Name   track", not.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("What was asked", not.Output, StringComparison.Ordinal);

        var hops = await DoneAsync("domains", "show", name, "--cluster", domains.Cluster, "--verbose");
        Assert.Contains(
            "  track.shop.example CNAME at ns1.shop.example 192.0.2.53 (udp, walk)",
            hops.Output,
            StringComparison.Ordinal);
        Assert.Contains("    NOERROR, remembered for 300 s", hops.Output, StringComparison.Ordinal);
        Assert.Contains("    CNAME v-b.example", hops.Output, StringComparison.Ordinal);

        await domains.AskedLongAgoAsync(name);
        var json = await RunAsync("domains", "verify", name, "--cluster", domains.Cluster, "--json");
        Assert.Equal(3, json.Code);
        Assert.Equal(
            "other-target", (string)JsonNode.Parse(json.Output)!["diagnosis"]!["findings"]![0]!["code"]!);

        host.Verifier.Verifications[name] = async _ =>
        {
            await domains.ActivateAsync(name);
            await domains.StoreCheckAsync(name, Diagnosis);
        };
        await domains.AskedLongAgoAsync(name);
        var verified = await DoneAsync("domains", "verify", name, "--cluster", domains.Cluster, "--wait", "1m");
        Assert.Contains("Status:       active since", verified.Output, StringComparison.Ordinal);

        Assert.Equal(3, (await RunAsync("domains", "verify", "track.none.com", "--cluster", domains.Cluster)).Code);
        Assert.Equal(
            2, (await RunAsync("domains", "verify", name, "--cluster", domains.Cluster, "--wait", "soon")).Code);
    }

    [Theory]
    [InlineData("Cloudflare", "v-abc.track.net", "  Proxy  DNS only")]
    [InlineData("Amazon Route 53", "v-abc.track.net", "  TTL    300")]
    [InlineData("Hetzner", "v-abc.track.net.", null)]
    public async Task The_record_is_printed_as_the_zones_provider_wants_it(
        string provider, string value, string? hint)
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        await host.ExecuteAsync(
            "UPDATE domains.tracking_domains SET last_check = $2::jsonb WHERE hostname = $1",
            name,
            new JsonObject { ["provider"] = provider, ["valueToEnter"] = value, ["findings"] = new JsonArray() }
                .ToJsonString());

        var (_, output, _) = await DoneAsync("domains", "show", name, "--cluster", domains.Cluster);

        Assert.Contains($", at {provider}:\n", output, StringComparison.Ordinal);
        Assert.Contains($"\n  Value  {value}\n", output, StringComparison.Ordinal);
        Assert.True(hint is null || output.Contains(hint, StringComparison.Ordinal), output);
    }

    [Fact]
    public async Task A_name_is_listed_changed_made_the_default_and_retired()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync();
        string[] of = ["--cluster", domains.Cluster];

        var set = await DoneAsync(["domains", "default", name, .. of]);
        Assert.Contains("the default", set.Output, StringComparison.Ordinal);
        var list = await DoneAsync(["domains", "list", .. of]);
        Assert.Matches(@"^NAME +STATUS +NEW LINKS +CERTIFICATE +NEXT CHECK$", list.Output.Split('\n')[0]);
        Assert.Matches($"^{name}  active  yes, the default  active ", list.Output.Split('\n')[1]);

        set = await DoneAsync(
            ["domains", "set", name, .. of, "--clicks", "false", "--https", "optional", "--exclude", "*.a.example",
             "--exclude", "b.example/c"]);
        Assert.Contains("Tracks:       opens, no clicks", set.Output, StringComparison.Ordinal);
        Assert.Contains("Https:        optional", set.Output, StringComparison.Ordinal);
        Assert.Contains("Stays plain:  *.a.example, b.example/c", set.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(
            "Stays plain",
            (await DoneAsync(["domains", "set", name, .. of, "--exclude-none"])).Output,
            StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync(["domains", "set", name, .. of])).Code);

        var retired = await DoneAsync(["domains", "retire", name, .. of]);
        Assert.Contains(", retired", retired.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("the default", retired.Output, StringComparison.Ordinal);
        Assert.Equal(3, (await RunAsync(["domains", "default", name, .. of])).Code);
        await DoneAsync(["domains", "retire", name, .. of, "--undo"]);
        await DoneAsync(["domains", "default", name, .. of]);
        Assert.DoesNotContain(
            "the default",
            (await DoneAsync(["domains", "default", name, .. of, "--unset"])).Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deleting_asks_for_the_name_and_says_what_dies()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync();
        string[] delete = ["domains", "delete", name, "--cluster", domains.Cluster];

        var dry = await DoneAsync([.. delete, "--dry-run"]);
        Assert.Equal("0 links in 0 messages would stop; 0 clicks in the last seven days.", dry.Output);
        Assert.Equal(2, (await RunAsync([.. delete, "--yes", "track.other.com"])).Code);
        var not = await TypeAsync("no\n", delete);
        Assert.Equal(2, not.Code);
        Assert.Contains($"Type the name {name}", not.Error, StringComparison.Ordinal);
        Assert.Contains("Nothing is deleted.", not.Error, StringComparison.Ordinal);
        Assert.NotNull(await domains.GetAsync(name));

        var done = await TypeAsync($"{name.ToUpperInvariant()}\n", delete);
        Assert.Equal(0, done.Code);
        Assert.StartsWith($"{name} is deleted.", done.Output, StringComparison.Ordinal);
        Assert.Equal(3, (await RunAsync([.. delete, "--yes", name])).Code);
    }

    [Fact]
    public async Task A_name_is_checked_without_being_added()
    {
        var name = DomainClient.NewName();
        host.Verifier.Diagnoses[name] = Diagnosis;
        var parent = name["track.".Length..];
        host.Verifier.Caa[name] = (["0 issue \"letsencrypt.org\"", "0 issue \"pki.goog\""], parent);

        var could = await DoneAsync("domains", "check", name);
        Assert.StartsWith(
            $"""
            {name} could be added.
            CAA      0 issue "letsencrypt.org" (at {parent})
            CAA      0 issue "pki.goog" (at {parent})
            https    no parent was found to demand it (HSTS)

            """,
            could.Output,
            StringComparison.Ordinal);
        Assert.Contains("The record leads elsewhere.", could.Output, StringComparison.Ordinal);

        host.Verifier.Caa[name] = ([], null);
        could = await DoneAsync("domains", "check", name);
        Assert.Equal("CAA      none: every authority may issue", could.Output.Split('\n')[1]);
        host.Verifier.Caa.Remove(name, out _);
        could = await DoneAsync("domains", "check", name);
        Assert.StartsWith("CAA      unknown: ", could.Output.Split('\n')[1], StringComparison.Ordinal);

        host.Verifier.Diagnoses[name] =
            """{"findings":[{"code":"https-forced-by-parent","severity":"info","text":"By https alone."}],"hops":[]}""";
        could = await DoneAsync("domains", "check", name);
        Assert.StartsWith(
            "https    demanded by a parent (HSTS)", could.Output.Split('\n')[2], StringComparison.Ordinal);
        Assert.Contains("Note: By https alone.", could.Output, StringComparison.Ordinal);

        var not = await RunAsync("domains", "check", "example.com");
        Assert.Equal(3, not.Code);
        Assert.Contains("registered domain itself", not.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_audit_log_says_what_became_of_what()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        (await domains.PatchAsync(name, """{"trackOpens":false,"excludedDomains":["a.example"]}""")).Dispose();

        var audit = await DoneAsync("audit", "--cluster", domains.Cluster, "--subject", name);

        var lines = audit.Output.Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Matches($"test  create-tracking-domain +{name}", lines[1]);
        Assert.EndsWith(
            "trackOpens: true -> false; excludedDomains: none -> a.example", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shell_completes_the_words()
    {
        foreach (var shell in new[] { "bash", "zsh", "fish" })
        {
            Assert.Contains("[suggest:", (await DoneAsync("completion", shell)).Output, StringComparison.Ordinal);
        }

        Assert.Equal(2, (await RunAsync("completion", "tcsh")).Code);
        var words = await DoneAsync("[suggest:17]", "trackctl domains ");
        Assert.Contains("verify", words.Output.Split('\n'));
        Assert.Contains("retire", words.Output.Split('\n'));
    }

    private async Task<(int Code, string Output, string Error)> TypeAsync(string input, string[] arguments)
    {
        using var trackctl = Trackctl.Start(
            host.Url, host.AdminKey, System.Text.Encoding.UTF8.GetBytes(input), arguments);
        return await trackctl.EndAsync();
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) =>
        Trackctl.RunAsync(host.Url, host.AdminKey, arguments);

    private async Task<(int Code, string Output, string Error)> DoneAsync(params string[] arguments)
    {
        var result = await RunAsync(arguments);
        Assert.True(result.Code == 0, result.Error);
        return result;
    }
}
