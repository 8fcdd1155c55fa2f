using Microsoft.Playwright;

namespace Tracking.Console.Tests;

/// <summary>A tracking domain from its name to its end.</summary>
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
        await page.GetByText("Waiting for its record").First.WaitForAsync();
        if (scripts)
        {
            await page.GetByRole(AriaRole.Button, new() { Name = "Copy: Target" }).ClickAsync();
            var target = await page.EvaluateAsync<string>("navigator.clipboard.readText()");
            Assert.Matches("^v-[a-z0-9]+[.]", target);
            Assert.Contains(target, await page.GetByRole(AriaRole.Status).Last.TextContentAsync());
        }

        await page.GetByRole(AriaRole.Button, new() { Name = "Verify now" }).ClickAsync();
        await page.GetByText("In use", new() { Exact = true }).First.WaitForAsync();
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

    private WritingVerifier VerifyOnRequest(string host) => new(running, host);

    // Writes what a verifier writes when the record is right.
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
