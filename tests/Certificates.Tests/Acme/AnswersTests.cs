using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Tracking.Certificates.Acme;

namespace Tracking.Certificates.Tests.Acme;

/// <summary>Reading what authorities send, without a network.</summary>
public sealed class AnswersTests
{
    private static readonly DateTimeOffset _now = new(2026, 8, 5, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("120", 120)]
    [InlineData("0", 0)]
    [InlineData("315360000", 7 * 86_400)]
    [InlineData("Wed, 05 Aug 2026 12:10:00 GMT", 600)]
    [InlineData("Wed, 05 Aug 2020 12:10:00 GMT", 0)]
    [InlineData("Tue, 05 Aug 2036 12:10:00 GMT", 7 * 86_400)]
    public void Retry_After_is_seconds_or_a_date_and_has_bounds(string header, int seconds)
    {
        var value = RetryConditionHeaderValue.Parse(header);

        Assert.Equal(TimeSpan.FromSeconds(seconds), RetryAfter.Read(value, _now));
    }

    [Theory]
    [InlineData("2026-08-06T00:00:00Z", "2026-08-07T00:00:00Z", true)]
    [InlineData("2026-08-06T02:00:00+02:00", "2026-08-06T00:00:01Z", true)]
    [InlineData("2026-08-07T00:00:00Z", "2026-08-06T00:00:00Z", false)]
    [InlineData("2026-08-07T00:00:00Z", "2026-08-07T00:00:00Z", false)]
    [InlineData("yesterday", "2026-08-07T00:00:00Z", false)]
    public void A_renewal_window_ends_after_it_starts(string start, string end, bool isOne)
    {
        var outcome = Window(start, end, null);

        Assert.Equal(isOne, outcome.Value is not null);
        Assert.Equal(isOne ? null : AcmeProblemType.NotAcme, outcome.Problem?.Type);
    }

    [Theory]
    [InlineData(null, 6 * 3_600)]
    [InlineData(1, 60)]
    [InlineData(7_200, 7_200)]
    [InlineData(315_360_000, 86_400)]
    public void An_authority_is_asked_again_after_a_minute_to_a_day(int? retryAfter, int seconds)
    {
        var outcome = Window("2026-08-06T00:00:00Z", "2026-08-07T00:00:00Z", retryAfter);

        Assert.Equal(TimeSpan.FromSeconds(seconds), outcome.Value!.AskAgainAfter);
    }

    [Fact]
    public void Instants_are_spread_over_the_window()
    {
        var window = Window("2026-08-06T00:00:00Z", "2026-08-07T00:00:00Z", null).Value!;

        var hours = Enumerable.Range(0, 2_000).Select(_ => window.ChooseInstant()).ToList();

        Assert.All(hours, instant => Assert.InRange(instant, window.Start, window.End));
        // Of 24 hours none is left out: (23/24)^2000 is 1e-37.
        Assert.Equal(24, hours.Select(instant => instant.Hour).Distinct().Count());
    }

    [Fact]
    public void Links_are_read_by_their_relation_in_one_header_or_several()
    {
        var links = AcmeAnswer.ReadLinks(
        [
            "<https://a.example/dir>;rel=\"index\", </cert/1/1>; rel=\"alternate\"",
            "<https://a.example/cert/1/2>;title=x;rel=alternate",
            "nonsense",
        ]);

        Assert.Equal(
            [("https://a.example/dir", "index"), ("/cert/1/1", "alternate"),
            ("https://a.example/cert/1/2", "alternate")],
            links);
    }

    [Fact]
    public void Nonces_are_given_newest_first_once_and_not_when_they_are_old()
    {
        var time = new FakeTimeProvider();
        var pool = new NoncePool(TimeSpan.FromMinutes(5), time);
        pool.Add("first");
        time.Advance(TimeSpan.FromMinutes(3));
        pool.Add("second");
        pool.Add("no nonce");
        pool.Add("");
        pool.Add(null);

        Assert.Equal("second", pool.Take());
        time.Advance(TimeSpan.FromMinutes(3));
        Assert.Null(pool.Take());
        pool.Add("third");
        Assert.Equal("third", pool.Take());
        Assert.Null(pool.Take());
    }

    [Fact]
    public void The_pool_keeps_the_newest()
    {
        var pool = new NoncePool(TimeSpan.FromMinutes(5), new FakeTimeProvider());
        for (var number = 0; number < 2 * NoncePool.Capacity; number++)
        {
            pool.Add($"n{number}");
        }

        var taken = new List<string>();
        while (pool.Take() is { } nonce)
        {
            taken.Add(nonce);
        }

        Assert.Equal(NoncePool.Capacity, taken.Count);
        Assert.Equal($"n{(2 * NoncePool.Capacity) - 1}", taken[0]);
        Assert.Equal(taken.Count, taken.Distinct().Count());
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")]
    public void What_is_no_chain_is_none(string pem)
    {
        Assert.Null(CertificateChain.FromPem(pem));
    }

    [Fact]
    public void Beginnings_without_an_end_are_no_chain_and_cost_no_more_than_a_moment()
    {
        Assert.Null(CertificateChain.FromPem(string.Concat(Enumerable.Repeat("-----BEGIN A-----\n", 60_000))));
        Assert.Null(CertificateChain.FromPem(string.Concat(Enumerable.Repeat("-----BEGIN A-----\n", 7_000))));
    }

    private static AcmeOutcome<RenewalInformation> Window(string start, string end, int? retryAfter) =>
        RenewalInformation.Read(new AcmeAnswer(
            new Uri("https://authority.example/"), 200,
            Encoding.UTF8.GetBytes($$"""{"suggestedWindow":{"start":"{{start}}","end":"{{end}}"},"new":1}"""))
        {
            RetryAfter = retryAfter is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        });
}
