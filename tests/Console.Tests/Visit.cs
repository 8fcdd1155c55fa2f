using System.Collections.Concurrent;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Tracking.Console.Tests;

/// <summary>The display settings of a reader's browser.</summary>
public sealed record Reader(
    int Width = 1440, int Height = 900, ColorScheme Scheme = ColorScheme.Light, bool Scripts = true)
{
    public ForcedColors? Forced { get; init; }

    /// <summary>Whether pages are printed after the sign-in.</summary>
    public bool Prints { get; init; }

    public static readonly Reader Usual = new();

    public static readonly Reader Dark = new(Scheme: ColorScheme.Dark);

    public static readonly Reader Phone = new(320, 640);

    /// <summary>Colours that the reader's system sets, as Windows' contrast themes do.</summary>
    public static readonly Reader ForcedColours = new() { Forced = ForcedColors.Active };

    /// <summary>A small screen with everything twice as large.</summary>
    public static readonly Reader Zoomed = new(1280 / 2, 720 / 2);

    /// <summary>A4 at 96 dots an inch.</summary>
    public static readonly Reader OnPaper = new(794, 1123) { Prints = true };

    public static readonly Reader WithoutScripts = new(Scripts: false);
}

/// <summary>
/// A browser session of one test. Violations of the content security policy and exceptions of scripts fail the test at
/// the end.
/// </summary>
public sealed class Visit : IAsyncDisposable
{
    private readonly Running _running;
    private readonly IBrowserContext _context;
    private readonly ConcurrentQueue<string> _wrong = new();

    private Visit(Running running, IBrowserContext context) => (_running, _context) = (running, context);

    public IPage Page { get; private set; } = null!;

    /// <summary>The browser's cookies and storage.</summary>
    public IBrowserContext Context => _context;

    public static async Task<Visit> BeginAsync(Running running, Reader? reader = null, Uri? address = null)
    {
        reader ??= Reader.Usual;
        var context = await running.Browser.NewContextAsync(new()
        {
            ViewportSize = new() { Width = reader.Width, Height = reader.Height },
            ColorScheme = reader.Scheme,
            ForcedColors = reader.Forced,
            JavaScriptEnabled = reader.Scripts,
            ReducedMotion = ReducedMotion.Reduce,
            TimezoneId = "Europe/Lisbon",
            BaseURL = (address ?? running.Server.Api).ToString(),
        });
        // Long timeouts, because the machine may be building at the same time.
        context.SetDefaultTimeout(90_000);
        Assertions.SetDefaultExpectTimeout(90_000);
        var visit = new Visit(running, context);
        await context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);
        await context.AddInitScriptAsync(
            "addEventListener('securitypolicyviolation', e => console.error('securitypolicyviolation: '"
            + " + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample))");
        visit.Page = await context.NewPageAsync();
        visit.Page.Console += (_, message) =>
        {
            // A sandbox blocks this class's own script too.
            if (message.Type == "error" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal)
                && !message.Text.StartsWith("Blocked script execution", StringComparison.Ordinal))
            {
                visit._wrong.Enqueue(message.Text);
            }
        };
        visit.Page.PageError += (_, error) => visit._wrong.Enqueue(error);
        return visit;
    }

    public static async Task<Visit> SignedInAsync(Running running, string key, Reader? reader = null, string to = "/")
    {
        var visit = await BeginAsync(running, reader);
        await visit.SignInAsync(key, to);
        return visit;
    }

    public async Task SignInAsync(string key, string to = "/")
    {
        await Page.GotoAsync(to);
        await Page.GetByLabel("API key").FillAsync(key);
        await Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Page.WaitForURLAsync(url => !url.Contains("/sign-in", StringComparison.Ordinal));
    }

    /// <summary>Checks the accessibility of the page.</summary>
    /// <param name="rules">The rules of axe-core to check; none: all.</param>
    public async Task AssertAccessibleAsync(params string[] rules)
    {
        var found = await Page.RunAxe(new AxeRunOptions
        {
            // The rule of WCAG 2.2 is disabled by default.
            Rules = new Dictionary<string, RuleOptions> { ["target-size"] = new() { Enabled = true } },
            RunOnly = rules.Length == 0 ? null : new RunOnlyOptions { Type = "rule", Values = [.. rules] },
        });
        Assert.True(
            found.Violations.Length == 0,
            Page.Url + "\n" + string.Join('\n', found.Violations.Select(violation =>
                $"{violation.Id}: {violation.Help}\n  "
                + string.Join("\n  ", violation.Nodes.Take(5).Select(
                    node => node.Html + " " + string.Join(' ', node.Any.Select(check => check.Message)))))));
    }

    /// <summary>Checks that nothing is wider than the page.</summary>
    public async Task AssertFitsAsync()
    {
        var (inner, outer) = (
            await Page.EvaluateAsync<int>("document.documentElement.scrollWidth"),
            await Page.EvaluateAsync<int>("document.documentElement.clientWidth"));
        Assert.True(inner <= outer, $"{Page.Url} is {inner} pixels wide on a screen of {outer}.");
    }

    /// <summary>Stores a screenshot if screenshots are enabled.</summary>
    public async Task PictureAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("CONSOLE_PICTURES") is { Length: > 0 } folder)
        {
            await Page.ScreenshotAsync(new() { Path = Path.Combine(folder, name + ".png"), FullPage = true });
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        Assert.Empty(_wrong);
    }
}
