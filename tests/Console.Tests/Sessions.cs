using System.Net;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Components;
using Microsoft.Playwright;
using Tracking.Management.Console;
using Tracking.Management.Console.Session;
using Tracking.Servers;

namespace Tracking.Console.Tests;

/// <summary>Sign-in, the rights of a session, and its end.</summary>
public sealed partial class Sessions(Running running)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_key_that_does_not_work_is_refused_beside_its_field(bool scripts)
    {
        await using var visit = await Visit.BeginAsync(running, new Reader(Scripts: scripts));
        await visit.Page.GotoAsync("/");
        await visit.Page.GetByLabel("API key").FillAsync("trk_00000000000000000000000000000000");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await visit.Page.GetByText("This key does not work here").WaitForAsync();
        Assert.Equal("true", await visit.Page.GetByLabel("API key").GetAttributeAsync("aria-invalid"));
        Assert.DoesNotContain("trk_", visit.Page.Url);
    }

    [Fact]
    public async Task A_page_that_was_asked_for_comes_after_signing_in()
    {
        await using var visit = await Visit.SignedInAsync(
            running, running.Shop.Key, to: $"/clusters/{running.Shop.Id}/messages?tag=shop");
        Assert.EndsWith("/messages?tag=shop", visit.Page.Url);
        await visit.Page.GetByRole(AriaRole.Heading, new() { Name = "Messages" }).WaitForAsync();
    }

    [Fact]
    public async Task A_session_leads_to_no_other_site()
    {
        await using var visit = await Visit.SignedInAsync(
            running, running.Shop.Key, to: "/sign-in?to=//elsewhere.example/");
        Assert.StartsWith(running.Server.Api.ToString(), visit.Page.Url);
    }

    [Fact]
    public async Task A_cluster_sees_nothing_of_another()
    {
        var (other, _) = await running.CreateClusterAsync($"Other {Guid.NewGuid()}");
        await using var visit = await Visit.SignedInAsync(running, running.Shop.Key);
        foreach (var path in new[]
        {
            "/clusters", "/clusters/add", "/admin-keys", $"/clusters/{other}", $"/clusters/{other}/messages",
            $"/clusters/{other}/api-keys", $"/clusters/{other}/settings", $"/clusters/{other}/live/stream",
        })
        {
            var answer = await visit.Page.GotoAsync(path);
            Assert.True(answer!.Status == 404, $"{path} answered {answer.Status}.");
        }
    }

    [Fact]
    public async Task A_missing_page_is_answered_with_a_page_for_people()
    {
        await using var visit = await Visit.SignedInAsync(running, running.Shop.Key);
        foreach (var path in new[]
        {
            "/nothing", $"/clusters/{running.Shop.Id}/nothing", $"/clusters/{running.Shop.Id}/messages/nothing",
            $"/clusters/{running.Shop.Id}/tracking-domains/no.such.example.org",
            $"/clusters/{running.Shop.Id}/tracking-domains/no.such.example.org/delete",
        })
        {
            var answer = await visit.Page.GotoAsync(path);
            Assert.True(answer!.Status == 404, $"{path} answered {answer.Status}.");
            await visit.Page.GetByRole(AriaRole.Heading, new() { Name = "There is nothing here" }).WaitForAsync();
            Assert.Equal(SendSecurityHeaders.Policy, answer.Headers["content-security-policy"]);
        }

        await visit.AssertAccessibleAsync();
    }

    [Fact]
    public async Task A_revoked_key_ends_its_sessions_within_five_seconds()
    {
        var (cluster, _) = await running.CreateClusterAsync($"Revoked {Guid.NewGuid()}");
        var key = await running.PostAsync($"/api/v1/clusters/{cluster}/api-keys", new { name = "short" });
        await using var visit = await Visit.SignedInAsync(
            running, (string)key["secret"]!, to: $"/clusters/{cluster}/live");
        using var revoked = await running.Admin.DeleteAsync($"/api/v1/clusters/{cluster}/api-keys/{key["id"]}", Cancelled);
        Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);

        await visit.Page.GetByText("Ended.").WaitForAsync();
        await visit.Page.GotoAsync($"/clusters/{cluster}");
        Assert.Contains("/sign-in", visit.Page.Url);
    }

    [Fact]
    public async Task Signing_out_ends_the_session()
    {
        await using var visit = await Visit.SignedInAsync(running, running.Shop.Key);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await visit.Page.GetByRole(AriaRole.Heading, new() { Name = "Sign in" }).WaitForAsync();
        await visit.Page.GotoAsync($"/clusters/{running.Shop.Id}");
        Assert.Contains("/sign-in", visit.Page.Url);
    }

    [Fact]
    public async Task A_session_goes_on_at_another_copy()
    {
        using var home = new TemporaryFolder();
        using var other = new ServiceProcess("Management", "another copy", home.Path, new Dictionary<string, string>
        {
            ["ConnectionStrings__tracking"] = running.Server.DatabaseConnection,
            ["Tracking__MasterKeyFile"] = Path.Combine(running.Server.DataFolder, "master.key"),
        });
        await other.StartAsync(Cancelled);
        await using var visit = await Visit.SignedInAsync(running, running.Shop.Key);

        // Cookies do not depend on the port, so the browser sends them to the other copy too.
        await visit.Page.GotoAsync(new Uri(other.Address, $"/clusters/{running.Shop.Id}/api-keys").ToString());
        await visit.Page.GetByLabel("Name").FillAsync("made at the other copy");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Make a key" }).ClickAsync();
        await visit.Page.GetByText("shown this once").WaitForAsync();
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "same-site", HttpStatusCode.Forbidden)]
    [InlineData("Origin", "https://elsewhere.example", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "same-origin", HttpStatusCode.BadRequest)]
    public async Task A_form_of_another_site_or_without_its_token_is_refused(
        string header, string value, HttpStatusCode expected)
    {
        using var client = new HttpClient { BaseAddress = running.Server.Api };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/sign-in")
        {
            Headers = { { header, value }, { "Accept", "text/html" } },
            Content = new FormUrlEncodedContent([new("_handler", "sign-in"), new("Key", running.Shop.Key)]),
        };
        using var answer = await client.SendAsync(request, Cancelled);
        Assert.Equal(expected, answer.StatusCode);
        Assert.DoesNotContain("tracking=", answer.Headers.TryGetValues("Set-Cookie", out var set) ? string.Join(';', set) : "");
    }

    [Theory]
    [InlineData("GET", "/")]
    [InlineData("GET", "/sign-in")]
    [InlineData("GET", "/nothing/here")]
    [InlineData("POST", "/nothing/here")]
    [InlineData("POST", "/sign-out")]
    [InlineData("GET", "/assets/0/console.css")]
    [InlineData("GET", "/clusters/00000/live/stream")]
    [InlineData("GET", "/api/v1/clusters")]
    [InlineData("GET", "/api/v1/nothing")]
    [InlineData("PUT", "/api/v1/clusters")]
    [InlineData("GET", "/openapi/v1.json")]
    [InlineData("GET", "/health/ready")]
    public async Task Every_answer_says_what_browsers_may_do_with_it(string method, string path)
    {
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false })
        {
            BaseAddress = running.Server.Api,
        };
        foreach (var accept in new[] { "text/html", "*/*" })
        {
            using var request =
                new HttpRequestMessage(new HttpMethod(method), path) { Headers = { { "Accept", accept } } };
            using var answer = await client.SendAsync(request, Cancelled);
            Assert.Equal(SendSecurityHeaders.Policy, answer.Headers.GetValues("Content-Security-Policy").Single());
            Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.DoesNotContain("unsafe", SendSecurityHeaders.Policy);
            Assert.True((int)answer.StatusCode < 500, $"{path} answered {answer.StatusCode}.");
        }
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/sign-in")]
    [InlineData("/clusters")]
    [InlineData("/nothing/here")]
    [InlineData("/assets/0/console.css")]
    public async Task A_question_without_the_content_is_answered_as_one_with_it(string path)
    {
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false })
        {
            BaseAddress = running.Server.Api,
        };
        using var get = await client.GetAsync(new Uri(path, UriKind.Relative), Cancelled);
        using var request = new HttpRequestMessage(HttpMethod.Head, path);
        using var head = await client.SendAsync(request, Cancelled);
        Assert.Equal(get.StatusCode, head.StatusCode);
        Assert.Equal(get.Headers.Location, head.Headers.Location);
        Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync(Cancelled));
    }

    [Fact]
    public async Task Every_route_says_what_browsers_may_do_with_its_answer()
    {
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false })
        {
            BaseAddress = running.Server.Api,
        };
        var described = JsonNode.Parse(await client.GetStringAsync("/openapi/v1.json", Cancelled))!["paths"]!.AsObject()
            .SelectMany(path => path.Value!.AsObject().Select(
                method => (Method: method.Key.ToUpperInvariant(), Path: path.Key)));
        var pages = typeof(ConsoleOptions).Assembly.GetTypes()
            .SelectMany(type => type.GetCustomAttributes<RouteAttribute>())
            .Select(route => (Method: "GET", Path: route.Template));
        var routes = described.Concat(pages).ToList();
        Assert.True(routes.Count > 40, $"Only {routes.Count} routes are known.");
        foreach (var (method, path) in routes)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), Parameter().Replace(path, "x"));
            using var answer = await client.SendAsync(request, Cancelled);
            Assert.True(
                answer.Headers.TryGetValues("Content-Security-Policy", out var policy)
                && policy.Single() == SendSecurityHeaders.Policy, $"{method} {path} has another policy.");
            Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.True((int)answer.StatusCode < 500, $"{method} {path} answered {answer.StatusCode}.");
        }
    }

    [Fact]
    public void Every_page_says_whom_it_is_for()
    {
        var pages = typeof(ConsoleOptions).Assembly.GetTypes()
            .Where(type => type.GetCustomAttributes<RouteAttribute>().Any()).ToList();
        Assert.NotEmpty(pages);
        Assert.All(pages, page =>
        {
            var access = page.GetCustomAttribute<PageForAttribute>()?.Access;
            var isOfCluster = page.GetCustomAttribute<RouteAttribute>()!.Template.Contains(
                "{cluster}", StringComparison.Ordinal);
            Assert.True(access is not null && isOfCluster == (access == PageAccess.Cluster), page.Name);
        });
    }

    [GeneratedRegex("[{][^}]*[}]")]
    private static partial Regex Parameter();
}
