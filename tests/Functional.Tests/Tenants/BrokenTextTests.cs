using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Functional.Tests.Management;
using Tracking.Functional.Tests.Rewrite;

namespace Tracking.Functional.Tests.Tenants;

/// <summary>Invalid text and other malformed input on every route never gets a status of 500 or above.</summary>
public sealed class BrokenTextTests(RewritePostgres postgres)
{
    // These routes read no body.
    private static readonly string[] _withoutBody = ["signing-keys", "/verify", "/retry", "/rebuild", "/test"];

    private static readonly (string Body, string Named)[] _bodies =
    [
        ("""{"name":"\ud800"}""", "name"),
        ("""{"name":"a\udc00b"}""", "name"),
        ("""{"name":"a\u0000b"}""", "name"),
        ("{\"name\":\"\u00ff\"}", "name"),
        ("{\"name\":\"\u00ed\u00a0\u0080\"}", "name"),
        ("{\"name\":\"\u00c0\u0080\"}", "name"),
        ("""{"\ud800":1}""", "body"),
        ("""{"a\u0000":1}""", "body"),
        ("""{"name":"x","settings":{"excludedDomains":["a.example","\udfff"]}}""", "settings.excludedDomains[1]"),
        ("""{"name":"x","settings":{"linkStyle":"\ud83d"}}""", "settings.linkStyle"),
        ("""{"settings":{"\udead":true}}""", "settings"),
        ("""{"name":"x","notifyEmails":["\ud800@example.com"]}""", "notifyEmails[0]"),
        ("""{"name":"x","sendingDomains":[{"a":[[],"\ud800"]}]}""", "sendingDomains[0].a[1]"),
        ("""{"unknown":["\ud800"]}""", "unknown[0]"),
    ];

    private static readonly string[] _parameters =
    [
        "from", "to", "kind", "message", "recipient", "link", "verdict", "human", "order", "limit", "after", "tag", "q",
        "groupBy", "dryRun", "status", "cluster", "action", "subject", "%ff", "%00",
    ];

    private static readonly string[] _texts =
    [
        "%ed%a0%80", "%ff", "%c0%80", "%00", "a%00b", "%f4%90%80%80", "%e2%28%a1", "%", "%u0000", "%ef%bf%be", "%f0%9f%98",
        "A_8", "Av8", "AAAA", "Aw", "AwAA", "A-2ggA", "\\", "%25", "_", "%5c%25", "'%3b--", "9999999999999999999", "-1",
        "2026-11-20T00:00:00%2b99:00", "0001-01-01", "%f0%9f%98%80",
    ];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_body_with_what_is_no_text_is_refused_by_every_route_and_the_field_is_named()
    {
        await using var host = await RewriteHost.StartAsync(await postgres.CreateDatabaseAsync());
        var cluster = (await host.CreateClusterAsync()).ToString();
        var read = 0;
        foreach (var route in Routes(host).Where(route => Method(route) is "POST" or "PATCH"))
        {
            foreach (var (body, named) in _bodies)
            {
                using var request = new HttpRequestMessage(new HttpMethod(Method(route)), Path(route, cluster, "x"))
                {
                    Content = new ByteArrayContent(Encoding.Latin1.GetBytes(body)),
                };
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                using var answer = await host.Admin.SendAsync(request, Cancelled);
                var path = Path(route, "", "");
                if (answer.StatusCode is HttpStatusCode.UnsupportedMediaType
                    || _withoutBody.Any(end => path.EndsWith(end, StringComparison.Ordinal))
                    || path.Contains("/certificate-accounts/", StringComparison.Ordinal)
                    || (path.Contains("/deliveries/", StringComparison.Ordinal) && path.EndsWith("/replay")))
                {
                    continue;
                }

                var problem = await Expect.ProblemAsync(answer, HttpStatusCode.BadRequest, "invalid-value", named);
                Assert.Equal(named, (string)problem["errors"]![0]!["name"]!);
                read++;
            }
        }

        Assert.True(read >= 4 * _bodies.Length, $"{read} bodies were read");
    }

    [Fact]
    public async Task Paths_and_queries_with_what_is_no_text_are_never_our_fault()
    {
        await using var host = await RewriteHost.StartAsync(await postgres.CreateDatabaseAsync());
        var cluster = (await host.CreateClusterAsync()).ToString();
        var wrong = new List<string>();
        foreach (var route in Routes(host))
        {
            foreach (var text in _texts)
            {
                await SendAsync(host, route, Path(route, cluster, text) + "?dryRun=true", wrong);
                await SendAsync(host, route, Path(route, text, "x"), wrong);
            }
        }

        foreach (var route in Routes(host).Where(route => Method(route) == "GET"))
        {
            foreach (var parameter in _parameters)
            {
                foreach (var text in _texts)
                {
                    await SendAsync(host, route, $"{Path(route, cluster, "x")}?{parameter}={text}", wrong);
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public async Task Headers_with_what_is_no_text_are_never_our_fault()
    {
        await using var host = await RewriteHost.StartAsync(await postgres.CreateDatabaseAsync());
        var cluster = await host.CreateClusterAsync();
        var key = host.Admin.DefaultRequestHeaders.Authorization!.Parameter;
        string[] headers =
        [
            "tracking-recipient", "tracking-sender", "tracking-message-id", "tracking-tags", "tracking-host",
            "tracking-clicks", "tracking-sent-at", "tracking-level", "content-type", "accept", "authorization",
        ];
        string[] texts =
            ["\u00ff", "a\u00ed\u00a0\u0080b", "\u00c0\u0080", "\0", "a\0b", "\u00f0\u009f\u0098", "\ud83d"];
        foreach (var header in headers)
        {
            foreach (var text in texts)
            {
                var message = Mail.Html("Hello", "https://shop.example/");
                var authorization = header == "authorization" ? "" : $"authorization: Bearer {key}\r\n";
                var type = header == "content-type" ? "" : "content-type: message/rfc822\r\n";
                var status = await SendRawAsync(
                    host.Url,
                    $"POST /api/v1/clusters/{cluster}/rewrite HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{authorization}"
                        + $"{type}{header}: {text}\r\ncontent-length: {message.Length}\r\n\r\n{message}");
                Assert.True(status is >= 200 and < 500, $"{header}: {status}");
            }
        }
    }

    [Fact]
    public async Task Random_calls_are_never_our_fault()
    {
        const int Calls = 1500;
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        await using var host = await RewriteHost.StartAsync(await postgres.CreateDatabaseAsync());
        var cluster = (await host.CreateClusterAsync()).ToString();
        using var own = host.Client(await host.CreateKeyAsync((await host.CreateClusterAsync())));
        var routes = Routes(host).Where(route => Method(route) != "DELETE"
            || Path(route, "c", "i").Contains("/i")).ToArray();
        var wrong = new List<string>();
        for (var i = 0; i < Calls; i++)
        {
            var route = routes[random.Next(routes.Length)];
            var path = Path(route, random.Next(8) == 0 ? Any(random) : cluster, Any(random));
            var query = string.Join('&', Enumerable.Range(0, random.Next(4)).Select(_ =>
                $"{_parameters[random.Next(_parameters.Length)]}={Any(random)}"));
            var body = RandomBody(random);
            var client = random.Next(6) == 0 ? own : host.Admin;
            using var request = new HttpRequestMessage(new HttpMethod(Method(route)), $"{path}?{query}");
            if (Method(route) is "POST" or "PATCH")
            {
                request.Content = new ByteArrayContent(body);
                request.Content.Headers.ContentType = new MediaTypeHeaderValue(
                    path.EndsWith("/rewrite", StringComparison.Ordinal) ? "message/rfc822" : "application/json");
            }

            using var answer = await client.SendAsync(request, Cancelled);
            if ((int)answer.StatusCode >= 500)
            {
                wrong.Add($"{request.Method} {request.RequestUri} {Encoding.Latin1.GetString(body)}: {answer.StatusCode}");
            }
        }

        Assert.True(wrong.Count == 0, $"seed {seed}\n{string.Join('\n', wrong)}");
    }

    private static string Any(Random random) => random.Next(3) switch
    {
        0 => _texts[random.Next(_texts.Length)],
        1 => Uri.EscapeDataString(new string([.. Enumerable.Range(0, random.Next(1, 20))
            .Select(_ => (char)random.Next(1, 0xd800))])),
        _ => string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => $"%{random.Next(256):x2}")),
    };

    // A valid body with a few changed bytes, or random bytes.
    private static byte[] RandomBody(Random random)
    {
        var body = Encoding.UTF8.GetBytes(
            """{"name":"Ünï","notifyEmails":["a@example.com"],"sendingDomains":[],"settings":{"trackClicks":true,"excludedDomains":["*.a.example"],"retentionMonths":3}}""");
        if (random.Next(4) == 0)
        {
            body = new byte[random.Next(200)];
            random.NextBytes(body);
            return body;
        }

        for (var i = random.Next(4); i > 0; i--)
        {
            body[random.Next(body.Length)] = (byte)(random.Next(2) == 0
                ? random.Next(256)
                : "\"\\{}[],:u0"[random.Next(10)]);
        }

        return body;
    }

    private static async Task SendAsync(RewriteHost host, RouteEndpoint route, string path, List<string> wrong)
    {
        using var request = new HttpRequestMessage(new HttpMethod(Method(route)), path);
        using var answer = await host.Admin.SendAsync(request, Cancelled);
        if ((int)answer.StatusCode is < 200 or >= 500)
        {
            wrong.Add($"{request.Method} {path}: {(int)answer.StatusCode}");
        }
    }

    private static async Task<int> SendRawAsync(Uri url, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(url.Host, url.Port, Cancelled);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), Cancelled);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        var line = await reader.ReadLineAsync(Cancelled);
        return int.Parse(line!.Split(' ')[1], null);
    }

    private static IEnumerable<RouteEndpoint> Routes(RewriteHost host) =>
        host.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(route => route.RoutePattern.RawText!.TrimStart('/').StartsWith("api/", StringComparison.Ordinal));

    private static string Method(RouteEndpoint route) =>
        route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Single();

    private static string Path(RouteEndpoint route, string cluster, string id) =>
        "/" + string.Join('/', route.RoutePattern.PathSegments.Select(segment => segment.Parts[0] switch
        {
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal => literal.Content,
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart { Name: "cluster" } => cluster,
            _ => id,
        }));
}
