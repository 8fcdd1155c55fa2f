using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Tracking.Management;
using Tracking.ServiceDefaults;

namespace Tracking.Console.Tests;

/// <summary>The cost of a page: database statements and transferred bytes.</summary>
public sealed partial class PageCosts(Running running)
{
    // The compressed bytes of page, style sheet and scripts.
    private const int FirstVisit = 60_000;

    // The bytes of a page when the browser has the files in its cache.
    private const int LaterPage = 15_000;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    // The number of statements per page. A change must be a deliberate decision; one statement per row would be a bug.
    private static readonly Dictionary<string, int> _statements = new()
    {
        [""] = 10,
        ["/live"] = 2,
        ["/messages"] = 2,
        ["/messages/{message}"] = 5,
        ["/preview"] = 1,
        ["/tracking-domains"] = 4,
        ["/tracking-domains/add"] = 1,
        ["/tracking-domains/track.harbour.example.org"] = 4,
        ["/tracking-domains/track.harbour.example.org/certificate"] = 5,
        ["/tracking-domains/track.harbour.example.org/delete"] = 6,
        ["/webhooks"] = 2,
        ["/repairs"] = 2,
        ["/withdrawals"] = 2,
        ["/api-keys"] = 2,
        ["/settings"] = 3,
        ["/audit-log"] = 2,
    };

    [Fact]
    public async Task A_page_asks_the_database_as_often_as_is_written_down_here()
    {
        var asked = new ConcurrentQueue<(ActivityTraceId Trace, string Text)>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "Npgsql" or "Microsoft.AspNetCore",
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.Source.Name == "Npgsql"
                    && activity.Tags.FirstOrDefault(tag => tag.Key is "db.query.text" or "db.statement").Value is { } text)
                {
                    asked.Enqueue((activity.TraceId, text));
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using var app = Console();
        await app.StartAsync(Cancelled);
        using var client = await SignInAsync(new Uri(app.Urls.Single()));
        var found = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var page in _statements.Keys)
        {
            var path = $"/clusters/{running.Shop.Id}{page.Replace("{message}", running.Shop.Message)}";
            var trace = ActivityTraceId.CreateRandom();
            foreach (var isCounted in new[] { false, true })
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, path);
                if (isCounted)
                {
                    request.Headers.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
                }

                using var answer = await client.SendAsync(request, Cancelled);
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                await answer.Content.ReadAsByteArrayAsync(Cancelled);
            }

            // The query for the session runs every few seconds and does not belong to the page.
            found[page] = asked.Count(one => one.Trace == trace
                && !one.Text.Contains("FROM management.api_keys k", StringComparison.Ordinal));
        }

        Assert.True(
            found.All(page => _statements[page.Key] == page.Value), $"It is now:\n{string.Join('\n', found)}");
        await app.StopAsync(Cancelled);
    }

    [Fact]
    public async Task A_first_visit_is_small_and_pages_after_it_smaller()
    {
        await using var app = Console();
        await app.StartAsync(Cancelled);
        using var client = await SignInAsync(new Uri(app.Urls.Single()));
        const string First = "/sign-in";
        using var plain = new HttpRequestMessage(HttpMethod.Get, First);
        plain.Headers.Add("Accept-Encoding", "identity");
        using var readable = await client.SendAsync(plain, Cancelled);
        var assets = Asset().Matches(await readable.Content.ReadAsStringAsync(Cancelled)).Select(match => match.Value);
        var sizes = new Dictionary<string, int>();
        var pages = _statements.Keys.Select(
            page => $"/clusters/{running.Shop.Id}{page.Replace("{message}", running.Shop.Message)}").ToList();
        foreach (var address in assets.Distinct().Prepend(First).Concat(pages))
        {
            using var request =
                new HttpRequestMessage(HttpMethod.Get, address) { Headers = { { "Accept-Encoding", "br" } } };
            using var answer = await client.SendAsync(request, Cancelled);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            sizes[address] = (await answer.Content.ReadAsByteArrayAsync(Cancelled)).Length;
        }

        // Browsers cache the files for ever, because their names contain a hash of their content.
        var first = sizes.Where(one => !pages.Contains(one.Key)).ToList();
        Assert.True(first.Count >= 4, $"Only {string.Join(", ", first)} is there.");
        Assert.True(first.Sum(one => one.Value) < FirstVisit, $"{string.Join(", ", first)}");
        Assert.All(pages, page => Assert.True(sizes[page] < LaterPage, $"{page}: {sizes[page]}"));
        await app.StopAsync(Cancelled);
    }

    // The console in this process, so that its statements can be counted.
    private WebApplication Console()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = running.Server.DatabaseConnection,
            ["Tracking:MasterKeyFile"] = Path.Combine(running.Server.DataFolder, "master.key"),
            ["Tracking:Management:TimeShare"] = "100",
        });
        builder.AddServiceDefaults();
        builder.AddManagement();
        var app = builder.Build();
        app.MapServiceDefaults();
        app.MapManagement();
        return app;
    }

    private async Task<HttpClient> SignInAsync(Uri console)
    {
        var client = new HttpClient(new HttpClientHandler { CookieContainer = new CookieContainer() })
        {
            BaseAddress = console,
        };
        client.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        var form = await client.GetStringAsync(new Uri("/sign-in", UriKind.Relative), Cancelled);
        using var answer = await client.PostAsync(
            "/sign-in",
            new FormUrlEncodedContent(
            [
                new("_handler", "sign-in"), new("Key", running.Shop.Key),
                new("__RequestVerificationToken", Token().Match(form).Groups[1].Value),
            ]),
            Cancelled);
        Assert.DoesNotContain("/sign-in", answer.RequestMessage!.RequestUri!.ToString());
        return client;
    }

    [GeneratedRegex("""name="__RequestVerificationToken" value="([^"]+)""")]
    private static partial Regex Token();

    [GeneratedRegex("/assets/[0-9a-f]+/[^\"]+")]
    private static partial Regex Asset();
}
