using Microsoft.Playwright;

namespace Tracking.Console.Tests;

/// <summary>Filters, links and live updates while people read pages.</summary>
public sealed class Reading(Running running)
{
    private string Shop => $"/clusters/{running.Shop.Id}";

    [Fact]
    public async Task A_row_filters_the_page_and_the_address_says_so()
    {
        await using var visit = await Visit.SignedInAsync(running, running.Shop.Key);
        var page = visit.Page;
        await page.EvaluateAsync("window.here = true");
        await page.GetByRole(AriaRole.Link, new() { Name = "shop.example.org/en/autumn" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Remove the filter Link" }).WaitForAsync();
        Assert.Contains("?link=", page.Url);
        await page.GetByRole(AriaRole.Link, new() { Name = "30 days" }).ClickAsync();
        await page.WaitForURLAsync("**period=month**");
        Assert.Contains("link=", page.Url);

        // Enhanced navigation: the page was never reloaded.
        Assert.True(await page.EvaluateAsync<bool>("window.here === true"));
        await page.GetByRole(AriaRole.Link, new() { Name = "Remove the filter Link" }).ClickAsync();
        await page.WaitForURLAsync(url => !url.Contains("link=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_chart_reads_its_values_to_the_arrow_keys_and_has_them_as_a_table()
    {
        await using var visit = await Visit.SignedInAsync(running, running.Shop.Key, to: $"{Shop}?period=day");
        var page = visit.Page;
        await page.Locator("chart-cursor").FocusAsync();
        await page.Keyboard.PressAsync("ArrowRight");
        await page.Keyboard.PressAsync("ArrowRight");
        Assert.Matches(@"^\d+ \w+, \d\d:00 .* opens · \d+ clicks", await page.Locator(".readout").TextContentAsync());
        await page.GetByText("Table", new() { Exact = true }).ClickAsync();
        Assert.Equal(24, await page.Locator("details.table tbody tr").CountAsync());
    }

    [Fact]
    public async Task The_layout_of_a_page_does_not_shift()
    {
        await using var visit = await Visit.SignedInAsync(running, running.Shop.Key);
        await visit.Page.GotoAsync(Shop);
        await visit.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);
        Assert.Equal(0, await visit.Page.EvaluateAsync<double>(
            "new Promise(done => { let sum = 0; new PerformanceObserver(list => { for (const entry of list.getEntries())"
            + " sum += entry.value; }).observe({ type: 'layout-shift', buffered: true });"
            + " requestAnimationFrame(() => requestAnimationFrame(() => done(sum))); })"));
    }

    [Fact]
    public async Task Live_events_come_by_themselves_and_wait_while_somebody_points_at_them()
    {
        var shop = await SomeShop.OpenQuietAsync(running);
        await using var visit = await Visit.SignedInAsync(running, shop.Key, to: $"/clusters/{shop.Id}/live");
        var page = visit.Page;
        await page.GetByText("New events appear by themselves.").WaitForAsync();
        var rows = page.Locator("ol.events li");
        var before = await rows.CountAsync();
        await shop.ClickNowAsync("live one");
        await Assertions.Expect(rows).ToHaveCountAsync(before + 1);
        await page.Locator("ol.events").HoverAsync();
        await shop.ClickNowAsync("live two");
        await page.GetByText("Held while you point at the list; 1 new.").WaitForAsync();
        Assert.Equal(before + 1, await rows.CountAsync());
        await page.Mouse.MoveAsync(1, 1);
        await page.GetByText("New events appear by themselves.").WaitForAsync();
    }

    [Fact]
    public async Task A_live_event_stored_between_the_page_and_its_stream_is_shown_once()
    {
        var shop = await SomeShop.OpenQuietAsync(running);
        await using var visit = await Visit.SignedInAsync(running, shop.Key);
        var page = visit.Page;
        var counted = new TaskCompletionSource();
        await page.RouteAsync("**/live/stream*", async route =>
        {
            await counted.Task;
            await shop.ClickNowAsync("between page and stream");
            await route.ContinueAsync();
        });
        await page.GotoAsync($"/clusters/{shop.Id}/live");
        var drawn = await page.Locator("ol.events li").CountAsync();
        counted.TrySetResult();
        await Assertions.Expect(page.Locator("ol.events li")).Not.ToHaveCountAsync(drawn);
        Assert.True(await page.EvaluateAsync<bool>(
            "(ids => new Set(ids).size === ids.length)"
            + "([...document.querySelectorAll('ol.events li')].map(row => row.dataset.id))"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_key_is_shown_once_and_revoked_by_a_form(bool scripts)
    {
        var (cluster, key) = await running.CreateClusterAsync($"Own keys {Guid.NewGuid()}");
        await using var visit = await Visit.SignedInAsync(
            running, key, new Reader(Scripts: scripts), $"/clusters/{cluster}/api-keys");
        var page = visit.Page;
        await page.GetByRole(AriaRole.Button, new() { Name = "Make a key" }).ClickAsync();
        await page.GetByRole(AriaRole.Alert).WaitForAsync();
        await page.GetByLabel("Name").FillAsync("MTA in Porto");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make a key" }).ClickAsync();
        await page.GetByText("shown this once").WaitForAsync();
        var secret = await page.Locator(".new-key code").TextContentAsync();
        Assert.Matches("^trk_[0-9a-z]{32}$", secret);
        await page.GotoAsync($"/clusters/{cluster}/api-keys");
        Assert.DoesNotContain(secret!, await page.ContentAsync());

        await page.Locator("tr", new() { HasText = "MTA in Porto" }).GetByText("Revoke…").ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Revoke now: MTA in Porto" }).ClickAsync();
        await page.GetByText("The key is revoked.").WaitForAsync();
        Assert.Equal(0, await page.GetByText("MTA in Porto").CountAsync() - 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Settings_are_kept_and_a_wrong_one_is_told_beside_its_field(bool scripts)
    {
        var (cluster, key) = await running.CreateClusterAsync($"Settings {Guid.NewGuid()}", isTracking: false);
        await using var visit = await Visit.SignedInAsync(
            running, key, new Reader(Scripts: scripts), $"/clusters/{cluster}");
        var page = visit.Page;
        await page.GetByRole(AriaRole.Link, new() { Name = "Open the settings" }).ClickAsync();
        await page.GetByLabel("Track clicks").CheckAsync();
        await page.GetByLabel("Months that events are kept").FillAsync("999");
        await page.GetByLabel("Of addresses").SelectOptionAsync("None");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await page.GetByText("months from 1 to 120").WaitForAsync();
        Assert.True(await page.GetByLabel("Track clicks").IsCheckedAsync());
        Assert.Equal("999", await page.GetByLabel("Months that events are kept").InputValueAsync());
        await page.GetByLabel("Months that events are kept").FillAsync("24");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await page.GetByText("Saved.").WaitForAsync();
        Assert.True(await page.GetByLabel("Track clicks").IsCheckedAsync());
        Assert.Equal("None", await page.GetByLabel("Of addresses").InputValueAsync());
        await page.GotoAsync($"/clusters/{cluster}/audit-log");
        await page.GetByText("change cluster").First.WaitForAsync();
    }

    [Fact]
    public async Task Texts_of_tenants_are_shown_as_plain_text()
    {
        await using var visit = await Visit.SignedInAsync(running, running.Server.AdminKey, Reader.Phone);
        var page = visit.Page;
        var hostile = await running.Shop.AddHostileAsync();
        page.Dialog += (_, _) => Assert.Fail("A script ran.");
        foreach (var path in new[]
        {
            $"/clusters/{hostile.Id}", $"/clusters/{hostile.Id}/live", $"/clusters/{hostile.Id}/messages",
            $"/clusters/{hostile.Id}/messages/{hostile.Message}", $"/clusters/{hostile.Id}/api-keys",
            $"/clusters/{hostile.Id}/settings", $"/clusters/{hostile.Id}/audit-log",
            $"/clusters/{hostile.Id}?tag={Uri.EscapeDataString(SomeShop.Hostile)}",
            $"/clusters/{hostile.Id}/messages?q={Uri.EscapeDataString(SomeShop.Hostile)}",
        })
        {
            Assert.Equal(200, (await page.GotoAsync(path))!.Status);
            await visit.PictureAsync("hostile-" + path.Length);
            Assert.Equal("", await page.EvaluateAsync<string>(
                "[...document.querySelectorAll('script:not([src]), img, iframe, [onerror], [onload]')]"
                + ".map(one => one.outerHTML.slice(0, 200)).join('\\n')"));
            Assert.Contains("<script>", await page.Locator("body").InnerTextAsync() + await page.Locator("body").InnerHTMLAsync());
            await visit.AssertFitsAsync();
        }
    }
}
