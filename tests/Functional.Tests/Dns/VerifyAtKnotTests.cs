using DnsClient;
using Tracking.Dns;
using Tracking.Dns.Wire;
using Tracking.Domains;

namespace Tracking.Functional.Tests.Dns;

/// <summary>The checks and the client against Knot and Unbound.</summary>
public sealed class VerifyAtKnotTests(DnsLab lab) : IClassFixture<DnsLab>
{
    [Theory]
    [InlineData("track.shop.example", DiagnosisOutcome.Verified)]
    [InlineData("track.moved.shop.example", DiagnosisOutcome.Verified)]
    [InlineData("track.deep.example", DiagnosisOutcome.Verified)]
    [InlineData("track.signed.example", DiagnosisOutcome.Verified)]
    [InlineData("a.wild.shop.example", DiagnosisOutcome.Verified, FindingCode.WildcardToTarget)]
    [InlineData("track.lame.example", DiagnosisOutcome.Verified, FindingCode.ServerRefuses)]
    [InlineData("none.shop.example", DiagnosisOutcome.Contradicted, FindingCode.NoRecord)]
    [InlineData("other.shop.example", DiagnosisOutcome.Contradicted, FindingCode.OtherTarget)]
    [InlineData("scheme.shop.example", DiagnosisOutcome.Contradicted, FindingCode.ValueWithScheme)]
    [InlineData("appended.shop.example", DiagnosisOutcome.Contradicted, FindingCode.ValueWithZoneAppended)]
    [InlineData("doubled.shop.example", DiagnosisOutcome.Contradicted, FindingCode.DoubledSuffix)]
    [InlineData("address.shop.example", DiagnosisOutcome.Contradicted, FindingCode.AddressInsteadOfCname)]
    [InlineData("flat.shop.example", DiagnosisOutcome.Contradicted, FindingCode.Flattened)]
    [InlineData("proxied.shop.example", DiagnosisOutcome.Contradicted, FindingCode.Proxied)]
    [InlineData("loop.shop.example", DiagnosisOutcome.Contradicted, FindingCode.Loop)]
    [InlineData("a.full.shop.example", DiagnosisOutcome.Contradicted, FindingCode.WildcardInTheWay)]
    [InlineData("track.nobody.example", DiagnosisOutcome.Contradicted, FindingCode.NoZone)]
    [InlineData("half.shop.example", DiagnosisOutcome.NoEvidence, FindingCode.ServersDisagree)]
    [InlineData("track.bogus.example", DiagnosisOutcome.NoEvidence, FindingCode.DnssecBogus)]
    public async Task Each_case_has_its_outcome_and_its_finding(
        string host, DiagnosisOutcome outcome, params FindingCode[] codes)
    {
        var diagnosis = await lab.CheckAsync(host);

        // The resolver may ask either of the two servers.
        var asExpected = diagnosis.Outcome == outcome
            || (host.StartsWith("half.", StringComparison.Ordinal) && diagnosis.Outcome == DiagnosisOutcome.Verified);
        Assert.True(
            asExpected && codes.SequenceEqual(diagnosis.Findings
                .Select(finding => finding.Code).Where(code => code != FindingCode.NotYetPublished)),
            diagnosis.ToJson());
        Assert.InRange(diagnosis.Queries, 1, 60);
    }

    [Theory]
    [InlineData("track.shop.example", DnsType.A)]
    [InlineData("track.shop.example", DnsType.Cname)]
    [InlineData("shop.example", DnsType.Ns)]
    [InlineData("shop.example", DnsType.Soa)]
    [InlineData("none.shop.example", DnsType.A)]
    [InlineData("a.wild.shop.example", DnsType.Cname)]
    [InlineData("ten.large.example", DnsType.Aaaa)]
    [InlineData("ten.large.example", DnsType.A)]
    [InlineData("many.large.example", DnsType.A)]
    [InlineData("track.deep.example", DnsType.A)]
    [InlineData("nowhere.invalid", DnsType.A)]
    public async Task Our_client_reads_what_DnsClient_reads(string name, DnsType type)
    {
        var reply = await lab.NameServer.AskAsync(
            lab.First, new Tracking.Dns.DnsQuestion(DnsLab.Name(name), type), new QueryBudget(9),
            TestContext.Current.CancellationToken);
        var other = ReadResponse.Read(await new LookupClient(new LookupClientOptions(lab.First)
        {
            UseCache = false,
            Recursion = false,
            ExtendedDnsBufferSize = 1232,
        }).QueryAsync(name, (QueryType)type, cancellationToken: TestContext.Current.CancellationToken));

        var message = reply.Message!;
        Assert.Equal(other.Rcode, message.Rcode);
        Assert.Equal(other.IsAuthoritative, message.IsAuthoritative);
        Assert.Equal(other.NegativeTtl, message.NegativeTtl);
        Assert.Equal(Sorted(other.Answers), Sorted(message.Answers));
        Assert.Equal(Sorted(other.Authority), Sorted(message.Authority));
        Assert.Equal(Sorted(other.Additional), Sorted(message.Additional));

        static IEnumerable<string> Sorted(IEnumerable<DnsRecord> records) =>
            records.Select(record => $"{record.Owner} {record.Ttl} {record}").Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task A_long_answer_comes_over_TCP()
    {
        var reply = await lab.NameServer.AskAsync(
            lab.First, new Tracking.Dns.DnsQuestion(DnsLab.Name("many.large.example"), DnsType.A), new QueryBudget(9),
            TestContext.Current.CancellationToken);

        Assert.True(reply.IsOverTcp);
        Assert.Equal(200, reply.Message!.Answers.Count);
    }

    [Fact]
    public async Task A_label_with_a_dot_is_another_name_to_Knot_too()
    {
        var with = await AskAsync("a\\.b.large.example");
        var without = await AskAsync("a.b.large.example");

        Assert.Single(with.Message!.Answers);
        Assert.Equal(DnsRcode.NxDomain, without.Message!.Rcode);

        Task<DnsReply> AskAsync(string name) => lab.NameServer.AskAsync(
            lab.First, new Tracking.Dns.DnsQuestion(DnsLab.Name(name), DnsType.A), new QueryBudget(9),
            TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("track.shop.example", "track.shop.example", "letsencrypt.org", CaaFailure.None)]
    [InlineData("ten.large.example", "large.example", ";", CaaFailure.None)]
    [InlineData("track.agency.example", "track.agency.example", "letsencrypt.org", CaaFailure.None)]
    [InlineData("none.shop.example", null, null, CaaFailure.None)]
    [InlineData("track.bogus.example", null, null, CaaFailure.Bogus)]
    public async Task CAA_is_found_as_an_authority_finds_it(
        string host, string? foundAt, string? value, CaaFailure failure)
    {
        var answer = await new AskCaa(lab.Options, lab.Resolver)
            .AskAsync(DnsLab.Host(host), TestContext.Current.CancellationToken);

        Assert.Equal(failure, answer.Failure);
        Assert.Equal(foundAt, answer.FoundAt?.Text);
        Assert.Equal(value, answer.Records.SingleOrDefault()?.Text);
    }
}
