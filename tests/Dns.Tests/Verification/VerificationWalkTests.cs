using System.Net;
using Tracking.Domains;
using static Tracking.Dns.Tests.Verification.SmallInternet;

namespace Tracking.Dns.Tests.Verification;

public sealed class VerificationWalkTests : IAsyncDisposable
{
    private const string Right = "CNAME v-7k2.t.operator.example";

    // For tests without a silent server: a slow machine is no time-out.
    private static readonly TimeSpan _patient = TimeSpan.FromSeconds(20);

    private readonly SmallInternet _internet = new();
    private readonly TestZone _shop;

    public VerificationWalkTests() => _shop = _internet.Zone("shop.example", "127.0.0.4", "127.0.0.5");

    public ValueTask DisposeAsync() => _internet.DisposeAsync();

    private static DomainFinding Only(DomainDiagnosis diagnosis, FindingCode code) =>
        Assert.Single(diagnosis.Findings, finding => finding.Code == code);

    private static void Says(DomainDiagnosis diagnosis, DiagnosisOutcome outcome, params FindingCode[] codes)
    {
        Assert.True(
            codes.SequenceEqual(diagnosis.Findings.Select(finding => finding.Code)) && outcome == diagnosis.Outcome,
            diagnosis.ToJson());
    }

    [Fact]
    public async Task A_name_that_leads_to_its_target_is_verified_and_there_is_nothing_to_say()
    {
        _shop.Add("track.shop.example", Right);

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Verified);
        Assert.Equal("shop.example", diagnosis.Zone);
        Assert.Equal("track", diagnosis.NameToEnter);
        Assert.Contains(diagnosis.Hops, hop => hop is
        {
            Purpose: HopPurpose.Walk, Server: "ns2.shop.example", Transport: "udp", Rcode: "NOERROR", Ttl: 300,
            Answers: [Right],
        });
        Assert.DoesNotContain(diagnosis.Hops, hop => hop.Purpose != HopPurpose.Resolver && hop.Name == Target.Value);
    }

    [Fact]
    public async Task Name_servers_that_have_IPv6_alone_are_asked_there()
    {
        if (!Asking.HasIPv6)
        {
            Assert.Equal(DnsFailure.NoRoute, await Asking.WithoutIPv6Async());
            return;
        }

        _internet.Zone("six.example", "::1").Add("track.six.example", Right);

        var diagnosis = await _internet.CheckAsync("track.six.example");

        Says(diagnosis, DiagnosisOutcome.Verified);
        Assert.Contains(diagnosis.Hops, hop => hop.Purpose == HopPurpose.Walk && hop.Address!.Contains("::1"));
    }

    [Fact]
    public async Task A_chain_over_another_zone_is_followed_to_the_target_and_no_further()
    {
        _shop.Add("track.shop.example", "CNAME links.agency.example");
        _internet.Zone("agency.example", "127.0.0.6").Add("links.agency.example", Right);

        Says(await _internet.CheckAsync(), DiagnosisOutcome.Verified);
    }

    [Fact]
    public async Task A_target_that_is_an_alias_itself_is_the_end_all_the_same()
    {
        _shop.Add("track.shop.example", Right);
        _internet.Zone("t.operator.example", "127.0.0.3").Add("*.t.operator.example", "CNAME nowhere.example");

        Says(await _internet.CheckAsync(), DiagnosisOutcome.Verified);
    }

    [Fact]
    public async Task A_record_that_is_not_there_contradicts_and_the_zone_says_how_long_that_is_remembered()
    {
        (_shop.SoaTtl, _shop.SoaMinimum) = (86400, 60);

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Contradicted, FindingCode.NoRecord);
        var finding = diagnosis.Findings[0];
        Assert.Equal(diagnosis.At + TimeSpan.FromSeconds(60), finding.RememberedUntil);
        Assert.Contains(finding.RememberedUntil!.Value.ToString("HH:mm"), finding.Text);
        Assert.Equal(
            "In the zone shop.example, enter a record of the type CNAME with the name track and the value "
            + "v-7k2.t.operator.example.",
            finding.NextStep);
        Assert.Contains("ns1.shop.example (127.0.0.4), ns2.shop.example (127.0.0.5)", finding.Server);
    }

    [Fact]
    public async Task An_empty_name_above_others_has_no_record_either()
    {
        _shop.Add("a.track.shop.example", Right);

        Says(await _internet.CheckAsync(), DiagnosisOutcome.Contradicted, FindingCode.NoRecord);
    }

    [Fact]
    public async Task Another_target_contradicts()
    {
        _shop.Add("track.shop.example", "CNAME v-other.t.operator.example");

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Contradicted, FindingCode.OtherTarget);
        Assert.Equal("CNAME v-other.t.operator.example", diagnosis.Findings[0].Seen);
        Assert.Equal(Right, diagnosis.Findings[0].Expected);
    }

    [Theory]
    [InlineData("CNAME https://v-7k2.t.operator.example/", FindingCode.ValueWithScheme)]
    [InlineData("CNAME https://v-7k2.t.operator.example/.shop.example", FindingCode.ValueWithScheme)]
    [InlineData("CNAME https\\058\\047\\047v-7k2.t.operator.example", FindingCode.ValueWithScheme)]
    [InlineData("CNAME https%3A%2F%2Fv-7k2.t.operator.example", FindingCode.ValueWithScheme)]
    [InlineData("CNAME https.v-7k2.t.operator.example", FindingCode.ValueWithScheme)]
    [InlineData("CNAME v-7k2.t.operator.example.shop.example", FindingCode.ValueWithZoneAppended)]
    [InlineData("CNAME v-7k2.shop.example", FindingCode.ValueWithZoneAppended)]
    public async Task A_value_that_was_entered_wrongly_is_recognised(string record, FindingCode code)
    {
        _shop.Add("track.shop.example", record);

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Contradicted, code);
        Assert.StartsWith("Change the value of the record to v-7k2.t.operator.example", diagnosis.Findings[0].NextStep);
    }

    [Fact]
    public async Task A_name_with_the_zone_twice_is_recognised()
    {
        _shop.Add("track.shop.example.shop.example", Right);

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Contradicted, FindingCode.DoubledSuffix);
        Assert.Equal("Change the name of the record to track.", diagnosis.Findings[0].NextStep);
    }

    [Theory]
    [InlineData("A 192.0.2.9", FindingCode.AddressInsteadOfCname)]
    [InlineData("AAAA 2001:db8::9", FindingCode.AddressInsteadOfCname)]
    [InlineData("A 203.0.113.7", FindingCode.Flattened)]
    [InlineData("A 104.16.1.1", FindingCode.Proxied)]
    public async Task Addresses_instead_of_the_record_are_told_apart(string record, FindingCode code)
    {
        _shop.Add("track.shop.example", record);

        Says(await _internet.CheckAsync(), DiagnosisOutcome.Contradicted, code);
    }

    [Theory]
    [InlineData("CNAME www.shop.example")]
    [InlineData("A 192.0.2.9")]
    public async Task A_wildcard_that_answers_for_the_name_is_recognised(string record)
    {
        _shop.Add("*.shop.example", record).Add("www.shop.example", "A 192.0.2.9");

        Says(await _internet.CheckAsync(), DiagnosisOutcome.Contradicted, FindingCode.WildcardInTheWay);
    }

    [Theory]
    [InlineData("v-other.t.operator.example", "A 203.0.113.7")]
    [InlineData("v-other.t.operator.example", "CNAME edge.operator.example")]
    [InlineData("links.agency.example", "A 203.0.113.7")]
    public async Task A_wildcard_at_the_target_of_another_name_contradicts(string value, string behind)
    {
        _internet.Zone("t.operator.example", "127.0.0.3").Add("*.t.operator.example", behind);
        _internet.Zone("agency.example", "127.0.0.6").Add("links.agency.example", "CNAME v-other.t.operator.example");
        _shop.Add("*.shop.example", "CNAME " + value);

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Contradicted, FindingCode.WildcardInTheWay);
        Assert.Equal("CNAME " + value, diagnosis.Findings[0].Seen);
        Assert.Equal(Right, diagnosis.Findings[0].Expected);
    }

    [Theory]
    [InlineData(DnsRcode.NoError, true)]
    [InlineData(DnsRcode.NoError, false)]
    [InlineData(DnsRcode.NxDomain, true)]
    [InlineData(DnsRcode.NxDomain, false)]
    public async Task A_minimal_answer_with_something_else_than_was_asked_is_no_evidence(
        DnsRcode rcode, bool isResolverToo)
    {
        _internet.Options.QueryTimeout = _patient;
        foreach (var address in new[] { "127.0.0.4", "127.0.0.5" })
        {
            _internet.Server(address).Says = query => [Minimal(query, rcode, 0x8400)];
        }

        _internet.ResolverSays = asked => isResolverToo && asked.Question.Name.Text == "track.shop.example"
            && asked.Question.Type is DnsType.A or DnsType.Aaaa or DnsType.Cname
                ? query => Minimal(query, rcode, 0x8180)
                : null;

        var diagnosis = await _internet.CheckAsync();

        Assert.True(diagnosis.Outcome == DiagnosisOutcome.NoEvidence, diagnosis.ToJson());
        Assert.Contains(diagnosis.Findings, finding => finding is
        {
            Code: FindingCode.BadAnswers, Server: "ns1.shop.example (127.0.0.4), ns2.shop.example (127.0.0.5)",
        });
        Assert.Equal(
            !isResolverToo, diagnosis.Findings.Any(finding => finding.Code == FindingCode.NoRecord));
    }

    [Fact]
    public async Task A_minimal_answer_of_one_server_leaves_it_to_the_others()
    {
        _internet.Options.QueryTimeout = _patient;
        _shop.Add("track.shop.example", Right);
        _internet.Server("127.0.0.5").Says = query => [Minimal(query, DnsRcode.NoError, 0x8400)];

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Verified, FindingCode.BadAnswers);
        Assert.Equal(FindingSeverity.Warning, diagnosis.Findings[0].Severity);
    }

    // RFC 8482, 4.2: HINFO with the RFC's name in place of all records.
    private static byte[] Minimal(byte[] query, DnsRcode rcode, int flags) =>
        Message.To(query, (int)rcode, flags)
            .Record(6, Read(query).Question.Name.Text, 13, 3600, [7, .. "RFC8482"u8, 0]).Bytes;

    [Fact]
    public async Task A_wildcard_to_the_target_verifies_with_a_warning()
    {
        _shop.Add("*.shop.example", Right);

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Verified, FindingCode.WildcardToTarget);
        Assert.Equal(FindingSeverity.Warning, diagnosis.Findings[0].Severity);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Aliases_in_a_circle_are_a_loop(int names)
    {
        Circle(names);

        Says(await _internet.CheckAsync(), DiagnosisOutcome.Contradicted, FindingCode.Loop);
    }

    [Fact]
    public async Task A_circle_as_long_as_the_longest_chain_is_a_loop()
    {
        (_internet.Options.LongestChain, _internet.Options.QueryTimeout) = (16, _patient);
        Circle(16);

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Contradicted, FindingCode.Loop);
        AssertWalked(diagnosis, 16);
    }

    // Where a chain is no longer followed, nobody knows that it is a circle.
    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    public async Task A_circle_of_seventeen_aliases_is_left_before_its_end(int longest)
    {
        (_internet.Options.LongestChain, _internet.Options.QueryTimeout) = (longest, _patient);
        Circle(17);

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Contradicted, FindingCode.ChainTooLong);
        AssertWalked(diagnosis, longest);
    }

    private void AssertWalked(DomainDiagnosis diagnosis, int names)
    {
        AssertFewQueries(diagnosis);
        Assert.Equal(names, diagnosis.Hops
            .Where(hop => hop.Purpose == HopPurpose.Walk).Select(hop => hop.Name).Distinct().Count());
    }

    private void Circle(int names)
    {
        for (var i = 0; i < names; i++)
        {
            _shop.Add(NameOf(i), "CNAME " + NameOf((i + 1) % names));
        }
    }

    [Fact]
    public async Task Seventeen_aliases_are_too_many()
    {
        for (var i = 0; i < 17; i++)
        {
            _shop.Add(NameOf(i), i == 16 ? Right : "CNAME " + NameOf(i + 1));
        }

        Says(await _internet.CheckAsync(), DiagnosisOutcome.Contradicted, FindingCode.ChainTooLong);
    }

    [Fact]
    public async Task Eight_aliases_are_followed()
    {
        for (var i = 0; i < 8; i++)
        {
            _shop.Add(NameOf(i), i == 7 ? Right : "CNAME " + NameOf(i + 1));
        }

        Says(await _internet.CheckAsync(), DiagnosisOutcome.Verified);
    }

    private static string NameOf(int number) => number == 0 ? "track.shop.example" : $"a{number}.shop.example";

    [Theory]
    [InlineData("CNAME other.example")]
    [InlineData("A 192.0.2.9")]
    public async Task Two_records_where_one_is_allowed_do_not_verify(string other)
    {
        _shop.Add("track.shop.example", Right).Add("track.shop.example", other);

        var diagnosis = await _internet.CheckAsync();

        Assert.NotEqual(DiagnosisOutcome.Verified, diagnosis.Outcome);
        Only(diagnosis, FindingCode.SeveralRecords);
    }

    [Fact]
    public async Task A_DNAME_that_the_server_does_not_spell_out_is_followed()
    {
        foreach (var address in new[] { "127.0.0.4", "127.0.0.5" })
        {
            _internet.Server(address).Says = query => Read(query).Question.Name.Text == "track.shop.example"
                ? [Message.To(query).Alias("shop.example", "agency.example", type: DnsType.Dname).Bytes]
                : null;
        }

        _internet.Zone("agency.example", "127.0.0.6").Add("track.agency.example", Right);

        Assert.Equal(DiagnosisOutcome.Verified, (await _internet.CheckAsync()).Outcome);
    }

    [Fact]
    public async Task Names_are_compared_without_regard_to_case()
    {
        foreach (var address in new[] { "127.0.0.4", "127.0.0.5" })
        {
            _internet.Server(address).Says = query =>
            {
                var answer = Message.To(query).Alias("track.shop.example", Target.Value).Bytes;
                for (var i = answer.Length - 20; i < answer.Length; i++)
                {
                    answer[i] = (byte)char.ToUpperInvariant((char)answer[i]);
                }

                return [answer];
            };
        }

        Assert.Equal(DiagnosisOutcome.Verified, (await _internet.CheckAsync()).Outcome);
    }

    [Fact]
    public async Task A_majority_verifies_and_the_one_that_disagrees_is_named()
    {
        var shop = _internet.Zone("shop.example", "127.0.0.4", "127.0.0.5", "127.0.0.6")
            .Add("track.shop.example", Right);
        var old = shop.Copy();
        old.Clear("track.shop.example");
        _internet.Server("127.0.0.4").Zones.RemoveAt(0);
        _internet.Server("127.0.0.5").Zones.RemoveAt(0);
        _internet.Server("127.0.0.6").Zones[0] = old;

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Verified, FindingCode.ServersDisagree);
        Assert.Equal("ns3.shop.example (127.0.0.6)", diagnosis.Findings[0].Server);
    }

    [Fact]
    public async Task One_of_three_that_still_has_the_record_keeps_the_name_from_being_contradicted()
    {
        var shop = _internet.Zone("shop.example", "127.0.0.4", "127.0.0.5", "127.0.0.6");
        _internet.Server("127.0.0.4").Zones.RemoveAt(0);
        _internet.Server("127.0.0.5").Zones.RemoveAt(0);
        _internet.Server("127.0.0.6").Zones[0] = shop.Copy().Add("track.shop.example", Right);

        var diagnosis = await _internet.CheckAsync();

        Assert.Equal(DiagnosisOutcome.NoEvidence, diagnosis.Outcome);
        Assert.Equal("ns3.shop.example (127.0.0.6)", Only(diagnosis, FindingCode.ServersDisagree).Server);
    }

    [Theory]
    [InlineData(DnsRcode.ServFail, FindingCode.Servfail)]
    [InlineData(DnsRcode.Refused, FindingCode.ServerRefuses)]
    [InlineData(DnsRcode.NotAuth, FindingCode.LameServer)]
    [InlineData(DnsRcode.NotImp, FindingCode.BadAnswers)]
    public async Task Servers_that_fail_are_no_evidence_whatever_the_resolver_remembers(
        DnsRcode rcode, FindingCode code)
    {
        foreach (var address in new[] { "127.0.0.4", "127.0.0.5" })
        {
            _internet.Server(address).Says = query => [Fail(query, rcode)];
        }

        var diagnosis = await _internet.CheckAsync();

        Assert.Equal(DiagnosisOutcome.NoEvidence, diagnosis.Outcome);
        Assert.Equal(
            "ns1.shop.example (127.0.0.4), ns2.shop.example (127.0.0.5)", Only(diagnosis, code).Server);
    }

    [Fact]
    public async Task An_answer_that_is_cut_and_whose_rest_cannot_be_fetched_is_no_evidence()
    {
        foreach (var address in new[] { "127.0.0.4", "127.0.0.5" })
        {
            var server = _internet.Server(address);
            server.Says = query => [Message.To(query, flags: 0x8600).Bytes];
            server.RefusesTcp = true;
        }

        var diagnosis = await _internet.CheckAsync();

        Assert.Equal(DiagnosisOutcome.NoEvidence, diagnosis.Outcome);
        Assert.Contains(diagnosis.Hops, hop => hop.Failure == "tcp-refused");
    }

    [Fact]
    public async Task One_server_that_fails_of_two_is_a_warning_and_no_more()
    {
        _shop.Add("track.shop.example", Right);
        _internet.Server("127.0.0.5").Says = query => [Fail(query, DnsRcode.ServFail)];

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Verified, FindingCode.Servfail);
        Assert.Equal(FindingSeverity.Warning, diagnosis.Findings[0].Severity);
    }

    [Fact]
    public async Task One_server_by_itself_contradicts_only_with_the_resolver()
    {
        _internet.Server("127.0.0.5").Says = _ => [];
        var alone = await _internet.CheckAsync();
        Assert.Equal(DiagnosisOutcome.Contradicted, alone.Outcome);

        _internet.ResolverSays = asked => asked.Question is { Name.Text: "track.shop.example", Type: DnsType.Cname }
            ? query => Message.To(query, flags: 0x8180).Alias("track.shop.example", Target.Value).Bytes
            : null;
        Assert.Equal(DiagnosisOutcome.NoEvidence, (await _internet.CheckAsync()).Outcome);
    }

    [Fact]
    public async Task Servers_that_do_not_answer_leave_it_to_the_resolver()
    {
        _shop.Add("track.shop.example", Right);
        _internet.Server("127.0.0.4").Says = _ => [];
        _internet.Server("127.0.0.5").Says = _ => [];

        var diagnosis = await _internet.CheckAsync();

        Assert.Equal(DiagnosisOutcome.Verified, diagnosis.Outcome);
        Only(diagnosis, FindingCode.TimeOut);
        Only(diagnosis, FindingCode.ResolverOnly);
    }

    [Fact]
    public async Task Servers_that_do_not_answer_are_no_evidence_whatever_the_resolver_remembers()
    {
        foreach (var address in new[] { "127.0.0.4", "127.0.0.5" })
        {
            _internet.Server(address).Says = _ => [];
        }

        _internet.ResolverSays = asked =>
            asked.Question.Name.Text == "track.shop.example" && asked.Question.Type != DnsType.Ns
            ? query => Message.To(query, (int)DnsRcode.NxDomain, 0x8180).Soa("shop.example", 40, 3600).Bytes
            : null;

        var diagnosis = await _internet.CheckAsync();

        Assert.Equal(DiagnosisOutcome.NoEvidence, diagnosis.Outcome);
        Only(diagnosis, FindingCode.TimeOut);
    }

    [Fact]
    public async Task A_fresh_record_does_not_wait_for_what_the_resolver_remembers()
    {
        _shop.Add("track.shop.example", Right);
        _internet.ResolverSays = asked =>
            asked.Question.Name.Text == "track.shop.example" && asked.Question.Type != DnsType.Ns
            ? query => Message.To(query, (int)DnsRcode.NxDomain, 0x8180).Soa("shop.example", 40, 60).Bytes
            : null;

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Verified, FindingCode.NotYetPublished);
        Assert.InRange(
            diagnosis.Findings[0].RememberedUntil!.Value - diagnosis.At,
            TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(50));
    }

    [Fact]
    public async Task Broken_signatures_are_told_apart_from_a_broken_server_and_never_verify()
    {
        _shop.Add("track.shop.example", Right);
        _internet.ResolverSays = asked => asked.Question.Name.Text.EndsWith("shop.example", StringComparison.Ordinal)
            && asked.Question.Type is DnsType.Cname && (asked.Flags & 0x10) == 0
                ? query => Message.To(query, (int)DnsRcode.ServFail, 0x8180).Opt(0, Message.Error(7, "old")).Bytes
                : null;

        var bogus = await _internet.CheckAsync();
        Assert.Equal(DiagnosisOutcome.NoEvidence, bogus.Outcome);
        Assert.Contains("7 signature expired: old", Only(bogus, FindingCode.DnssecBogus).Seen);

        _internet.ResolverSays = asked => asked.Question.Type is DnsType.Cname
            ? query => Fail(query, DnsRcode.ServFail)
            : null;
        var broken = await _internet.CheckAsync();
        Says(broken, DiagnosisOutcome.Verified, FindingCode.Servfail);
    }

    [Fact]
    public async Task A_zone_whose_servers_the_resolver_cannot_ask_is_found_by_its_parent()
    {
        _shop.Add("track.shop.example", Right);
        _internet.ResolverSays = asked =>
            asked.Question.Name.Text is "track.shop.example" or "shop.example"
                ? query => Fail(query, DnsRcode.ServFail)
                : null;
        Parent().Delegations.AddRange(
        [
            ("shop.example", "ns1.shop.example", "127.0.0.4"), ("shop.example", "ns2.shop.example", "127.0.0.5"),
        ]);

        var diagnosis = await _internet.CheckAsync();

        Assert.Equal(DiagnosisOutcome.Verified, diagnosis.Outcome);
        Assert.Equal("shop.example", diagnosis.Zone);
    }

    [Fact]
    public async Task Other_servers_at_the_parent_than_in_the_zone_are_a_finding()
    {
        Parent().Delegations.Add(("shop.example", "old.provider.example", null));

        var diagnosis = await _internet.CheckAsync();

        var finding = Only(diagnosis, FindingCode.DelegationMismatch);
        Assert.Equal("old.provider.example", finding.Seen);
        Assert.Equal("ns1.shop.example, ns2.shop.example", finding.Expected);
    }

    [Fact]
    public async Task A_referral_upwards_or_in_a_circle_is_a_lame_server()
    {
        foreach (var address in new[] { "127.0.0.4", "127.0.0.5" })
        {
            _internet.Server(address).Says = query =>
                [Message.To(query, flags: 0x8000).Ns("shop.example", "ns1.shop.example").Bytes];
        }

        var diagnosis = await _internet.CheckAsync();

        Assert.Equal(DiagnosisOutcome.NoEvidence, diagnosis.Outcome);
        Only(diagnosis, FindingCode.LameServer);
        AssertFewQueries(diagnosis);
    }

    [Fact]
    public async Task Servers_that_refer_to_each_other_without_end_cost_no_more_than_the_limit()
    {
        const string host = "a.b.c.d.e.f.g.h.shop.example";
        foreach (var (address, other) in new[] { ("127.0.0.4", "ns2"), ("127.0.0.5", "ns1") })
        {
            var labels = 2;
            _internet.Server(address).Says = query =>
            {
                // Each time one label further down, and at the end from the top again.
                labels = labels == 10 ? 3 : labels + 1;
                var zone = string.Join('.', host.Split('.')[^labels..]);
                return
                [
                    Message.To(query, flags: 0x8000).Ns(zone, $"{other}.shop.example")
                        .Ns(zone, $"ns{labels}.victim.example").Bytes,
                ];
            };
        }

        var diagnosis = await _internet.CheckAsync(host);

        Assert.Equal(DiagnosisOutcome.NoEvidence, diagnosis.Outcome);
        AssertFewQueries(diagnosis);
    }

    private void AssertFewQueries(DomainDiagnosis diagnosis)
    {
        Assert.InRange(diagnosis.Queries, 1, 60);
        Assert.InRange(_internet.ResolverQueries + _internet.Queries, 1, 60);
    }

    [Theory]
    [InlineData("203.0.114.7")]
    [InlineData("2a06:98c1:50::1")]
    [InlineData("::ffff:203.0.114.7")]
    public async Task A_name_server_at_our_own_address_is_not_asked(string address)
    {
        _internet.Options.AllowPrivateAddresses = false;
        var plain = IPAddress.Parse(address);
        _internet.OwnAddresses.Add(plain.IsIPv4MappedToIPv6 ? plain.MapToIPv4() : plain);
        _shop.Add("ns1.shop.example", (address.Contains(':') ? "AAAA " : "A ") + address);

        var diagnosis = await _internet.CheckAsync();

        var finding = Only(diagnosis, FindingCode.NameServerAddressRefused);
        Assert.Equal("ns1.shop.example, ns2.shop.example", finding.Server);
        Assert.Equal(0, _internet.Queries);
        Assert.DoesNotContain(diagnosis.Hops, hop => hop.Server is not null);
    }

    [Fact]
    public async Task One_of_two_name_servers_at_our_own_address_is_a_warning_and_is_not_asked()
    {
        OwnIsTheSecond();
        _shop.Add("track.shop.example", Right);

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Verified, FindingCode.NameServerAddressRefused);
        Assert.Equal(
            (FindingSeverity.Warning, "ns2.shop.example"),
            (diagnosis.Findings[0].Severity, diagnosis.Findings[0].Server));
        Assert.Empty(_internet.Server("127.0.0.5").Server.Queries);
    }

    [Fact]
    public async Task Our_own_address_among_those_of_one_name_server_is_a_warning_and_is_not_asked()
    {
        OwnIsTheSecond();
        _shop.Clear("shop.example");
        _shop.Add("shop.example", "NS ns.shop.example").Add("track.shop.example", Right)
            .Add("ns.shop.example", "A 127.0.0.5").Add("ns.shop.example", "A 127.0.0.4");

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Verified, FindingCode.NameServerAddressRefused);
        Assert.Equal("ns.shop.example (127.0.0.5)", diagnosis.Findings[0].Server);
        Assert.Empty(_internet.Server("127.0.0.5").Server.Queries);
    }

    private void OwnIsTheSecond()
    {
        (_internet.Options.AllowPrivateAddresses, _internet.IsLoopbackPublic) = (false, true);
        _internet.Options.QueryTimeout = _patient;
        _internet.OwnAddresses.Add(IPAddress.Parse("127.0.0.5"));
    }

    [Fact]
    public async Task Of_a_name_servers_addresses_only_our_own_is_left_out()
    {
        _internet.Options.AllowPrivateAddresses = false;
        _internet.OwnAddresses.Add(IPAddress.Parse("203.0.114.7"));
        var find = new FindNameServers(_internet.Wrapped, _internet.Resolver(), _internet.Guard());
        var referral = Tracking.Dns.Wire.ReadMessage.Read(new Message(flags: 0x8000)
            .Ns("shop.example", "ns.shop.example").Glue("ns.shop.example", "203.0.114.7")
            .Glue("ns.shop.example", "203.0.114.8").Bytes)!;

        var zone = await find.FollowAsync(
            Asking.Name("shop.example"), referral, new QueryBudget(9), TestContext.Current.CancellationToken);

        var server = Assert.Single(zone.Servers);
        Assert.Equal(["203.0.114.8"], server.Addresses.Select(address => address.ToString()));
        Assert.Equal(["203.0.114.7"], server.Refused.Select(address => address.ToString()));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("10.0.0.1")]
    [InlineData("::1")]
    [InlineData("fd00::1")]
    [InlineData("::ffff:10.0.0.1")]
    public async Task A_name_server_at_an_address_inside_is_not_asked(string address)
    {
        _internet.Options.AllowPrivateAddresses = false;
        _shop.Clear("shop.example");
        _shop.Add("shop.example", "NS ns.shop.example")
            .Add("ns.shop.example", (address.Contains(':') ? "AAAA " : "A ") + address);

        var diagnosis = await _internet.CheckAsync();

        Assert.Equal(DiagnosisOutcome.NoEvidence, diagnosis.Outcome);
        Only(diagnosis, FindingCode.NameServerAddressRefused);
        Assert.Equal(0, _internet.Queries);
        Assert.DoesNotContain(diagnosis.Hops, hop => hop.Server is not null);
    }

    [Fact]
    public async Task Glue_in_a_referral_is_checked_too()
    {
        _internet.Options.AllowPrivateAddresses = false;
        var find = new FindNameServers(_internet.Wrapped, _internet.Resolver(), _internet.Guard());
        var referral = Tracking.Dns.Wire.ReadMessage.Read(new Message(flags: 0x8000)
            .Ns("shop.example", "ns.shop.example").Glue("ns.shop.example", "169.254.169.254").Bytes)!;

        var zone = await find.FollowAsync(
            Asking.Name("shop.example"), referral, new QueryBudget(9), TestContext.Current.CancellationToken);

        Assert.Empty(Assert.Single(zone.Servers).Addresses);
    }

    [Fact]
    public async Task Two_hundred_name_servers_without_addresses_cost_no_more_than_the_limit()
    {
        _shop.Clear("shop.example");
        for (var i = 0; i < 200; i++)
        {
            _shop.Add("shop.example", $"NS ns{i}.victim.example");
        }

        var diagnosis = await _internet.CheckAsync();

        AssertFewQueries(diagnosis);
        Assert.NotEqual(DiagnosisOutcome.Verified, diagnosis.Outcome);
    }

    [Fact]
    public async Task Chains_through_zones_with_many_servers_stop_at_the_limit_of_questions()
    {
        for (var i = 0; i < 8; i++)
        {
            _internet.Zone($"z{i}.example", [.. Enumerable.Range(0, 8).Select(k => $"127.0.1.{10 + k}")])
                .Add($"a.z{i}.example", $"CNAME a.z{i + 1}.example");
        }

        _shop.Add("track.shop.example", "CNAME a.z0.example");

        var diagnosis = await _internet.CheckAsync();

        Assert.Equal(60, diagnosis.Queries);
        Assert.Equal(DiagnosisOutcome.NoEvidence, diagnosis.Outcome);
        Assert.Contains(diagnosis.Findings, finding => finding.Code == FindingCode.TooManyQueries);
    }

    [Fact]
    public async Task Without_a_network_the_fault_is_looked_for_here()
    {
        _internet.Options.Resolvers.Clear();
        _internet.Options.Resolvers.Add("127.0.0.1:9");

        Says(await _internet.CheckAsync(), DiagnosisOutcome.NoEvidence, FindingCode.NoNetwork);
    }

    [Fact]
    public async Task A_check_that_takes_too_long_says_so()
    {
        _internet.Options.CheckTimeout = TimeSpan.FromSeconds(1);
        _internet.Options.QueryTimeout = TimeSpan.FromSeconds(30);
        _internet.Server("127.0.0.4").Says = _ => [];
        _internet.Server("127.0.0.5").Says = _ => [];

        var diagnosis = await _internet.CheckAsync();

        Assert.Equal(DiagnosisOutcome.NoEvidence, diagnosis.Outcome);
        Only(diagnosis, FindingCode.TimeOut);
    }

    [Fact]
    public async Task A_domain_that_does_not_exist_has_no_zone()
    {
        var diagnosis = await _internet.CheckAsync("track.nobody.example");

        Says(diagnosis, DiagnosisOutcome.Contradicted, FindingCode.NoZone);
        Assert.Contains("nobody.example", diagnosis.Findings[0].Text);
    }

    [Fact]
    public async Task The_provider_is_known_by_its_servers_and_its_form_by_the_provider()
    {
        _internet.Zone("ns.hetzner.com", "127.0.0.7").Add("hydrogen.ns.hetzner.com", "A 127.0.0.4");
        _shop.Clear("shop.example");
        _shop.Add("shop.example", "NS hydrogen.ns.hetzner.com");

        var diagnosis = await _internet.CheckAsync("klick.eu.shop.example");

        Assert.Equal("Hetzner", diagnosis.Provider);
        Assert.Equal("klick.eu", diagnosis.NameToEnter);
        Assert.Equal("v-7k2.t.operator.example.", diagnosis.ValueToEnter);
        Assert.StartsWith("At Hetzner, in the zone shop.example, enter", diagnosis.Findings[0].NextStep);
    }

    [Fact]
    public async Task A_target_behind_Cloudflare_is_the_operators_to_change()
    {
        _shop.Add("track.shop.example", Right);
        _internet.Zone("t.operator.example", "127.0.0.3").Add("*.t.operator.example", "A 104.16.1.1");

        Says(await _internet.CheckAsync(), DiagnosisOutcome.Verified, FindingCode.TargetProxied);
    }

    [Fact]
    public async Task A_diagnosis_is_the_same_after_it_was_stored()
    {
        var diagnosis = await _internet.CheckAsync();

        var json = diagnosis.ToJson();

        Assert.Equal(json, DomainDiagnosis.FromJson(json).ToJson());
        Assert.Contains("\"outcome\":\"contradicted\"", json);
        Assert.Contains("\"code\":\"no-record\"", json);
        Assert.Contains("\"host\":\"track.shop.example\"", json);
    }

    [Fact]
    public async Task A_failure_of_the_resolver_that_has_passed_is_no_broken_signature()
    {
        _shop.Add("track.shop.example", Right);
        var failures = 1;
        _internet.ResolverSays = asked => asked.Question.Type is DnsType.Cname && failures-- > 0
            ? query => Fail(query, DnsRcode.ServFail)
            : null;

        Says(await _internet.CheckAsync(), DiagnosisOutcome.Verified);
    }

    [Fact]
    public async Task Name_servers_that_are_not_there_are_named()
    {
        _shop.Clear("ns2.shop.example");
        _shop.Add("ns2.shop.example", "A 127.0.0.99").Add("track.shop.example", Right);

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Verified, FindingCode.ServerUnreachable);
        Assert.Equal("ns2.shop.example (127.0.0.99)", diagnosis.Findings[0].Server);
    }

    [Fact]
    public async Task A_zone_of_its_own_cannot_have_the_record()
    {
        _internet.Zone("track.shop.example", "127.0.0.4");

        var diagnosis = await _internet.CheckAsync();

        Says(diagnosis, DiagnosisOutcome.Contradicted, FindingCode.NoRecord);
        Assert.StartsWith("track.shop.example is a zone of its own", diagnosis.Findings[0].NextStep);
    }

    [Fact]
    public async Task Two_names_of_one_server_are_one_server()
    {
        _shop.Clear("ns2.shop.example");
        _shop.Add("ns2.shop.example", "A 127.0.0.4");

        Assert.Equal(DiagnosisOutcome.Contradicted, (await _internet.CheckAsync()).Outcome);
    }

    [Fact]
    public async Task A_free_name_is_looked_at_and_nothing_is_in_the_way()
    {
        var diagnosis = await _internet.LookAsync();

        Says(diagnosis, DiagnosisOutcome.Looked);
        Assert.Equal(("shop.example", "track"), (diagnosis.Zone, diagnosis.NameToEnter));
        Assert.Null(diagnosis.ValueToEnter);
        Assert.DoesNotContain("\"target\"", diagnosis.ToJson());
    }

    [Theory]
    [InlineData("track.shop.example", "CNAME www.shop.example", FindingCode.OtherTarget)]
    [InlineData("track.shop.example", "A 192.0.2.9", FindingCode.AddressInsteadOfCname)]
    [InlineData("*.shop.example", "A 192.0.2.9", FindingCode.WildcardInTheWay)]
    public async Task What_stands_in_the_way_of_a_name_is_said_before_it_is_added(
        string owner, string record, FindingCode code)
    {
        _shop.Add(owner, record).Add("www.shop.example", "A 192.0.2.9");

        Says(await _internet.LookAsync(), DiagnosisOutcome.Looked, code);
    }

    [Fact]
    public async Task A_domain_that_does_not_exist_is_said_before_it_is_added() =>
        Says(await _internet.LookAsync("track.nobody.example"), DiagnosisOutcome.Looked, FindingCode.NoZone);

    [Fact]
    public void The_words_of_findings_never_change() => Assert.Equal(
        "no-record other-target address-instead-of-cname flattened proxied doubled-suffix value-with-scheme "
        + "value-with-zone-appended wildcard-in-the-way wildcard-to-target several-records loop chain-too-long "
        + "lame-server server-refuses server-unreachable bad-answers servers-disagree delegation-mismatch no-zone "
        + "servfail dnssec-bogus time-out name-server-address-refused not-yet-published resolver-only "
        + "too-many-queries no-network target-proxied https-forced-by-parent",
        string.Join(' ', Enum.GetValues<FindingCode>().Select(code =>
            System.Text.Json.JsonSerializer.Serialize(code).Trim('"'))));

    private TestZone Parent() => _internet.Server("127.0.0.2").Zones[0];
}
