using System.Globalization;
using System.Text.Json.Nodes;
using Tracking.AcmeAuthority;
using Tracking.Certificates.Acme;
using static Tracking.Functional.Tests.Certificates.AcmeUnderTest;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>Refusals of an authority. Each becomes a value with the authority's words and costs one request.</summary>
public sealed class AcmeRefusalTests : IAsyncLifetime
{
    private const string Track = "track.example.com";
    private readonly TestAuthority _authority = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _authority.StartAsync();

    public ValueTask DisposeAsync() => _authority.DisposeAsync();

    [Theory]
    [InlineData(400, "badPublicKey", AcmeProblemType.BadPublicKey)]
    [InlineData(400, "badSignatureAlgorithm", AcmeProblemType.BadSignatureAlgorithm)]
    [InlineData(403, "caa", AcmeProblemType.Caa)]
    [InlineData(400, "dns", AcmeProblemType.Dns)]
    [InlineData(400, "rejectedIdentifier", AcmeProblemType.RejectedIdentifier)]
    [InlineData(400, "unsupportedIdentifier", AcmeProblemType.UnsupportedIdentifier)]
    [InlineData(403, "orderNotReady", AcmeProblemType.OrderNotReady)]
    [InlineData(403, "userActionRequired", AcmeProblemType.UserActionRequired)]
    [InlineData(500, "serverInternal", AcmeProblemType.ServerInternal)]
    [InlineData(409, "conflict", AcmeProblemType.Conflict)]
    [InlineData(400, "newInAYear", AcmeProblemType.Unknown)]
    public async Task A_refused_order_says_why_and_is_sent_once(int status, string type, AcmeProblemType expected)
    {
        _authority.RefusedOrders[Track] = new(status, type, "In its own words");

        var problem = await OrderAsync();

        Assert.Equal(
            (expected, status, "In its own words", $"urn:ietf:params:acme:error:{type}"),
            (problem.Type, problem.Status, problem.Detail, problem.TypeText));
        Assert.Equal(1, _authority.Count("new-order"));
    }

    [Theory]
    [InlineData("120", 120)]
    [InlineData("0", 0)]
    [InlineData("315360000", 604_800)]
    [InlineData("rubbish", null)]
    [InlineData(null, null)]
    public async Task A_limit_has_its_pause(string? retryAfter, int? seconds)
    {
        _authority.RefusedOrders[Track] = Limited("too many new orders recently", retryAfter);

        var problem = await OrderAsync();

        Assert.Equal((AcmeProblemType.RateLimited, 429), (problem.Type, problem.Status));
        Assert.Equal(seconds, problem.RetryAfter?.TotalSeconds);
        Assert.Equal(1, _authority.Count("new-order"));
    }

    [Fact]
    public async Task A_limit_may_name_a_date_in_its_header_or_in_its_words()
    {
        var until = TimeProvider.System.GetUtcNow().AddHours(2);
        _authority.RefusedOrders["a.example"] = Limited("no", until.ToString("R", CultureInfo.InvariantCulture));
        _authority.RefusedOrders["b.example"] = Limited(
            $"too many, retry after {until.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)} UTC: "
            + "see https://authority.example/limits", null);

        var (byHeader, byWords) = (await OrderAsync("a.example"), await OrderAsync("b.example"));

        // Two hours minus the duration of the test.
        Assert.InRange(byHeader.RetryAfter!.Value.TotalMinutes, 60, 120);
        Assert.InRange(byWords.RetryAfter!.Value.TotalMinutes, 60, 120);
    }

    [Fact]
    public async Task A_paused_name_has_its_link()
    {
        _authority.RefusedOrders[Track] = Limited(
            $"Your account is temporarily prevented from requesting certificates for {Track} and possibly others. "
            + "Please visit: https://authority.example/unpause?jwt=e30", null);

        Assert.Equal("https://authority.example/unpause?jwt=e30", (await OrderAsync()).PausedUrl?.AbsoluteUri);
    }

    [Fact]
    public async Task Several_names_have_a_problem_each()
    {
        _authority.RefusedOrders[Track] = new(400, "compound", "Errors for 2 names")
        {
            Subproblems =
            [
                Sub("caa", "a.example", "CAA forbids"), Sub("rejectedIdentifier", "b.example", "Policy forbids"),
            ],
        };

        var problem = await OrderAsync();

        Assert.Equal(AcmeProblemType.Compound, problem.Type);
        Assert.Equal(
            [
                new AcmeSubproblem("a.example", AcmeProblemType.Caa, "CAA forbids"),
                new AcmeSubproblem("b.example", AcmeProblemType.RejectedIdentifier, "Policy forbids"),
            ],
            problem.Subproblems);
    }

    [Theory]
    [InlineData("directory")]
    [InlineData("new-nonce")]
    [InlineData("new-account")]
    public async Task An_authority_under_load_says_for_how_long(string resource)
    {
        using var acme = Of(_authority);
        _authority.Script(resource, context =>
        {
            context.Response.StatusCode = 503;
            context.Response.Headers.RetryAfter = "60";
            return Task.CompletedTask;
        });

        var outcome = await acme.Client.RegisterAsync(acme.Key, Cancelled);

        Assert.Equal(
            (AcmeProblemType.Unavailable, 503, TimeSpan.FromSeconds(60)),
            (outcome.Problem!.Type, outcome.Problem.Status, outcome.Problem.RetryAfter));
        Assert.Equal(1, _authority.Count(resource));
        await acme.RegisterAsync();
    }

    [Fact]
    public async Task A_directory_that_was_read_is_used_while_it_cannot_be_read_again()
    {
        var time = new SteppedTime();
        using var acme = Of(_authority, time: time);
        var account = await acme.RegisterAsync();
        time.Advance(TimeSpan.FromHours(2));
        _authority.Script("directory", new RefusalException(503, "serverInternal", "later"), times: 2);

        await acme.OrderAsync(account, Name(Track));
        await acme.OrderAsync(account, Name(Track));
        Assert.Equal(2, _authority.Count("directory"));
        time.Advance(TimeSpan.FromMinutes(2));
        await acme.OrderAsync(account, Name(Track));
        Assert.Equal(3, _authority.Count("directory"));
    }

    [Fact]
    public async Task An_answer_without_a_nonce_is_not_asked_for_again_and_again()
    {
        using var acme = Of(_authority);
        _authority.Script("new-nonce", context =>
        {
            context.Response.Headers.Remove("Replay-Nonce");
            return Task.CompletedTask;
        });

        var outcome = await acme.Client.RegisterAsync(acme.Key, Cancelled);

        Assert.Equal(AcmeProblemType.NotAcme, outcome.Problem?.Type);
        Assert.Equal((1, 0), (_authority.Count("new-nonce"), _authority.Count("new-account")));
    }

    private async Task<AcmeProblem> OrderAsync(string name = Track)
    {
        using var acme = Of(_authority);
        var outcome = await acme.Client.NewOrderAsync(
            await acme.RegisterAsync(), [Name(name)], replaces: null, Cancelled);
        return Assert.IsType<AcmeProblem>(outcome.Problem);
    }

    private static RefusalException Limited(string detail, string? retryAfter) => new(429, "rateLimited", detail)
    {
        Headers = retryAfter is null
            ? new Dictionary<string, string>()
            : new Dictionary<string, string> { ["Retry-After"] = retryAfter },
    };

    private static JsonObject Sub(string type, string name, string detail) => new()
    {
        ["type"] = $"urn:ietf:params:acme:error:{type}",
        ["detail"] = detail,
        ["identifier"] = new JsonObject { ["type"] = "dns", ["value"] = name },
    };

    /// <summary>The system's clock with steps forward.</summary>
    private sealed class SteppedTime : TimeProvider
    {
        private TimeSpan _ahead;

        public void Advance(TimeSpan by) => _ahead += by;

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + _ahead;

        public override long GetTimestamp() =>
            System.GetTimestamp() + (long)(_ahead.TotalSeconds * System.TimestampFrequency);
    }
}
