using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Tracking.Links;
using Tracking.Management.ClickMaps;
using Tracking.Servers;

namespace Tracking.Console.Tests;

/// <summary>The mail on a message's page, with each link's share of the clicks.</summary>
public sealed class ClickMaps(Running running)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_mail_is_shown_with_the_clicks_of_all_who_got_the_same()
    {
        var (cluster, key) = await CreateAsync(keepHtmlDays: 30);
        const string Body =
            "<h1>Autumn is here</h1><p>Wool, cut to last ten winters.</p>"
            + "<p><a href=\"https://shop.example.org/coats\">See the coats</a></p>"
            + "<p><a href=\"https://shop.example.org/sizes\">Size guide</a></p>";
        var first = await RewriteAsync(cluster, key, Body, "anna@example.com");
        var second = await RewriteAsync(cluster, key, Body, "tom@example.com");
        await ClickAsync((string)first["links"]![0]!["trackedUrl"]!);
        await ClickAsync((string)second["links"]![0]!["trackedUrl"]!);
        await ClickAsync((string)second["links"]![0]!["trackedUrl"]!);
        await ClickAsync((string)second["links"]![1]!["trackedUrl"]!);
        await using var visit = await Visit.SignedInAsync(running, key);
        await UntilKeptAsync(cluster, 2);
        var page = visit.Page;
        await Eventually.HoldsAsync(
            async () => (await page.APIRequest.GetAsync($"/clusters/{cluster}/messages/{first["messageId"]}/mail"))
                is { Ok: true } mail && (await mail.TextAsync()).Contains("75 %", StringComparison.Ordinal),
            "the clicks are on the map",
            Cancelled);

        await page.GotoAsync($"/clusters/{cluster}/messages/{first["messageId"]}");
        var frame = page.FrameLocator("iframe.mail");
        await frame.GetByText("See the coats").WaitForAsync();
        Assert.Equal(["75 %", "25 %"], await frame.Locator(".tracking-share").AllTextContentsAsync());
        await visit.PictureAsync("click-map-light");
        await visit.AssertFitsAsync();

        // One row for both messages, because the stored HTML contains no personal data.
        await using var count = running.Database.CreateCommand("SELECT count(*) FROM rewrite.bodies WHERE cluster_id = $1");
        _ = ClusterId.TryParse(cluster, out var id);
        count.Parameters.Add(new() { Value = id.Value });
        Assert.Equal(1L, await count.ExecuteScalarAsync(Cancelled));
    }

    [Fact]
    public async Task No_HTML_is_stored_unless_the_settings_say_so()
    {
        var (cluster, key) = await CreateAsync(keepHtmlDays: 0);
        var message = await RewriteAsync(
            cluster, key, "<a href=\"https://shop.example.org/\">x</a>", "anna@example.com");
        var (other, otherKey) = await CreateAsync(keepHtmlDays: 1);
        await RewriteAsync(other, otherKey, "<a href=\"https://shop.example.org/\">x</a>", "anna@example.com");
        await UntilKeptAsync(other, 1);
        await UntilKeptAsync(cluster, 0);
        await using var visit = await Visit.SignedInAsync(
            running, key, to: $"/clusters/{cluster}/messages/{message["messageId"]}");
        await visit.Page.GetByText("The mail itself is not kept.").WaitForAsync();
        var mail = await visit.Page.APIRequest.GetAsync($"/clusters/{cluster}/messages/{message["messageId"]}/mail");
        Assert.Equal(404, mail.Status);
        var foreign = await visit.Page.APIRequest.GetAsync($"/clusters/{other}/messages/{message["messageId"]}/mail");
        Assert.Equal(404, foreign.Status);
    }

    [Fact]
    public async Task Hostile_mail_runs_nothing_loads_nothing_and_leads_nowhere()
    {
        var (cluster, key) = await CreateAsync(keepHtmlDays: 1);
        var messages = new List<string>();
        foreach (var body in HostileMail.Bodies)
        {
            var report = await RewriteAsync(
                cluster, key, $"<a href=\"https://shop.example.org/{messages.Count}\">link</a>{body}", "anna@example.com");
            messages.Add((string)report["messageId"]!);
        }

        await UntilKeptAsync(cluster, messages.Count, atLeast: true);
        await using var visit = await Visit.SignedInAsync(running, key);
        var page = visit.Page;
        var asked = new List<string>();
        page.Dialog += (_, dialog) => asked.Add($"a dialog: {dialog.Message}");
        await page.RouteAsync("**/*", async route =>
        {
            if (new Uri(route.Request.Url).Authority != running.Server.Api.Authority)
            {
                asked.Add(route.Request.Url);
                await route.AbortAsync();
                return;
            }

            await route.ContinueAsync();
        });
        foreach (var (index, message) in messages.Index())
        {
            var address = $"/clusters/{cluster}/messages/{message}/mail";
            var answer = await page.GotoAsync(address);
            // Some bodies cannot be rewritten, so their HTML is not stored.
            if (answer!.Status == 404)
            {
                continue;
            }

            Assert.Equal(DrawClickMap.Policy, answer.Headers["content-security-policy"]);
            Assert.EndsWith(address, page.Url);
            Assert.True(asked.Count == 0, $"{HostileMail.Bodies[index]}: {string.Join(", ", asked)}");
        }

        await page.GotoAsync($"/clusters/{cluster}/messages/{messages[0]}");
        await page.FrameLocator("iframe.mail").GetByText("link").WaitForAsync();
        Assert.Empty(asked);
    }

    [Fact]
    public void Sanitised_hostile_mail_is_harmless_even_without_a_policy()
    {
        foreach (var body in HostileMail.Bodies)
        {
            var drawn = DrawClickMap.Draw(
                new ClickMap($"<html><body>{body}</body></html>", 1, new Dictionary<int, long>()));
            // Parsed again, as a browser does. The result is what a browser would run.
            using var read = new AngleSharp.Html.Parser.HtmlParser().ParseDocument(drawn);
            Assert.All(read.Body!.QuerySelectorAll("*"), element =>
            {
                Assert.DoesNotContain(
                    element.LocalName,
                    new[] { "script", "style", "link", "meta", "base", "iframe", "object", "embed", "form", "input", "svg", "math", "template", "noscript" });
                Assert.All(element.Attributes, attribute =>
                {
                    Assert.False(
                        attribute.Name.StartsWith("on", StringComparison.Ordinal), $"{body}: {attribute.Name}");
                    Assert.DoesNotContain(
                        attribute.Name, new[] { "href", "srcset", "background", "action", "ping", "data-place" });
                    Assert.True(
                        attribute.Name != "src" || attribute.Value.StartsWith("data:image/", StringComparison.Ordinal),
                        $"{body}: {attribute.Value}");
                    Assert.DoesNotContain("evil.example.net", attribute.Name == "title" ? "" : attribute.Value);
                    Assert.DoesNotContain("javascript:", attribute.Name == "title" ? "" : attribute.Value);
                });
            });
        }
    }

    private async Task<(string Id, string Key)> CreateAsync(int keepHtmlDays)
    {
        var created = await running.PostAsync(
            "/api/v1/clusters",
            new { name = $"Map {Guid.NewGuid()}", settings = new { trackClicks = true, trackOpens = true, keepHtmlDays } });
        var key = await running.PostAsync($"/api/v1/clusters/{created["id"]}/api-keys", new { name = "Console" });
        return ((string)created["id"]!, (string)key["secret"]!);
    }

    private async Task<JsonObject> RewriteAsync(string cluster, string key, string body, string recipient)
    {
        using var api = running.Client(key);
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(
            "From: news@harbour.example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
            + $"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body>{body}</body></html>\r\n"));
        content.Headers.ContentType = new MediaTypeHeaderValue("message/rfc822");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/clusters/{cluster}/rewrite?report=true")
        {
            Content = content,
            Headers = { { "tracking-recipient", recipient } },
        };
        using var answer = await api.SendAsync(request, Cancelled);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancelled))!.AsObject();
    }

    private async Task ClickAsync(string url)
    {
        using var edge = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false })
        {
            BaseAddress = running.Server.Edge,
        };
        using var click = new HttpRequestMessage(HttpMethod.Get, new Uri(url).PathAndQuery)
        {
            Headers = { Host = new Uri(url).Authority },
        };
        click.Headers.TryAddWithoutValidation(
            "User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        using var answer = await edge.SendAsync(click, Cancelled);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
    }

    private async Task UntilKeptAsync(string cluster, int messages, bool atLeast = false)
    {
        _ = ClusterId.TryParse(cluster, out var id);
        long last = -1;
        await Eventually.HoldsAsync(
            async () =>
            {
                await using var count = running.Database.CreateCommand(
                    "SELECT count(*) FROM rewrite.message_bodies WHERE cluster_id = $1");
                count.Parameters.Add(new() { Value = id.Value });
                var before = last;
                last = (long)(await count.ExecuteScalarAsync(Cancelled))!;
                // The HTML of some messages is not stored, so the count must only stop growing.
                return atLeast ? last > 0 && last == before : last == messages;
            },
            $"the HTML of {messages} messages is kept",
            Cancelled);
    }
}
