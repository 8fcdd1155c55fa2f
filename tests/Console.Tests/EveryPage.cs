using Microsoft.Playwright;

namespace Tracking.Console.Tests;

/// <summary>Every page in every form of display.</summary>
public sealed class EveryPage(Running running)
{
    private static readonly (string Name, Reader Reader)[] _readers =
    [
        ("light", Reader.Usual), ("dark", Reader.Dark), ("phone", Reader.Phone),
        ("plain", Reader.WithoutScripts), ("forced", Reader.ForcedColours), ("zoomed", Reader.Zoomed),
        ("printed", Reader.OnPaper),
    ];

    private IEnumerable<(string Name, string Path)> Pages
    {
        get
        {
            var shop = $"/clusters/{running.Shop.Id}";
            return
            [
                ("clusters", "/clusters"), ("add-cluster", "/clusters/add"), ("admin-keys", "/admin-keys"),
                ("overview", shop), ("overview-filtered", $"{shop}?period=month&tag=shop&who=all"),
                ("live", $"{shop}/live"), ("messages", $"{shop}/messages"),
                ("message", $"{shop}/messages/{running.Shop.Message}"),
                ("preview", $"{shop}/preview"),
                ("domains", $"{shop}/tracking-domains"), ("add-domain", $"{shop}/tracking-domains/add"),
                ("domain-active", $"{shop}/tracking-domains/track.harbour.example.org"),
                ("domain-warned", $"{shop}/tracking-domains/news.harbour.example.org"),
                ("domain-pending", $"{shop}/tracking-domains/links.harbour.example.org"),
                ("domain-delete", $"{shop}/tracking-domains/track.harbour.example.org/delete"),
                ("certificate", $"{shop}/tracking-domains/track.harbour.example.org/certificate"),
                ("services", "/services"),
                ("webhooks", $"{shop}/webhooks"), ("webhook", $"{shop}/webhooks/{running.Shop.Webhook}"),
                ("repairs", $"{shop}/repairs"), ("withdrawals", $"{shop}/withdrawals"),
                ("blocked", "/blocked-destinations"),
                ("keys", $"{shop}/api-keys"), ("settings", $"{shop}/settings"), ("audit-log", $"{shop}/audit-log"),
            ];
        }
    }

    [Theory]
    [InlineData("light")]
    [InlineData("dark")]
    [InlineData("phone")]
    [InlineData("plain")]
    [InlineData("forced")]
    [InlineData("zoomed")]
    [InlineData("printed")]
    public async Task Every_page_can_be_read_by_everybody(string name)
    {
        var reader = _readers.Single(one => one.Name == name).Reader;
        await using var visit = await Visit.BeginAsync(running, reader);
        await visit.Page.GotoAsync("/");
        await visit.PictureAsync($"sign-in-{name}");
        if (reader.Scripts)
        {
            await visit.AssertAccessibleAsync();
        }

        await visit.SignInAsync(running.Server.AdminKey);
        if (name == "phone")
        {
            // The page with larger text too.
            await visit.Page.GotoAsync($"/clusters/{running.Shop.Id}");
            await visit.AssertAccessibleAsync();
        }

        await visit.Page.EmulateMediaAsync(new() { Media = reader.Prints ? Media.Print : Media.Screen });
        foreach (var (page, path) in Pages)
        {
            var answer = await visit.Page.GotoAsync(path);
            Assert.True(answer!.Status == 200, $"{path} {answer.Status} {running.Server.Output}");
            await visit.PictureAsync($"{page}-{name}");
            // The HTML is the same for all readers. Only colours or layout differ.
            switch (name)
            {
                case "light":
                    await visit.AssertAccessibleAsync();
                    break;
                case "dark":
                    await visit.AssertAccessibleAsync("color-contrast");
                    break;
                case "phone":
                    await visit.AssertAccessibleAsync("target-size", "scrollable-region-focusable");
                    break;
            }

            if (reader.Scripts)
            {
                await visit.AssertFitsAsync();
            }

            if (reader.Prints)
            {
                Assert.Equal(0, await visit.Page.Locator("nav, .button, .filters").Filter(new() { Visible = true }).CountAsync());
            }
        }
    }
}
