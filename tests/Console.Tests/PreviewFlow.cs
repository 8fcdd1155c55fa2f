using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using Tracking.Management.Console.Texts;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Servers;

namespace Tracking.Console.Tests;

/// <summary>The preview: what the rewriting of a message would change.</summary>
public sealed class PreviewFlow(Running running)
{
    private static readonly string _letter = Path.Combine(
        BuiltPrograms.Repository, "tests", "Newsletters", "shop-alternative-quoted-printable.eml");

    private const string Small =
        """
        From: news@harbour.example.org
        To: anna@example.com
        Subject: A lamp
        MIME-Version: 1.0
        Content-Type: text/html; charset=utf-8

        <p>Look: <a href="https://shop.example.net/lamp">https://shop.example.net/lamp</a>
        or <a href="mailto:shop@example.org">write to us</a>. <b>Ünïcode</b></p><script>alert(1)</script>
        """;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_pasted_message_is_shown_before_and_after(bool scripts)
    {
        await using var visit = await Visit.SignedInAsync(
            running, running.Shop.Key, new Reader(Scripts: scripts), $"/clusters/{running.Shop.Id}/preview");
        var page = visit.Page;
        page.Dialog += (_, _) => Assert.Fail("A script ran.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Show what it becomes" }).ClickAsync();
        await page.GetByText("Paste a message, or choose a file.").WaitForAsync();

        await page.GetByLabel("The message, as its source").FillAsync(Small);
        await page.GetByRole(AriaRole.Button, new() { Name = "Show what it becomes" }).ClickAsync();
        await page.GetByText("1 of 2 links lead over").WaitForAsync();
        await page.GetByText("There is no plain text part.").WaitForAsync();
        await page.GetByText("A link shows a URL").WaitForAsync();
        await page.GetByText("Plain: neither http nor https").WaitForAsync();
        Assert.Equal("https://shop.example.net/lamp", await page.Locator("pre del").First.TextContentAsync());
        Assert.Contains("/c/", await page.Locator("pre ins").First.TextContentAsync());
        Assert.Contains("Ünïcode", await page.Locator("pre").Last.TextContentAsync());
        if (scripts)
        {
            await visit.AssertAccessibleAsync();
        }
    }

    [Theory]
    [InlineData("light")]
    [InlineData("dark")]
    [InlineData("phone")]
    [InlineData("forced")]
    public async Task A_newsletter_as_a_file_is_read_by_everybody(string name)
    {
        var reader = name switch
        {
            "dark" => Reader.Dark,
            "phone" => Reader.Phone,
            "forced" => Reader.ForcedColours,
            _ => Reader.Usual,
        };
        await using var visit = await Visit.SignedInAsync(
            running, running.Shop.Key, reader, $"/clusters/{running.Shop.Id}/preview");
        await visit.Page.GetByLabel("Or a file").SetInputFilesAsync(_letter);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Show what it becomes" }).ClickAsync();
        await visit.Page.GetByText("and opens are counted.").WaitForAsync();
        await visit.Page.GetByText("Plain: it unsubscribes").First.WaitForAsync();
        await visit.PictureAsync($"preview-{name}");
        await visit.AssertAccessibleAsync();
        await visit.AssertFitsAsync();
    }

    [Fact]
    public async Task The_API_gives_the_same_preview_and_registers_nothing()
    {
        var (cluster, key) = await running.CreateClusterAsync($"Preview {Guid.NewGuid()}");
        using var api = running.Client(key);
        using var answer = await api.PostAsync($"/api/v1/clusters/{cluster}/preview", Mail(Small), Cancelled);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var preview = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancelled))!;
        Assert.Equal(1, (int)preview["trackedLinks"]!);
        Assert.Equal(["tracked", "not-http"], preview["links"]!.AsArray().Select(link => (string)link!["decision"]!));
        Assert.Contains("no-text-part", preview["warnings"]!.AsArray().Select(warning => (string)warning!));

        // Links of a preview do not work, because their key is thrown away.
        var after = (string)preview["parts"]![1]!["after"]!;
        var link = after[after.IndexOf("http", StringComparison.Ordinal)..];
        link = link[..link.IndexOf('"')];
        using var edge = new HttpClient { BaseAddress = running.Server.Edge };
        using var click = new HttpRequestMessage(HttpMethod.Get, new Uri(link).AbsolutePath)
        {
            Headers = { Host = new Uri(link).Authority },
        };
        using var refused = await edge.SendAsync(click, Cancelled);
        Assert.True((int)refused.StatusCode is >= 400 and < 500, $"{link} answered {refused.StatusCode}.");
        Assert.Empty(
            JsonNode.Parse(await api.GetStringAsync($"/api/v1/clusters/{cluster}/messages", Cancelled))!["items"]!
            .AsArray());
    }

    [Fact]
    public async Task A_preview_of_a_too_large_or_invalid_message_is_refused()
    {
        using var api = running.Client(running.Shop.Key);
        using var large = await api.PostAsync(
            $"/api/v1/clusters/{running.Shop.Id}/preview", Mail(new string('x', (1024 * 1024) + 1)), Cancelled);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
        using var json = new StringContent("{}", Encoding.UTF8, "application/json");
        using var other = await api.PostAsync($"/api/v1/clusters/{running.Shop.Id}/preview", json, Cancelled);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, other.StatusCode);
    }

    [Fact]
    public void Every_word_of_a_decision_has_words_for_people()
    {
        Assert.All(Enum.GetValues<LinkDecision>(), decision =>
            Assert.NotEqual(WireWords.Of(decision).Replace('-', ' '), Words.Preview.Decision(WireWords.Of(decision))));
        // The other reasons occur only for messages in a queue, which have no preview.
        Assert.All(Enum.GetValues<Untouched>().Where(reason => reason < Untouched.NoCluster), reason =>
            Assert.NotEqual(WireWords.Of(reason).Replace('-', ' '), Words.Preview.Untouched(WireWords.Of(reason))));
    }

    private static ByteArrayContent Mail(string text) => new(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\r\n")))
    {
        Headers = { ContentType = new MediaTypeHeaderValue("message/rfc822") },
    };
}
