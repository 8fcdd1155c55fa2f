using Microsoft.Playwright;
using Tracking.Pictures;
using Tracking.Servers;

// Starts the whole system, sends a message and a click through it, and takes pictures of what the dashboard shows of
// them. Every picture is taken when the page shows what it is to show.

if (args is not [var chromium, var folder])
{
    Console.Error.WriteLine("Takes a browser and a folder: eng/make-pictures");
    return 2;
}

using var home = new TemporaryFolder();
using var data = new TemporaryFolder();
using var stop = new CancellationTokenSource(TimeSpan.FromMinutes(15));
using (var appHost = await AppHostProcess.LaunchAsync(home.Path, data.Path, FreePort.Take(1)[0]))
{
    Console.WriteLine("Starting everything ...");
    await appHost.UntilReadyAsync(stop.Token);
    var message = await SendMail.AndClickAsync(appHost.Gateway, home.Path, stop.Token);
    var click = await FindTrace.LinkedToAsync(message, appHost.Dashboard, stop.Token);

    using var playwright = await Playwright.CreateAsync();
    await using var browser = await playwright.Chromium.LaunchAsync(
        new() { ExecutablePath = chromium, Args = ["--no-sandbox"] });
    var page = await browser.NewPageAsync(new() { ViewportSize = new() { Width = 1440, Height = 1060 } });
    Directory.CreateDirectory(folder);
    await TakeAsync(page, "", "gateway", "dashboard-resources");
    await TakeAsync(page, $"traces/detail/{message}", "register message", "dashboard-message");
    await TakeAsync(page, $"traces/detail/{click}", "store event", "dashboard-click");

    await appHost.InterruptAsync(stop.Token);

    // The dashboard's own notices about certificates and open ports of a developer's machine, closed as a reader closes
    // them.
    static async Task CloseNoticesAsync(IPage page)
    {
        var notices = page.Locator(".dashboard-message-bar-dismiss");
        for (var left = await notices.CountAsync(); left > 0; left--)
        {
            await notices.First.ClickAsync();
            await Assertions.Expect(notices).ToHaveCountAsync(left - 1);
        }
    }

    async Task TakeAsync(IPage page, string path, string shown, string name)
    {
        await page.GotoAsync(new Uri(appHost.Dashboard, path).ToString());
        await page.GetByText(shown).First.WaitForAsync(new() { Timeout = 60_000 });
        await page.WaitForLoadStateAsync(LoadState.NetworkIdle);
        await CloseNoticesAsync(page);
        var file = Path.Combine(folder, $"{name}.png");
        await page.ScreenshotAsync(new() { Path = file });
        Console.WriteLine($"{file}: {new FileInfo(file).Length / 1024} KiB");
    }
}

await Eventually.HoldsAsync(
    () => ProcessesOf.Variable("HOME", home.Path).Count == 0, "all has ended", CancellationToken.None);
return 0;
