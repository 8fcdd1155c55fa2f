using static Tracking.Dns.Tests.Asking;

namespace Tracking.Dns.Tests;

public sealed class JudgeCaaTests
{
    private static readonly CaaIssuer _issuer =
        new(["letsencrypt.org"], "https://acme.example/acct/1", "http-01");

    [Theory]
    [InlineData(CaaVerdict.Allowed)]
    [InlineData(CaaVerdict.Allowed, "issue letsencrypt.org")]
    [InlineData(CaaVerdict.Allowed, "issue  LetsEncrypt.ORG ")]
    [InlineData(CaaVerdict.Allowed, "issue other.example", "issue letsencrypt.org")]
    [InlineData(CaaVerdict.Allowed, "issuewild ;")]
    [InlineData(CaaVerdict.Allowed, "iodef mailto:a@example.com")]
    [InlineData(CaaVerdict.Allowed, "!iodef mailto:a@example.com")]
    [InlineData(CaaVerdict.OtherAuthorities, "issue ;")]
    [InlineData(CaaVerdict.OtherAuthorities, "issue")]
    [InlineData(CaaVerdict.OtherAuthorities, "issue other.example")]
    [InlineData(CaaVerdict.OtherAuthorities, "issue letsencrypt.org.evil.example")]
    [InlineData(CaaVerdict.OtherAuthorities, "issue %%%%%")]
    [InlineData(CaaVerdict.UnknownCritical, "issue letsencrypt.org", "!tbs x")]
    [InlineData(CaaVerdict.Allowed, "issue letsencrypt.org", "tbs x")]
    [InlineData(CaaVerdict.Allowed, "issue letsencrypt.org; accounturi=https://acme.example/acct/1")]
    [InlineData(CaaVerdict.OtherAccount, "issue letsencrypt.org; accounturi=https://acme.example/acct/2")]
    [InlineData(CaaVerdict.Allowed, "issue letsencrypt.org;validationmethods=dns-01,http-01")]
    [InlineData(CaaVerdict.OtherMethod, "issue letsencrypt.org; validationmethods=dns-01")]
    [InlineData(CaaVerdict.OtherAuthorities, "issue letsencrypt.org; accounturi=a; accounturi=a")]
    [InlineData(CaaVerdict.OtherAuthorities, "issue letsencrypt.org; =x")]
    [InlineData(CaaVerdict.Allowed, "issue letsencrypt.org; something=else")]
    public void Records_are_read_as_an_authority_reads_them(CaaVerdict expected, params string[] records)
    {
        var name = Name("a.example");
        var answer = new CaaAnswer(name, name, [.. records.Select(Record)], CaaFailure.None, null);

        var verdict = JudgeCaa.Judge(answer, _issuer);

        Assert.Equal(expected, verdict);
        Assert.EndsWith(".", JudgeCaa.Explain(answer, verdict), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CaaFailure.Broken, CaaVerdict.Broken)]
    [InlineData(CaaFailure.Bogus, CaaVerdict.Bogus)]
    [InlineData(CaaFailure.NoResolver, CaaVerdict.Unknown)]
    public void A_failure_is_no_permission(CaaFailure failure, CaaVerdict expected) =>
        Assert.Equal(expected, JudgeCaa.Judge(new CaaAnswer(Name("a.example"), null, [], failure, null), _issuer));

    [Theory]
    [InlineData("issue other.example", "alias.example. CAA 0 issue \"letsencrypt.org\"")]
    [InlineData("issue ;", "alias.example. CAA 0 issue \"letsencrypt.org\"")]
    [InlineData(
        "issue letsencrypt.org; accounturi=https://acme.example/acct/2",
        "alias.example. CAA 0 issue \"letsencrypt.org; accounturi=https://acme.example/acct/1\"")]
    [InlineData(
        "issue letsencrypt.org; validationmethods=dns-01",
        "alias.example. CAA 0 issue \"letsencrypt.org; validationmethods=http-01\"")]
    [InlineData("issue letsencrypt.org", null)]
    [InlineData("!tbs x", null)]
    public void The_line_to_add_stands_beside_the_records_that_are_there_and_allows_it(string record, string? line)
    {
        var name = Name("a.example");
        var found = Record(record) with { Owner = Name("alias.example") };
        var answer = new CaaAnswer(name, name, [found], CaaFailure.None, null);

        var added = JudgeCaa.LineToAdd(answer, JudgeCaa.Judge(answer, _issuer), _issuer);

        Assert.Equal(line, added);
        if (added is not null)
        {
            var value = added[(added.IndexOf('"', StringComparison.Ordinal) + 1)..^1];
            Assert.Equal(
                CaaVerdict.Allowed,
                JudgeCaa.Judge(answer with { Records = [found, Record("issue " + value)] }, _issuer));
        }
    }

    [Fact]
    public void An_authority_that_does_not_say_its_name_has_no_line()
    {
        var name = Name("a.example");
        var answer = new CaaAnswer(name, name, [Record("issue other.example")], CaaFailure.None, null);

        Assert.Null(JudgeCaa.LineToAdd(
            answer, CaaVerdict.OtherAuthorities, _issuer with { Domains = [] }));
    }

    private static CaaRecord Record(string text)
    {
        var words = text.TrimStart('!').Split(' ', 2);
        return new CaaRecord(
            Name("a.example"), TimeSpan.Zero, text[0] == '!', words[0], words.Length > 1 ? words[1] : "");
    }
}
