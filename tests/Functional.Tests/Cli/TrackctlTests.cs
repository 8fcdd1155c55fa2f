using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Functional.Tests.Management;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Cli;

[Collection(nameof(ManagementCollection))]
public sealed class TrackctlTests(ManagementHost host)
{
    [Fact]
    public async Task A_cluster_is_created_changed_shown_listed_and_deleted()
    {
        var name = $"Acme {Guid.NewGuid()}";
        var created = JsonNode.Parse((await DoneAsync(
            "clusters", "create", name, "--clicks", "--notify", "ops@example.com", "--json")).Output)!;
        var id = (string)created["id"]!;
        Assert.True((bool)created["settings"]!["trackClicks"]!);
        Assert.False((bool)created["settings"]!["trackOpens"]!);

        var changed = await DoneAsync(
            "clusters", "set", id, "--set", "trackOpens=true", "--set", "linkStyle=path", "--set", "retentionMonths=3",
            "--set", "excludedDomains=a.example,*.b.example", "--set", "trackClicks=");
        Assert.Contains("trackOpens:       true", changed.Output, StringComparison.Ordinal);
        Assert.Contains("trackClicks:      false", changed.Output, StringComparison.Ordinal);
        Assert.Contains("excludedDomains:  a.example, *.b.example", changed.Output, StringComparison.Ordinal);
        Assert.Contains("notifyEmails:     ops@example.com", changed.Output, StringComparison.Ordinal);

        Assert.Equal(changed.Output, (await DoneAsync("clusters", "show", id)).Output);
        Assert.Contains($"{id}  {name}", (await DoneAsync("clusters", "list")).Output, StringComparison.Ordinal);

        Assert.Equal(2, (await RunAsync("clusters", "delete", id)).Code);
        await DoneAsync("clusters", "delete", id, "--yes");
        var gone = await RunAsync("clusters", "show", id);
        Assert.Equal(1, gone.Code);
        Assert.StartsWith($"Not found. There is no cluster '{id}'.", gone.Error, StringComparison.Ordinal);
        Assert.Single(gone.Error.TrimEnd().Split('\n'));
    }

    /// <param name="command">The command without its cluster.</param>
    /// <param name="code">The exit code: 3 of groups where it means that something is not there.</param>
    [Theory]
    [InlineData("domains list", 3)]
    [InlineData("domains show track.shop.example", 3)]
    [InlineData("domains verify track.shop.example --wait", 3)]
    [InlineData("certificates status track.shop.example", 3)]
    [InlineData("certificates test track.shop.example", 3)]
    [InlineData("webhooks list", 3)]
    [InlineData("destinations repairs", 3)]
    [InlineData("withdrawals list", 3)]
    [InlineData("keys list", 1)]
    [InlineData("events", 1)]
    [InlineData("stats", 1)]
    [InlineData("stats rebuild", 1)]
    [InlineData("audit", 1)]
    public async Task A_cluster_that_is_not_there_has_the_code_of_its_group_and_is_a_problem_in_json(
        string command, int code)
    {
        // Without a second look-up, audit takes an id as it is: entries outlive their cluster.
        foreach (var cluster in command == "audit" ? new[] { "no such cluster" } : ["no such cluster", "zzzzz"])
        {
            string[] arguments = [.. command.Split(' '), "--cluster", cluster];

            var plain = await RunAsync(arguments);
            Assert.Equal((code, ""), (plain.Code, plain.Output));
            Assert.Contains("no cluster", plain.Error, StringComparison.Ordinal);

            var json = await RunAsync([.. arguments, "--json"]);
            Assert.Equal((code, ""), (json.Code, json.Error));
            var problem = JsonNode.Parse(json.Output)!;
            Assert.Equal("urn:tracking:problem:not-found", (string)problem["type"]!);
            Assert.Equal((404, "Not found"), ((int)problem["status"]!, (string)problem["title"]!));
            Assert.Contains("no cluster", (string)problem["detail"]!, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("audit --limit 0")]
    [InlineData("audit --from yesterday")]
    [InlineData("clusters create x --set linkStyle=none")]
    [InlineData("events --cluster {cluster} --from yesterday")]
    [InlineData("stats --cluster {cluster} --group-by nothing")]
    public async Task A_refusal_is_one_problem_in_json_and_nothing_else(string command)
    {
        var (cluster, _) = await host.CreateClusterAsync();

        var (code, output, error) = await RunAsync(
            [.. command.Replace("{cluster}", cluster, StringComparison.Ordinal).Split(' '), "--json"]);

        Assert.Equal((1, ""), (code, error));
        Assert.Equal("urn:tracking:problem:invalid-value", (string)JsonNode.Parse(output)!["type"]!);
    }

    [Fact]
    public async Task Keys_are_created_listed_and_revoked()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var created = await DoneAsync("keys", "create", "mta", "--cluster", cluster);
        Assert.Matches("^trk_[0-9a-z]{32}$", created.Output);
        Assert.DoesNotContain("trk_", created.Error, StringComparison.Ordinal);

        var own = await Trackctl.RunAsync(host.Url, created.Output, "keys", "list", "--cluster", cluster, "--json");
        var id = (string)JsonNode.Parse(own.Output)!["items"]!.AsArray()
            .Single(key => (string)key!["name"]! == "mta")!["id"]!;
        await DoneAsync("keys", "revoke", id, "--cluster", cluster);
        var refused = await Trackctl.RunAsync(host.Url, created.Output, "keys", "list", "--cluster", cluster);
        Assert.Equal(1, refused.Code);
        Assert.StartsWith("A working API key is needed.", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(created.Output, refused.Error, StringComparison.Ordinal);

        Assert.Contains("first", (await DoneAsync("keys", "list", "--admin")).Output, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("keys", "list")).Code);
        Assert.Contains("verifies now", (await DoneAsync("keys", "rotate")).Output, StringComparison.Ordinal);
        Assert.Contains("SIGNS NOW", (await DoneAsync("signing-keys", "list")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Statistics_are_a_table()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var mail = new TrackedMail(host, cluster);
        var at = new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
        var key = await mail.MessageAsync("m", null, at);
        await mail.EventAsync(LinkKind.Open, at, key);
        Assert.Equal($"{cluster}: requested, 0 messages", (await DoneAsync(
            "stats", "rebuild", "--cluster", cluster)).Output.Trim());
        await mail.CountAsync();

        var (_, table, _) = await DoneAsync(
            "stats", "--cluster", cluster, "--group-by", "day", "--from", "2026-11-01", "--to", "2026-12-01");

        Assert.Equal(
            """
            DAY         CLICKS  OPENS  UNIQUE CLICKS  UNIQUE OPENS  OPENERS  MESSAGES
            2026-11-20       0      1              0             1        1         1
            """,
            table);
        var wrong = await RunAsync("stats", "--cluster", cluster, "--group-by", "week");
        Assert.Equal(1, wrong.Code);
        Assert.Contains("groupBy: got 'week'", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_is_explained_with_each_reason_and_its_weight()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var mail = new TrackedMail(host, cluster);
        var now = TimeProvider.System.GetUtcNow();
        var id = await mail.EventAsync(
            LinkKind.Open, now, await mail.MessageAsync("m", "anna@example.com", now), verdict: Verdict.Scanner);
        await host.ExecuteAsync(
            "INSERT INTO ingest.rule_sets (number, content) VALUES (78, $1::jsonb) ON CONFLICT DO NOTHING",
            """
            [{"code":"burst","verdict":"scanner","weight":100,"source":"behaviour","version":"7","meaning":"many links"}]
            """);
        await host.ExecuteAsync(
            "UPDATE ingest.events SET reasons = '{burst}', score = 100, rules = 78 WHERE id = $1", id);

        var (code, output, error) = await RunAsync("events", "explain", $"{id}", "--cluster", cluster);

        Assert.Equal((0, ""), (code, error));
        Assert.Contains("scanner, score 100", output, StringComparison.Ordinal);
        Assert.Contains("may still change", output, StringComparison.Ordinal);
        Assert.Matches("burst +\\+100 +many links +behaviour 7", output);
        Assert.Equal(1, (await RunAsync("events", "explain", "x", "--cluster", cluster)).Code);
    }

    [Fact]
    public async Task Following_shows_every_event_once_and_ends_with_Ctrl_C()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var mail = new TrackedMail(host, cluster);
        var now = TimeProvider.System.GetUtcNow();
        var link = await mail.DestinationAsync("https://shop.example/");
        var key = await mail.MessageAsync("m", "anna@example.com", now, places: [new(0, 1, "Shop")]);
        await mail.EventAsync(LinkKind.Click, now.AddMinutes(-2), key, link, userAgent: "hidden");
        await mail.EventAsync(LinkKind.Click, now.AddMinutes(-1), key, link, userAgent: "before");

        using var follow = Trackctl.Start(
            host.Url, host.AdminKey, "events", "--cluster", cluster, "-n", "1", "--follow");
        await follow.LinesAsync(1);
        await mail.EventAsync(
            LinkKind.Click, now, key, link, verdict: Verdict.Scanner,
            userAgent: "red \u001b[31m agent", vendor: "Acme");
        await follow.LinesAsync(2);

        // An event from a slow edge: it is older than the shown events, but new.
        await mail.EventAsync(LinkKind.Open, now.AddSeconds(-5), key, userAgent: "late");
        var lines = await follow.LinesAsync(3);

        await follow.InterruptAsync();
        var (code, output, error) = await follow.EndAsync();
        Assert.Equal(0, code);
        Assert.Equal("", error);
        Assert.Equal(3, output.Split('\n').Length);
        Assert.EndsWith("before", lines[0], StringComparison.Ordinal);
        Assert.EndsWith(
            "Z  click  scanner (Acme)  anna@example.com  \"Shop\"  https://shop.example/  192.0.2.0  "
                + "red \uFFFD[31m agent",
            lines[1],
            StringComparison.Ordinal);
        Assert.EndsWith("late", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Following_as_JSON_prints_a_line_each()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var mail = new TrackedMail(host, cluster);
        using var follow = Trackctl.Start(
            host.Url, host.AdminKey, "events", "--cluster", cluster, "--follow", "--json");
        var id = await mail.EventAsync(LinkKind.Open, TimeProvider.System.GetUtcNow(), default);
        var lines = await follow.LinesAsync(1);
        Assert.Equal(id.ToString(), (string)JsonNode.Parse(lines[0])!["id"]!);
    }

    [Fact]
    public async Task A_wrong_call_gets_one_line_and_its_exit_code()
    {
        var absent = await Trackctl.RunAsync(new Uri("http://127.0.0.1:1"), host.AdminKey, "clusters", "list");
        Assert.Equal(69, absent.Code);
        Assert.StartsWith("http://127.0.0.1:1 cannot be reached: ", absent.Error, StringComparison.Ordinal);

        var keyless = await Trackctl.RunAsync(host.Url, null, "clusters", "list");
        Assert.Equal(2, keyless.Code);
        Assert.StartsWith("No API key: set $TRACKING_KEY", keyless.Error, StringComparison.Ordinal);

        var noFile = await RunAsync("clusters", "list", "--key-file", "/nonexistent/key");
        Assert.Equal(2, noFile.Code);
        Assert.Contains("/nonexistent/key", noFile.Error, StringComparison.Ordinal);

        var unknown = await RunAsync("clusters", "lost");
        Assert.Equal(2, unknown.Code);
        Assert.Contains("'lost'", unknown.Error, StringComparison.Ordinal);

        var wrongUrl = await RunAsync("clusters", "list", "--url", "localhost:8080");
        Assert.Equal(2, wrongUrl.Code);
        Assert.Equal(0, (await RunAsync("--help")).Code);
    }

    [Fact]
    public async Task The_key_may_come_from_a_file()
    {
        using var folder = new TemporaryFolder();
        var file = folder.In("admin.key");
        await File.WriteAllTextAsync(file, host.AdminKey + "\n", TestContext.Current.CancellationToken);
        Assert.Equal(0, (await Trackctl.RunAsync(host.Url, null, "clusters", "list", "--key-file", file)).Code);
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
