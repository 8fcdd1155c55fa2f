using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Cli;

/// <summary>trackctl rewrite against an endpoint that answers as the rewriter does.</summary>
public sealed class RewriteCommandTests : IAsyncLifetime
{
    private WebApplication _app = null!;
    private IHeaderDictionary? _headers;
    private string? _body;
    private string _untouched = "";

    private Uri Url => new(_app.Urls.Single());

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapPost("/api/v1/clusters/{cluster}/rewrite", AnswerAsync);
        _app.MapGet("/api/v1/clusters/abcde", () => Results.Json(new { id = "abcde" }));
        _app.MapGet("/api/v1/clusters", (string name) => Results.Json(
            new { items = name == "spring mail" ? new[] { new { id = "abcde" } } : [] }));
        await _app.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    [Fact]
    public async Task A_message_goes_in_with_its_metadata_and_comes_out_byte_for_byte()
    {
        using var folder = new TemporaryFolder();
        var (input, output) = (folder.In("in.eml"), folder.In("out.eml"));
        byte[] message = [.. "Subject: x\r\n\r\n"u8, 0xff, 0x00, 0x0a];
        await File.WriteAllBytesAsync(input, message, TestContext.Current.CancellationToken);

        var (code, _, error) = await RunAsync(
            "rewrite", input, "--cluster", "abcde", "--recipient", "anna@example.com", "--message-id", "m1",
            "--clicks", "no", "--tag", "spring", "--tag", "vip", "-o", output);

        Assert.Equal(
            (0, "Message m1: 3 links tracked, opens yes.\n  2 links left alone: excluded-domain\n"
                + "  1 link left alone: opt-out\n  1 part left alone: attachment\n"),
            (code, error));
        byte[] expected = [(byte)'X', .. message];
        var written = await File.ReadAllBytesAsync(output, TestContext.Current.CancellationToken);
        Assert.Equal(expected, written);
        Assert.Equal("message/rfc822", _headers!.ContentType);
        Assert.Equal("anna@example.com", _headers["tracking-recipient"]);
        Assert.Equal("no", _headers["tracking-clicks"]);
        Assert.Equal("spring,vip", _headers["tracking-tags"]);
        Assert.False(_headers.ContainsKey("tracking-opens"));
    }

    [Fact]
    public async Task Parts_and_links_that_were_left_alone_are_listed_with_their_reason()
    {
        _untouched = "dkim-signed";
        var (code, _, error) = await RunAsync("rewrite", ThisFile, "--cluster", "abcde");
        Assert.Equal(0, code);
        Assert.StartsWith("Nothing was changed: dkim-signed.\n", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_are_printed_one_a_line_and_the_message_only_where_it_is_asked_for()
    {
        using var folder = new TemporaryFolder();
        var output = folder.In("out.eml");
        var (code, lines, _) = await RunAsync("rewrite", ThisFile, "--cluster", "abcde", "--links");
        Assert.Equal(0, code);
        Assert.Equal("https://track.example/c/1\nhttps://track.example/c/2\nhttps://track.example/o/3", lines);

        var json = (await RunAsync(
            "rewrite", ThisFile, "--cluster", "abcde", "--links", "--json", "-o", output)).Output;
        Assert.Equal(lines.Split('\n'), JsonNode.Parse(json)!.AsArray().Select(url => (string?)url));
        Assert.True(File.Exists(output));

        var both = await RunAsync("rewrite", ThisFile, "--cluster", "abcde", "--links", "--explain");
        Assert.Equal(2, both.Code);
    }

    [Fact]
    public async Task A_cluster_is_named_by_its_name_too()
    {
        var (code, lines, _) = await RunAsync("rewrite", ThisFile, "--cluster", "spring mail", "--links");
        Assert.Equal((0, 3), (code, lines.Split('\n').Length));

        var unknown = await RunAsync("rewrite", ThisFile, "--cluster", "autumn mail");
        Assert.Equal(1, unknown.Code);
        Assert.StartsWith("There is no cluster named 'autumn mail'", unknown.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explaining_shows_every_link_and_changes_nothing()
    {
        var (code, output, _) = await RunAsync("rewrite", ThisFile, "--cluster", "abcde", "--explain");
        Assert.Equal(0, code);
        Assert.Equal(
            """
            PART  POSITION  DECISION         NAME  URL
               0         1  tracked          Shop  https://shop.example/
               0         2  excluded-domain  -     https://intern.example/
            opens: yes
            """,
            output);
        Assert.Equal("1", _body);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_a_mistake_of_the_caller()
    {
        var (code, _, error) = await RunAsync("rewrite", "/nonexistent.eml", "--cluster", "abcde");
        Assert.Equal(2, code);
        Assert.Contains("/nonexistent.eml", error, StringComparison.Ordinal);
    }

    private static string ThisFile =>
        typeof(RewriteCommandTests).Assembly.Location.Replace(".dll", ".runtimeconfig.json");

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) =>
        Trackctl.RunAsync(Url, "trk_test", arguments);

    private async Task AnswerAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        _headers = new HeaderDictionary(context.Request.Headers.ToDictionary(StringComparer.OrdinalIgnoreCase));
        if (context.Request.Query["dryRun"] == "true")
        {
            _body = "1";
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(
                """
                {"links":[{"part":0,"position":1,"url":"https://shop.example/","decision":"tracked","name":"Shop"},
                {"part":0,"position":2,"url":"https://intern.example/","decision":"excluded-domain"}],
                "opens":true}
                """);
            return;
        }

        Assert.Equal("true", context.Request.Query["report"]);
        await context.Response.WriteAsJsonAsync(new
        {
            messageId = context.Request.Headers["tracking-message-id"].ToString(),
            trackedLinks = 3,
            opens = true,
            untouched = _untouched.Length == 0 ? null : _untouched,
            pixelUrl = "https://track.example/o/3",
            links = new object[]
            {
                new { decision = "tracked", trackedUrl = "https://track.example/c/1" },
                new { decision = "excluded-domain" },
                new { decision = "opt-out" },
                new { decision = "excluded-domain" },
                new { decision = "tracked", trackedUrl = "https://track.example/c/2" },
            },
            parts = new object[] { new { part = 1 }, new { part = 2, reason = "attachment" } },
            message = Convert.ToBase64String([(byte)'X', .. body.ToArray()]),
        });
        Assert.Equal((int)HttpStatusCode.OK, context.Response.StatusCode);
    }
}
