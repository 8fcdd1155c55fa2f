using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Tracking.ServiceDefaults.Tests;

namespace Tracking.Api.Tests;

public sealed class ProblemsTests
{
    [Fact]
    public async Task Every_member_of_RFC_9457_is_there()
    {
        await using var host = await TestHost.StartAsync(map: app =>
            app.MapGet("/x", () => Problems.NotFound("cluster", "abcde")));

        using var answer = await host.Client.GetAsync("/x", TestContext.Current.CancellationToken);
        var problem = await ReadAsync(answer);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
        Assert.Equal("urn:tracking:problem:not-found", problem.Type);
        Assert.Equal("Not found", problem.Title);
        Assert.Equal("There is no cluster 'abcde'.", problem.Detail);
        Assert.Equal(404, problem.Status);
        Assert.True(problem.Extensions.ContainsKey("traceId"));
    }

    [Fact]
    public async Task Each_wrong_value_is_named_with_what_it_was_and_what_it_takes()
    {
        await using var host = await TestHost.StartAsync(map: app => app.MapGet("/x", () => Problems.Invalid(
        [
            new("hostname", "got 'track', takes a host name of at least three labels."),
            new("name", "is missing, takes 1 to 100 characters."),
        ])));

        using var answer = await host.Client.GetAsync("/x", TestContext.Current.CancellationToken);
        var problem = await ReadAsync(answer);

        Assert.Equal((400, "urn:tracking:problem:invalid-value"), (problem.Status, problem.Type));
        Assert.Equal(
            "hostname: got 'track', takes a host name of at least three labels. "
            + "name: is missing, takes 1 to 100 characters.",
            problem.Detail);
        var errors = (JsonElement)problem.Extensions["errors"]!;
        Assert.Equal("hostname", errors[0].GetProperty("name").GetString());
        Assert.Equal("is missing, takes 1 to 100 characters.", errors[1].GetProperty("detail").GetString());
    }

    public static TheoryData<string, Problem, int> Made => new()
    {
        { "conflict", Problems.Conflict("The message id is taken by other bytes."), 409 },
        { "too-large", Problems.TooLarge("message", 26_214_400), 413 },
        { "unsupported-media-type", Problems.UnsupportedMediaType("text/html", "message/rfc822"), 415 },
        { "unauthorized", Problems.Unauthorized(keyGiven: true), 401 },
        { "forbidden", Problems.Forbidden("This takes an admin key."), 403 },
        { "unavailable", Problems.Unavailable("The database", TimeSpan.FromMilliseconds(1200)), 503 },
        { "too-many-requests", Problems.TooMany("100 requests a minute", TimeSpan.FromSeconds(60)), 429 },
        { "malformed-request", Problems.Malformed("The body is not a message."), 400 },
    };

    [Theory]
    [MemberData(nameof(Made), DisableDiscoveryEnumeration = true)]
    public async Task A_made_problem_has_its_type_and_status(string name, Problem made, int status)
    {
        await using var host = await TestHost.StartAsync(map: app => app.MapGet("/x", () => made));

        using var answer = await host.Client.GetAsync("/x", TestContext.Current.CancellationToken);
        var problem = await ReadAsync(answer);

        Assert.Equal((status, $"urn:tracking:problem:{name}"), ((int)answer.StatusCode, problem.Type));
        Assert.Equal(made.Detail, problem.Detail);
        Assert.Equal(status == 401, answer.Headers.WwwAuthenticate.Count == 1);
        // Whole seconds, rounded up: 1.2 s is 2.
        Assert.Equal(
            made.RetryAfter is { } wait ? Math.Ceiling(wait.TotalSeconds) : null,
            answer.Headers.RetryAfter?.Delta?.TotalSeconds);
    }

    [Fact]
    public async Task Unknown_paths_and_methods_are_problems_too()
    {
        await using var host = await TestHost.StartAsync(map: app => app.MapGet("/only-get", () => "x"));

        using var path = await host.Client.GetAsync("/nowhere", TestContext.Current.CancellationToken);
        using var method = await host.Client.DeleteAsync("/only-get", TestContext.Current.CancellationToken);

        Assert.Equal(("urn:tracking:problem:unknown-path", 404), await TypeOfAsync(path));
        Assert.Equal(("urn:tracking:problem:method-not-allowed", 405), await TypeOfAsync(method));
        Assert.Equal(["GET"], method.Content.Headers.Allow);
    }

    [Theory]
    [InlineData("Production")]
    [InlineData("Development")]
    public async Task A_handler_that_throws_shows_no_internals(string environment)
    {
        await using var host = await TestHost.StartAsync(
            map: app => app.MapGet("/x", string () => throw new InvalidOperationException("secret")),
            environment: environment);

        using var answer = await host.Client.GetAsync("/x", TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(("urn:tracking:problem:internal", 500), await TypeOfAsync(answer));
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", text, StringComparison.Ordinal);
        Assert.Contains("traceId", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "application/json", 400, "malformed-request", "The body is not the JSON expected: $")]
    [InlineData("{\"name\":\n7}", "application/json", 400, "malformed-request",
        "The body is not the JSON expected: $.name, line 2, byte 2.")]
    [InlineData("", "application/json", 400, "malformed-request", "")]
    [InlineData("x", "text/plain", 415, "unsupported-media-type", "")]
    public async Task A_body_that_cannot_be_bound_is_explained(
        string body, string mediaType, int status, string type, string detail)
    {
        await using var host = await TestHost.StartAsync(map: app => app.MapPost("/x", (Body sent) => sent.Name));

        using var content = new StringContent(body, Encoding.UTF8, mediaType);
        using var answer = await host.Client.PostAsync("/x", content, TestContext.Current.CancellationToken);

        Assert.Equal(($"urn:tracking:problem:{type}", status), await TypeOfAsync(answer));
        Assert.StartsWith(detail, (await ReadAsync(answer)).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_parameter_that_cannot_be_bound_is_named()
    {
        await using var host = await TestHost.StartAsync(map: app => app.MapGet("/x", (int limit) => limit));

        using var answer = await host.Client.GetAsync("/x?limit=abc", TestContext.Current.CancellationToken);

        Assert.Equal(("urn:tracking:problem:malformed-request", 400), await TypeOfAsync(answer));
        Assert.Contains("limit", (await ReadAsync(answer)).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_over_the_servers_limit_is_too_large()
    {
        await using var host = await TestHost.StartAsync(map: app => app.MapPost("/x", async (HttpContext context) =>
        {
            context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = 100;
            await context.Request.Body.CopyToAsync(Stream.Null);
        }));

        using var content = new ByteArrayContent(new byte[101]);
        using var answer = await host.Client.PostAsync("/x", content, TestContext.Current.CancellationToken);

        Assert.Equal(("urn:tracking:problem:too-large", 413), await TypeOfAsync(answer));
        Assert.Equal("The request is larger than 100 bytes.", (await ReadAsync(answer)).Detail);
    }

    [Fact]
    public async Task What_the_framework_writes_by_itself_gets_our_types()
    {
        await using var host = await TestHost.StartAsync(map: app =>
        {
            app.MapGet("/plain", () => TypedResults.Problem(statusCode: 409));
            app.MapGet("/empty", () => TypedResults.StatusCode(503));
        });

        using var plain = await host.Client.GetAsync("/plain", TestContext.Current.CancellationToken);
        using var empty = await host.Client.GetAsync("/empty", TestContext.Current.CancellationToken);

        Assert.Equal(("urn:tracking:problem:conflict", 409), await TypeOfAsync(plain));
        Assert.Equal(("urn:tracking:problem:unavailable", 503), await TypeOfAsync(empty));
    }

    [Fact]
    public async Task A_browser_that_asks_for_HTML_gets_the_problem_all_the_same()
    {
        await using var host = await TestHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/nowhere");
        request.Headers.Accept.ParseAdd("text/html");

        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(("urn:tracking:problem:unknown-path", 404), await TypeOfAsync(answer));
    }

    private static async Task<ProblemDetails> ReadAsync(HttpResponseMessage answer) =>
        JsonSerializer.Deserialize<ProblemDetails>(
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            JsonSerializerOptions.Web)!;

    private static async Task<(string? Type, int Status)> TypeOfAsync(HttpResponseMessage answer)
    {
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        return ((await ReadAsync(answer)).Type, (int)answer.StatusCode);
    }

    private sealed record Body(string Name);
}
