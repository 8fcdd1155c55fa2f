using Microsoft.AspNetCore.Http;
using Tracking.AcmeAuthority;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>Answers of an authority and their effects on the name: its state, its next attempt, and the number of
/// requests.</summary>
public sealed class WhatAuthoritiesSayTests(TestPostgres server)
{
    private const string Name = "track.shop.example.com";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>The place of the answer, its status, type, detail and <c>Retry-After</c>; then the expected type and
    /// pause.</summary>
    public static TheoryData<string, int, string, string, string?, string, int> Refusals => new()
    {
        { "new-order", 429, "rateLimited", "too many", "7200", "rate-limited", 120 },
        { "new-order", 429, "rateLimited", "too many", "0", "rate-limited", 1 },
        { "new-order", 429, "rateLimited", "too many", null, "rate-limited", 1 },
        { "new-order", 429, "rateLimited", "too many", "315360000", "rate-limited", 10_080 },
        { "new-order", 503, "serverInternal", "down", "600", "server-internal", 10 },
        { "new-order", 403, "rejectedIdentifier", "forbidden by policy", null, "rejected-identifier", 1 },
        { "new-order", 400, "unsupportedIdentifier", "no", null, "unsupported-identifier", 1 },
        { "new-order", 403, "userActionRequired", "terms have changed", null, "user-action-required", 1 },
        { "new-order", 403, "caa", "CAA record prevents issuance", null, "caa", 1 },
        { "finalize", 400, "badCSR", "no", null, "bad-csr", 1 },
        { "finalize", 400, "badPublicKey", "no", null, "bad-public-key", 1 },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task A_refusal_is_kept_in_its_words_and_repeated_when_the_authority_wants_it(
        string resource, int status, string type, string detail, string? retryAfter, string kept, int minutes)
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        var headers = new Dictionary<string, string>();
        if (retryAfter is not null)
        {
            headers["Retry-After"] = retryAfter;
        }

        database.Authorities[0].Script(
            resource, new RefusalException(status, type, detail) { Headers = headers }, times: 50);
        await database.AddAsync(Name);
        var issuer = database.Start(settings: ("Tracking:Certificates:LongestOrder", "00:00:10"));

        await issuer.LookAsync(Cancelled);

        Assert.Equal($"{kept} 1 True", await StateAsync(database, minutes));
        Assert.Contains(detail, await database.TextAsync("SELECT last_failure->>'detail' FROM certificates.names"),
            StringComparison.Ordinal);
        Assert.InRange(database.Authorities[0].Count(resource), 1, 5);
        // Nobody asks before that.
        Assert.Equal(0, await issuer.LookAsync(Cancelled));
    }

    [Fact]
    public async Task A_paused_name_keeps_the_link_until_it_goes_on()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        database.Authorities[0].RefusedOrders[Name] = new RefusalException(
            429, "rateLimited",
            "Your account is temporarily prevented from requesting certificates for track.shop.example.com and possibly "
            + "others. Please visit: https://authority.example/unpause?jwt=e30");
        await database.AddAsync(Name);
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);

        Assert.Equal(
            "https://authority.example/unpause?jwt=e30", await database.TextAsync("SELECT paused_url FROM certificates.names"));
        Assert.Contains("open https://authority.example/unpause", await database.TextAsync(
            "SELECT last_failure->>'advice' FROM certificates.names"), StringComparison.Ordinal);

        database.Authorities[0].RefusedOrders.Clear();
        await database.HurryAsync();
        await issuer.LookAsync(Cancelled);
        Assert.Equal("True", await database.TextAsync(
            "SELECT paused_url IS NULL AND last_failure IS NULL AND certificate_id IS NOT NULL FROM certificates.names"));
    }

    [Fact]
    public async Task A_look_from_elsewhere_that_fails_has_its_own_advice_and_no_storm_of_retries()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        database.Authorities[0].RefusedNames[Name] = new RefusalException(
            400, "connection", "During secondary validation: 203.0.113.1: Fetching http://track: Timeout during connect");
        await database.AddAsync(Name);
        var issuer = database.Start();

        foreach (var pause in (int[])[1, 10, 100, 1440])
        {
            await issuer.LookAsync(Cancelled);
            Assert.Equal("True", await database.TextAsync(
                $"""
                SELECT due_at BETWEEN last_failed_at + interval '{pause} minutes' - interval '1 s'
                    AND last_failed_at + interval '{pause} minutes' + interval '1 s' FROM certificates.names
                """));
            await database.HurryAsync();
        }

        Assert.StartsWith("The authority connects from several countries. Open port 80 to the whole internet",
            await database.TextAsync("SELECT last_failure->>'advice' FROM certificates.names"), StringComparison.Ordinal);
        Assert.Equal(4, database.Authorities[0].Orders);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_order_that_the_authority_gave_up_is_over_and_the_next_one_is_new(bool saysWhy)
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        var authority = database.Authorities[0];
        authority.Alter("challenge", answer =>
        {
            authority.FailOrders(saysWhy ? new RefusalException(403, "caa", "rechecked") : null);
            return answer;
        });
        await database.AddAsync(Name);
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);

        Assert.Equal(saysWhy ? "caa 1 True" : "unknown 1 True", await StateAsync(database, 1));
        Assert.Equal("True", await database.TextAsync("SELECT order_id IS NULL FROM certificates.names"));

        authority.Alter("challenge", answer => answer);
        await database.HurryAsync();
        await issuer.LookAsync(Cancelled);
        Assert.Equal((2, 1), (authority.Orders, authority.Certificates));
    }

    [Fact]
    public async Task An_order_that_takes_its_time_is_no_failure_and_no_second_order()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        var authority = database.Authorities[0];
        authority.ProcessingLooks = int.MaxValue;
        await database.AddAsync(Name);
        (string, string) quick = ("Tracking:Certificates:LongestOrder", "00:00:10");
        await database.Start(settings: quick).LookAsync(Cancelled);
        Assert.Equal("timed-out 0 True", await StateAsync(database, 1));

        // After ten minutes the order continues. After a day it has failed, and another order finishes.
        await database.Start(TimeSpan.FromMinutes(10), quick).LookAsync(Cancelled);
        Assert.Equal(("0", 1), (await database.TextAsync("SELECT failures FROM certificates.names"), authority.Orders));
        await database.Start(TimeSpan.FromDays(1), quick).LookAsync(Cancelled);
        Assert.Equal("1", await database.TextAsync("SELECT failures FROM certificates.names"));

        authority.ProcessingLooks = 0;
        await database.HurryAsync();
        await database.Start(TimeSpan.FromDays(1), quick).LookAsync(Cancelled);
        Assert.Equal(1, authority.Certificates);
        Assert.Equal("True", await database.TextAsync("SELECT certificate_id IS NOT NULL FROM certificates.names"));
    }

    [Theory]
    [InlineData(IssuedWith.OtherKey)]
    [InlineData(IssuedWith.OtherName)]
    [InlineData(IssuedWith.Expired)]
    [InlineData(IssuedWith.BrokenChain)]
    public async Task A_wrong_certificate_is_not_used_and_the_old_one_is_kept(IssuedWith wrong)
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync(Name);
        await database.Start().LookAsync(Cancelled);
        var before = await database.TextAsync("SELECT certificate_id FROM certificates.names");
        database.Authorities[0].IssuesWith = wrong;

        await database.Start(ahead: TimeSpan.FromDays(31)).LookAsync(Cancelled);

        Assert.Equal(before, await database.TextAsync("SELECT certificate_id FROM certificates.names"));
        Assert.Equal("1 not-acme", await database.TextAsync(
            "SELECT failures || ' ' || (last_failure->>'type') FROM certificates.names"));
    }

    [Fact]
    public async Task A_certificate_that_is_not_there_yet_is_fetched_a_little_later()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        database.Authorities[0].Script("certificate", context =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
        await database.AddAsync(Name);
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);
        Assert.Equal("0", await database.TextAsync("SELECT failures FROM certificates.names"));

        await database.HurryAsync();
        await issuer.LookAsync(Cancelled);
        Assert.Equal((1, 1), (database.Authorities[0].Orders, database.Authorities[0].Certificates));
    }

    [Fact]
    public async Task An_account_that_the_authority_has_forgotten_is_made_again_with_its_key()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync("track.a.example.com");
        var issuer = database.Start();
        await issuer.LookAsync(Cancelled);
        var thumbprint = await database.TextAsync("SELECT thumbprint FROM certificates.accounts");
        database.Authorities[0].ForgetAccounts();
        await database.AddAsync("track.b.example.com");

        await issuer.LookAsync(Cancelled);
        await database.HurryAsync();
        await issuer.LookAsync(Cancelled);

        Assert.Equal(2, database.Authorities[0].Certificates);
        Assert.Equal(thumbprint, await database.TextAsync("SELECT thumbprint FROM certificates.accounts"));
    }

    // Type, failures, and whether the next attempt is not before so many minutes.
    private static Task<string> StateAsync(IssuanceDatabase database, int minutes) => database.TextAsync(
        $"""
        SELECT concat_ws(' ', last_failure->>'type', failures,
            CASE WHEN due_at >= last_failed_at + interval '{minutes} minutes' - interval '1 s' THEN 'True' END)
        FROM certificates.names
        """);
}
