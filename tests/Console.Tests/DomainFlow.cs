using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Console.Tests;

/// <summary>A tracking domain from its addition to its deletion.</summary>
public sealed class DomainFlow(Running running)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_domain_is_added_verified_made_default_and_deleted(bool scripts)
    {
        var (cluster, key) = await running.CreateClusterAsync($"Flow {Guid.NewGuid()}");
        var host = $"track.flow{(scripts ? 1 : 2)}.example.org";
        using var verifier = VerifyOnRequest(host);
        await using var visit = await Visit.SignedInAsync(
            running, key, new Reader(Scripts: scripts), $"/clusters/{cluster}/tracking-domains");
        var page = visit.Page;

        await page.GetByRole(AriaRole.Link, new() { Name = "Add tracking domain" }).First.ClickAsync();
        await page.GetByLabel("Tracking domain", new() { Exact = true }).FillAsync("https://example.org/path");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add tracking domain" }).ClickAsync();
        await page.GetByRole(AriaRole.Alert).First.WaitForAsync();
        Assert.Equal(
            "https://example.org/path", await page.GetByLabel("Tracking domain", new() { Exact = true }).InputValueAsync());

        await page.GetByLabel("Tracking domain", new() { Exact = true }).FillAsync(host);
        await page.GetByRole(AriaRole.Button, new() { Name = "Add tracking domain" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = host }).WaitForAsync();
        var target = await TargetAsync(cluster, key, host);
        await AssertRecordAsync(page, ("Type", "CNAME"), ("Name", host[..^".example.org".Length]), ("Target", target));
        if (scripts)
        {
            await page.GetByRole(AriaRole.Button, new() { Name = "Copy: Target" }).ClickAsync();
            Assert.Equal(target, await page.EvaluateAsync<string>("navigator.clipboard.readText()"));
            Assert.Contains(target, await page.GetByRole(AriaRole.Status).Last.TextContentAsync());
        }

        await page.RunAndWaitForResponseAsync(
            () => page.GetByRole(AriaRole.Button, new() { Name = "Verify now" }).ClickAsync(),
            answer => answer.Request.Method == "POST");
        var set = page.GetByRole(AriaRole.Button, new() { Name = "Set as default" });
        await Eventually.HoldsAsync(
            async () =>
            {
                // The check may end after the answer.
                await page.GotoAsync($"/clusters/{cluster}/tracking-domains/{host}");
                return await set.CountAsync() == 1;
            },
            "the domain is verified",
            TestContext.Current.CancellationToken);
        await page.GetByRole(AriaRole.Button, new() { Name = "Set as default" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Unset as default" }).WaitForAsync();
        await page.GetByText("In use for new links").WaitForAsync();

        await page.GetByLabel("Destinations that stay plain").FillAsync("bank.example.com\n*.private.example.com");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await page.GetByText("Saved.").WaitForAsync();

        await page.GetByRole(AriaRole.Link, new() { Name = "Delete…" }).ClickAsync();
        await page.GetByLabel("type its name").FillAsync("track.other.example.org");
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete for good" }).ClickAsync();
        await page.GetByText("This is not its name").WaitForAsync();
        await page.GetByLabel("type its name").FillAsync(host);
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete for good" }).ClickAsync();
        await page.GetByText($"{host} is deleted").WaitForAsync();
        await page.GetByText("No tracking domain yet").WaitForAsync();
    }

    [Fact]
    public async Task A_domain_is_added_by_the_keyboard_alone()
    {
        var (cluster, key) = await running.CreateClusterAsync($"Keys {Guid.NewGuid()}");
        await using var visit = await Visit.SignedInAsync(running, key, to: $"/clusters/{cluster}/tracking-domains");
        var page = visit.Page;
        await TabToAsync(page, "Add tracking domain");
        Assert.NotEqual("none", await page.EvaluateAsync<string>("getComputedStyle(document.activeElement).outlineStyle"));
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/add");
        await TabToAsync(page, "Hostname");
        await page.Keyboard.TypeAsync("links.keyboard.example.org");
        await page.Keyboard.PressAsync("Enter");
        var heading = page.GetByRole(AriaRole.Heading, new() { Name = "links.keyboard.example.org" });
        await heading.WaitForAsync();
        await Assertions.Expect(heading).ToBeFocusedAsync();
        await TabToAsync(page, "Delete…");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/delete");
        await TabToAsync(page, "Typed");
        await page.Keyboard.TypeAsync("links.keyboard.example.org");
        await page.Keyboard.PressAsync("Enter");
        await page.GetByText("is deleted").WaitForAsync();
    }

    [Fact]
    public async Task A_domain_is_reached_by_the_sidebar_and_the_list_and_has_the_buttons_of_its_state()
    {
        var (cluster, key) = await running.CreateClusterAsync($"Sidebar {Guid.NewGuid()}");
        const string host = "track.sidebar.example.org";
        await using var visit = await Visit.SignedInAsync(running, key, to: $"/clusters/{cluster}");
        var page = visit.Page;
        ILocator Button(string name) => page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

        await page.GetByRole(AriaRole.Link, new() { Name = "Tracking domains" }).First.ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Add tracking domain" }).First.ClickAsync();
        await page.GetByLabel("Tracking domain", new() { Exact = true }).FillAsync(host);
        await page.GetByLabel("Set as default").CheckAsync();
        await Button("Add tracking domain").ClickAsync();
        await page.GetByText("Default once verified").First.WaitForAsync();
        await Button("Verify now").WaitForAsync();
        await Button("Unset as default").ClickAsync();
        await Assertions.Expect(page.GetByText("Default once verified")).ToHaveCountAsync(0);

        // A pending domain cannot be the default.
        await Assertions.Expect(Button("Set as default")).ToHaveCountAsync(0);

        await running.ExecuteAsync(
            """
            UPDATE domains.tracking_domains SET status = 1, verified_at = now(), is_default = true,
                certificate_until = now() + interval '90 days'
            WHERE hostname = $1
            """,
            host);
        await page.GotoAsync($"/clusters/{cluster}/tracking-domains");
        await page.GetByRole(AriaRole.Link, new() { Name = host }).ClickAsync();
        await page.GetByText("In use for new links").WaitForAsync();
        await Button("Unset as default").ClickAsync();
        await Button("Set as default").WaitForAsync();
    }

    [Fact]
    public async Task A_check_that_comes_too_early_says_when_the_next_one_is_possible()
    {
        var (cluster, key) = await running.CreateClusterAsync($"Early {Guid.NewGuid()}");
        const string host = "track.early.example.org";
        await running.PostAsync($"/api/v1/clusters/{cluster}/tracking-domains", new { hostname = host });
        await running.ExecuteAsync(
            "UPDATE domains.tracking_domains SET check_requested_at = now() + interval '1 hour' WHERE hostname = $1", host);
        await using var visit = await Visit.SignedInAsync(
            running, key, to: $"/clusters/{cluster}/tracking-domains/{host}");

        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Verify now" }).ClickAsync();

        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Alert)).ToHaveTextAsync(
            new Regex(@"This name was checked a moment ago\. The next check is possible at \d\d:\d\d:\d\d\."));
    }

    [Fact]
    public async Task The_list_says_beside_https_why_there_is_no_certificate_and_the_record_names_the_provider()
    {
        var (cluster, key) = await running.CreateClusterAsync($"Error {Guid.NewGuid()}");
        _ = ClusterId.TryParse(cluster, out var id);
        const string host = "track.error.example.org";
        await running.PostAsync($"/api/v1/clusters/{cluster}/tracking-domains", new { hostname = host });
        await running.ExecuteAsync(
            "UPDATE domains.tracking_domains SET status = 1, verified_at = now() WHERE hostname = $1", host);
        await running.ExecuteAsync(
            """
            INSERT INTO certificates.names (hostname, cluster_id, due_at, failures, last_failure)
            VALUES ($1, $2, now() + interval '3 hours', 2, '{"type":"caa","detail":"CAA forbids this authority."}')
            ON CONFLICT (hostname) DO UPDATE SET due_at = excluded.due_at, failures = 2, last_failure = excluded.last_failure
            """,
            host, id.Value);
        await using var visit = await Visit.SignedInAsync(running, key, to: $"/clusters/{cluster}/tracking-domains");
        var cell = visit.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = host }).GetByRole(AriaRole.Cell).Nth(2);
        await Assertions.Expect(cell).ToContainTextAsync("not issued");
        await Assertions.Expect(cell).ToContainTextAsync("CAA forbids this authority. It is tried again");

        foreach (var (provider, step) in new[]
        {
            ("Cloudflare", "Proxy status: DNS only, the grey cloud."),
            ("Amazon Route 53", "Open the Route 53 console"),
            ("GoDaddy", "Most providers append your domain"),
        })
        {
            // The instructions are expanded while the record is missing.
            await running.ExecuteAsync(
                """
                UPDATE domains.tracking_domains SET status = 0, last_check = jsonb_build_object('provider', $2::text)
                WHERE hostname = $1
                """,
                host, provider);
            await visit.Page.GotoAsync($"/clusters/{cluster}/tracking-domains/{host}");
            await visit.Page.GetByText($"Your DNS is at {provider}").WaitForAsync();
            var open = visit.Page.Locator("details[open]").Filter(new() { HasText = step });
            await Assertions.Expect(open.Locator("summary")).ToHaveTextAsync(provider);
        }
    }

    private static async Task TabToAsync(IPage page, string what)
    {
        for (var i = 0; i < 60; i++)
        {
            await page.Keyboard.PressAsync("Tab");
            if (await page.EvaluateAsync<bool>(
                "what => document.activeElement.textContent.trim() === what || document.activeElement.id === what", what))
            {
                return;
            }
        }

        Assert.Fail($"{what} is not reached with Tab.");
    }

    private async Task<string> TargetAsync(string cluster, string key, string host)
    {
        using var api = running.Client(key);
        var domain = JsonNode.Parse(await api.GetStringAsync(
            $"/api/v1/clusters/{cluster}/tracking-domains/{host}", TestContext.Current.CancellationToken))!;
        var target = (string)domain["verification"]!["value"]!;
        Assert.Matches("^v-[a-z2-7]{20}[.]", target);
        return target;
    }

    // Each value follows its label.
    private static async Task AssertRecordAsync(IPage page, params (string Label, string Value)[] lines)
    {
        foreach (var (label, value) in lines)
        {
            var shown = page.Locator($".record .k:text-is('{label}') + .mono");
            await Assertions.Expect(shown).ToBeVisibleAsync();
            await Assertions.Expect(shown).ToHaveTextAsync(value);
        }
    }

    private WritingVerifier VerifyOnRequest(string host) => new(running, host);

    // Stores a successful check in place of a verifier.
    private sealed class WritingVerifier : IDisposable
    {
        private readonly CancellationTokenSource _end = new();

        public WritingVerifier(Running running, string host) => _ = Task.Run(async () =>
        {
            while (!_end.IsCancellationRequested)
            {
                await running.ExecuteAsync(
                    """
                    UPDATE domains.tracking_domains SET status = 1, status_since = now(), verified_at = now(),
                        last_checked_at = now(), certificate_until = now() + interval '90 days'
                    WHERE hostname = $1 AND deleted_at IS NULL AND check_requested_at IS NOT NULL
                        AND (last_checked_at IS NULL OR last_checked_at < check_requested_at)
                    """,
                    host);
                await Task.Delay(100, _end.Token);
            }
        });

        public void Dispose() => _end.Cancel();
    }
}
