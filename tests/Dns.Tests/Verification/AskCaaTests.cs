using static Tracking.Dns.Tests.Verification.SmallInternet;

namespace Tracking.Dns.Tests.Verification;

public sealed class AskCaaTests : IAsyncDisposable
{
    private readonly SmallInternet _internet = new();
    private readonly TestZone _shop;
    private readonly TestZone _targets;

    public AskCaaTests()
    {
        _shop = _internet.Zone("shop.example", "127.0.0.4").Add("track.shop.example", "CNAME " + Target.Value);
        _targets = _internet.Zone("t.operator.example", "127.0.0.3").Add("*.t.operator.example", "A 203.0.113.7");
    }

    public ValueTask DisposeAsync() => _internet.DisposeAsync();

    private Task<CaaAnswer> AskAsync() =>
        new AskCaa(_internet.Wrapped, _internet.Resolver())
            .AskAsync(Host("track.shop.example"), TestContext.Current.CancellationToken);

    [Fact]
    public async Task Without_records_everybody_may_issue()
    {
        var answer = await AskAsync();

        Assert.Empty(answer.Records);
        Assert.Equal(CaaFailure.None, answer.Failure);
    }

    [Fact]
    public async Task Records_at_the_end_of_the_alias_come_before_the_customers()
    {
        _targets.Add("*.t.operator.example", "CAA 0 issue letsencrypt.org");
        _shop.Add("shop.example", "CAA 0 issue other.example");

        var answer = await AskAsync();

        Assert.Equal("letsencrypt.org", Assert.Single(answer.Records).Text);
        Assert.Equal(Asking.Name("track.shop.example"), answer.FoundAt);
    }

    [Fact]
    public async Task Parents_of_the_name_are_asked_and_never_those_of_the_target()
    {
        _targets.Add("t.operator.example", "CAA 0 issue letsencrypt.org");
        _shop.Add("shop.example", "CAA 128 issue other.example");

        var answer = await AskAsync();

        Assert.Equal(("other.example", true), (answer.Records[0].Text, answer.Records[0].IsCritical));
        Assert.Equal(Asking.Name("shop.example"), answer.FoundAt);
    }

    [Fact]
    public async Task A_failure_at_the_closer_name_hides_the_farther()
    {
        _shop.Add("shop.example", "CAA 0 issue letsencrypt.org");
        _internet.ResolverSays = asked =>
            asked.Question.Name.Text == "track.shop.example" ? query => Fail(query, DnsRcode.ServFail) : null;

        var answer = await AskAsync();

        Assert.Equal(CaaFailure.Broken, answer.Failure);
        Assert.Equal(Asking.Name("track.shop.example"), answer.FailedAt);
    }

    [Fact]
    public async Task Broken_signatures_are_told_apart_from_a_broken_server()
    {
        _internet.ResolverSays = asked => (asked.Flags & 0x10) == 0 ? query => Fail(query, DnsRcode.ServFail) : null;

        Assert.Equal(CaaFailure.Bogus, (await AskAsync()).Failure);
    }

    [Fact]
    public async Task A_thousand_records_come_over_TCP()
    {
        for (var i = 0; i < 1000; i++)
        {
            _shop.Add("shop.example", $"CAA 0 issue ca{i}.example");
        }

        _internet.IsTruncating = true;

        Assert.Equal(1000, (await AskAsync()).Records.Count);
    }

    [Fact]
    public async Task A_resolver_that_is_away_says_nothing_about_the_name()
    {
        _internet.Options.Resolvers.Clear();
        _internet.Options.Resolvers.Add("127.0.0.1:9");

        Assert.Equal(CaaFailure.NoResolver, (await AskAsync()).Failure);
    }

    [Fact]
    public async Task The_second_resolver_is_asked_when_the_first_is_away()
    {
        _internet.Options.Resolvers.Insert(0, "127.0.0.1:9");
        _shop.Add("shop.example", "CAA 0 issue letsencrypt.org");

        Assert.Single((await AskAsync()).Records);
    }
}
