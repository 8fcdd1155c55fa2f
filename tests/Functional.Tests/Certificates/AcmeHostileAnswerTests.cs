using System.Text;
using Microsoft.AspNetCore.Http;
using Tracking.AcmeAuthority;
using Tracking.Certificates.Acme;
using Tracking.Servers;
using static Tracking.Functional.Tests.Certificates.AcmeUnderTest;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>Wrong and hostile answers to every request of an order. Each becomes a value within the limits, and the
/// next request works as usual.</summary>
public sealed class AcmeHostileAnswerTests : IAsyncLifetime
{
    private const string Track = "track.example.com";

    private static readonly Dictionary<string, (Func<HttpContext, Task> Answer, AcmeProblemType[] Expected)> _answers =
        new()
        {
            ["a page of a load balancer"] = (
            context => TextAsync(context, 502, "text/html", "<html><h1>Bad Gateway</h1></html>"),
            [AcmeProblemType.Unavailable]),
            ["a page that claims to be right"] = (
            context => TextAsync(context, 200, "text/html", "<html></html>"), [AcmeProblemType.NotAcme]),
            ["nothing"] = (
            context => TextAsync(context, 200, "application/json", ""), [AcmeProblemType.NotAcme]),
            ["null"] = (
            context => TextAsync(context, 200, "application/json", "null"), [AcmeProblemType.NotAcme]),
            ["a list"] = (
            context => TextAsync(context, 200, "application/json", "[]"), [AcmeProblemType.NotAcme]),
            ["an object without anything"] = (
            context => TextAsync(context, 200, "application/json", "{}"), [AcmeProblemType.NotAcme]),
            ["other types of values"] = (
            context => TextAsync(context, 200, "application/json", """{"status":{},"newNonce":[],"type":1}"""),
            [AcmeProblemType.NotAcme]),
            ["half a surrogate"] = (
            context => TextAsync(context, 200, "application/json", """{"status":"\ud800","newNonce":"\ud800"}"""),
            [AcmeProblemType.NotAcme]),
            ["a property twice"] = (
            context => TextAsync(context, 200, "application/json", """{"status":"valid","status":"pending"}"""),
            [AcmeProblemType.NotAcme]),
            ["JSON ten thousand levels deep"] = (
            context => TextAsync(context, 200, "application/json",
                "{\"new\":" + new string('[', 10_000) + new string(']', 10_000) + "}"),
            [AcmeProblemType.NotAcme]),
            ["an error ten thousand levels deep"] = (
            context => TextAsync(context, 400, "application/problem+json",
                "{\"new\":" + new string('[', 10_000) + new string(']', 10_000) + "}"),
            [AcmeProblemType.Unavailable]),
            ["a gigabyte that is announced"] = (
            context =>
            {
                context.Response.ContentLength = 1L << 30;
                return EndlessAsync(context);
            },
            [AcmeProblemType.NotAcme]),
            ["a gigabyte that is not announced"] = (EndlessAsync, [AcmeProblemType.NotAcme]),
            ["one byte now and then"] = (
            async context =>
            {
                context.Response.ContentType = "application/json";
                while (!context.RequestAborted.IsCancellationRequested)
                {
                    await context.Response.Body.WriteAsync(" "u8.ToArray(), context.RequestAborted);
                    await context.Response.Body.FlushAsync(context.RequestAborted);
                    await Task.Delay(50, context.RequestAborted);
                }
            },
            [AcmeProblemType.TimedOut]),
            ["silence"] = (
            context => Task.Delay(Timeout.Infinite, context.RequestAborted), [AcmeProblemType.TimedOut]),
            ["a reset"] = (
            context =>
            {
                context.Abort();
                return Task.CompletedTask;
            },
            [AcmeProblemType.Unreachable]),
            ["a reset in the middle"] = (
            async context =>
            {
                context.Response.ContentLength = 1_000;
                await context.Response.WriteAsync("{\"status\":");
                await context.Response.Body.FlushAsync();
                context.Abort();
            },
            [AcmeProblemType.Unreachable]),
            ["a redirect elsewhere"] = (
            context =>
            {
                context.Response.StatusCode = 307;
                context.Response.Headers.Location = "https://elsewhere.example/";
                return Task.CompletedTask;
            },
            [AcmeProblemType.NotAcme]),
        };

    private readonly TestAuthority _authority = new();

    public static TheoryData<string, string> Everywhere
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var answer in _answers.Keys)
            {
                // Each slow answer takes a second.
                var isSlow = answer is "one byte now and then" or "silence";
                foreach (var resource in isSlow
                    ? ["new-order"]
                    : new[] { "directory", "new-order", "authorization", "challenge", "order", "finalize", "certificate" })
                {
                    data.Add(answer, resource);
                }
            }

            return data;
        }
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _authority.StartAsync();

    public ValueTask DisposeAsync() => _authority.DisposeAsync();

    [Theory]
    [MemberData(nameof(Everywhere))]
    public async Task A_hostile_answer_is_a_value_and_the_same_step_succeeds_afterwards(string what, string resource)
    {
        var (answer, expected) = _answers[what];
        using var acme = Of(_authority, changeAll: options => options.RequestTimeout = TimeSpan.FromSeconds(
            expected.Contains(AcmeProblemType.TimedOut) ? 1 : 60));
        _authority.Script(resource, answer);
        var problems = new List<AcmeProblem>();

        var certificate = await WalkAsync(acme, problems);

        Assert.NotNull(certificate);
        Assert.NotEmpty(problems);
        Assert.All(problems, problem => Assert.Contains(problem.Type, expected));
        Assert.All(problems, problem => Assert.InRange(problem.Detail.Length, 1, 4_096));
    }

    [Theory]
    [InlineData("directory")]
    [InlineData("new-order")]
    [InlineData("authorization")]
    [InlineData("order")]
    public async Task Addresses_at_another_origin_are_refused_and_never_asked(string resource)
    {
        await using var elsewhere = new TestAuthority();
        await elsewhere.StartAsync();
        _authority.Alter(resource, text => text.Replace(_authority.Origin, elsewhere.Origin, StringComparison.Ordinal));
        using var acme = Of(_authority);
        using var key = CertificateKey.Create();
        var problems = new List<AcmeProblem>();

        Assert.Null(await WalkAsync(acme, problems, tries: 1));

        Assert.Equal(AcmeProblemType.ForeignUrl, problems[^1].Type);
        Assert.Contains(new Uri(elsewhere.Origin).Port.ToString(), problems[^1].Detail, StringComparison.Ordinal);
        Assert.Equal(0, elsewhere.Count("directory") + elsewhere.Count("new-order") + elsewhere.Count("authorization"));
    }

    [Fact]
    public async Task Addresses_without_TLS_are_refused()
    {
        _authority.Alter("directory", text => text.Replace("https://127", "http://127", StringComparison.Ordinal));
        using var acme = Of(_authority);

        Assert.Equal(
            AcmeProblemType.ForeignUrl, (await acme.Client.RegisterAsync(acme.Key, Cancelled)).Problem?.Type);
    }

    [Fact]
    public async Task Another_origin_that_is_configured_is_asked()
    {
        var port = new Uri(_authority.Origin).Port;
        _authority.Alter("directory", text => text.Replace("127.0.0.1", "localhost", StringComparison.Ordinal));
        using var acme = Of(_authority, settings => settings.OtherOrigins.Add($"https://localhost:{port}"));

        // The strict authority checks its own URL in the signature, so the request was sent to it.
        Assert.NotEqual(
            AcmeProblemType.ForeignUrl, (await acme.Client.RegisterAsync(acme.Key, Cancelled)).Problem?.Type);
        Assert.Equal(1, _authority.Count("new-account"));
    }

    [Fact]
    public async Task An_authority_whose_TLS_is_not_trusted_is_not_reached()
    {
        await using var other = new TestAuthority();
        await other.StartAsync();
        using var acme = new AcmeUnderTest(_authority.Directory, other.RootPem);

        var outcome = await acme.Client.RegisterAsync(acme.Key, Cancelled);

        Assert.Equal(AcmeProblemType.Unreachable, outcome.Problem?.Type);
        Assert.Equal(0, _authority.Count("directory"));
    }

    [Fact]
    public async Task An_authority_that_is_away_is_not_reached()
    {
        using var acme = Of(_authority);
        await _authority.DisposeAsync();

        var outcome = await acme.Client.RegisterAsync(acme.Key, Cancelled);

        Assert.Equal(AcmeProblemType.Unreachable, outcome.Problem?.Type);
    }

    [Fact]
    public async Task A_caller_can_cancel_a_request()
    {
        using var acme = Of(_authority);
        using var stop = new CancellationTokenSource();
        _authority.Script("directory", async context =>
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => acme.Client.RegisterAsync(acme.Key, stop.Token));
    }

    // The steps of an order. Each step is repeated after a problem.
    private static async Task<DownloadedCertificate?> WalkAsync(
        AcmeUnderTest acme, List<AcmeProblem> problems, int tries = 3)
    {
        async Task<T?> StepAsync<T>(Func<Task<AcmeOutcome<T>>> step)
            where T : class
        {
            for (var attempt = 0; attempt < tries; attempt++)
            {
                if ((await step()).Succeeded(out var value, out var problem))
                {
                    return value;
                }

                problems.Add(problem);
            }

            return null;
        }

        using var key = CertificateKey.Create();
        var client = acme.Client;
        if (await StepAsync(() => client.RegisterAsync(acme.Key, Cancelled)) is not { } account
            || await StepAsync(() => client.NewOrderAsync(account, [Name(Track)], null, Cancelled)) is not { } placed
            || await StepAsync(() => client.ReadAuthorizationAsync(
                account, placed.Order.Authorizations[0], Cancelled)) is not { } authorization
            || await StepAsync(() => client.AnswerChallengeAsync(
                account, authorization.Challenges[0].Url, Cancelled)) is null)
        {
            return null;
        }

        AcmeOrder? order = null;
        await Eventually.HoldsAsync(
            async () => (order = await StepAsync(() => client.ReadOrderAsync(account, placed.Order.Url, Cancelled)))
                is not { Status: OrderStatus.Pending },
            "the order is ready", Cancelled);
        if (order is null)
        {
            return null;
        }

        var sent = await client.FinalizeAsync(
            account, order.Url, order.Finalize, key.MakeRequest([Name(Track)]), Cancelled);
        if (sent.Problem is not null)
        {
            problems.Add(sent.Problem);
            // The order shows whether the request arrived.
            order = await StepAsync(() => client.ReadOrderAsync(account, order.Url, Cancelled));
            if (order?.Status == OrderStatus.Ready)
            {
                sent = await client.FinalizeAsync(
                    account, order.Url, order.Finalize, key.MakeRequest([Name(Track)]), Cancelled);
            }
        }

        order = sent.Value ?? order;
        return order?.Certificate is null
            ? null
            : await StepAsync(() => client.DownloadAsync(account, order.Certificate, Cancelled));
    }

    private static Task TextAsync(HttpContext context, int status, string mediaType, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = mediaType;
        return context.Response.WriteAsync(text);
    }

    private static async Task EndlessAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        var spaces = Encoding.ASCII.GetBytes(new string(' ', 65_536));
        for (var written = 0L; written < 1L << 30; written += spaces.Length)
        {
            await context.Response.Body.WriteAsync(spaces, context.RequestAborted);
        }
    }
}
