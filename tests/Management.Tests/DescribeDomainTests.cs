using System.Text.Json;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Domains;

namespace Tracking.Management.Tests;

public sealed class DescribeDomainTests
{
    private static readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();

    [Fact]
    public void The_answer_has_these_members()
    {
        var json = JsonSerializer.SerializeToNode(Describe(Domain()), ClusterSettings.Json)!.AsObject();

        Assert.Equal(
            [
                "hostname", "unicode", "status", "statusSince", "retired", "isDefault", "setAsDefault", "acceptsNewLinks",
                "why", "sentence", "trackClicks", "trackOpens", "https", "excludedDomains", "trackingLevel",
                "utm", "verification", "tls",
                "lastCheck", "lastCheckedAt", "nextCheck", "strikes", "createdAt",
            ],
            json.Select(member => member.Key));
        Assert.Equal(
            ["type", "name", "value", "relativeName", "zone"],
            json["verification"]!.AsObject().Select(member => member.Key));
        Assert.Equal(
            ["status", "issuer", "notBefore", "notAfter", "renewAt", "error", "errorType", "advice",
                "expectedAt", "nextAttempt", "pausedUrl"],
            json["tls"]!.AsObject().Select(member => member.Key));
    }

    [Theory]
    [InlineData(DomainStatus.Pending, false, HttpsPolicy.Required, null, "pending", "None", "is verified")]
    [InlineData(DomainStatus.Pending, true, HttpsPolicy.Optional, 1, "pending", "Active", "is verified")]
    [InlineData(DomainStatus.Active, true, HttpsPolicy.Required, 1, "retired", "Active", "go on working")]
    [InlineData(
        DomainStatus.Active, false, HttpsPolicy.Required, null, "no-certificate", "Pending", "Until then")]
    [InlineData(
        DomainStatus.Active, false, HttpsPolicy.Required, -1, "no-certificate", "Expired", "go.operator.net")]
    [InlineData(DomainStatus.Active, false, HttpsPolicy.Required, 1, null, "Active", "where a message asks")]
    [InlineData(DomainStatus.Active, false, HttpsPolicy.Optional, null, null, "Pending", "browsers warn")]
    public void Whether_new_links_use_it_is_one_word_and_one_sentence(
        DomainStatus status,
        bool isRetired,
        HttpsPolicy https,
        int? certificateDays,
        string? why,
        string tls,
        string sentence)
    {
        var domain = Domain();
        domain.Status = status;
        domain.IsRetired = isRetired;
        domain.Https = https;
        domain.CertificateUntil = certificateDays is { } days ? _now.AddDays(days) : null;

        var described = Describe(domain);

        Assert.Equal(why, described.Why);
        Assert.Equal(why is null, described.AcceptsNewLinks);
        Assert.Equal(tls, described.Tls.Status.ToString());
        Assert.Contains(sentence, described.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_something_in_front_ends_TLS_no_certificate_of_ours_is_needed()
    {
        var domain = Domain();
        domain.Status = DomainStatus.Active;
        domain.IsDefault = true;

        var described = Describe(domain, endsInFront: true);

        Assert.True(described.AcceptsNewLinks);
        Assert.Equal(TlsStatus.External, described.Tls.Status);
        Assert.Equal("New links use this name.", described.Sentence);
    }

    [Fact]
    public void The_zone_that_DNS_has_goes_before_the_one_that_the_name_looks_like()
    {
        var domain = Domain();
        Assert.Equal(("track.eu", "example.com"), Record());

        domain.LastCheck =
            """{"zone":"eu.example.com","nameToEnter":"track","findings":[],"hops":[{"name":"x"}]}""";
        Assert.Equal(("track", "eu.example.com"), Record());

        // The first check found no zone. The second text is no diagnosis at all.
        domain.LastCheck = """{"zone":null,"nameToEnter":7}""";
        Assert.Equal(("track.eu", "example.com"), Record());
        domain.LastCheck = "[]";
        Assert.Equal(("track.eu", "example.com"), Record());

        (string, string) Record()
        {
            var record = Describe(domain).Verification;
            return (record.RelativeName, record.Zone);
        }
    }

    [Fact]
    public void A_list_leaves_the_single_questions_out()
    {
        var domain = Domain();
        domain.LastCheck = """{"findings":[],"hops":[{"name":"x"}]}""";

        Assert.Equal(
            """{"findings":[]}""", DescribeDomain.WithoutQuestions(Describe(domain)).LastCheck!.ToJsonString());
        Assert.Equal(domain.LastCheck, Describe(domain).LastCheck!.ToJsonString());
    }

    [Fact]
    public void A_target_is_a_random_name_under_the_zone_or_under_the_system_host()
    {
        var zone = OwnNames.Of(new SystemOptions { SystemHost = "go.operator.net", SystemZone = "t.operator.net" });
        Assert.Matches(@"^v-[a-z2-7]{20}\.t\.operator\.net$", zone.NewTarget());
        Assert.NotEqual(zone.NewTarget(), zone.NewTarget());
        var none = OwnNames.Of(new SystemOptions { SystemHost = "go.operator.net" });
        Assert.EndsWith(".go.operator.net", none.NewTarget(), StringComparison.Ordinal);
        Assert.Equal(NameRefusal.OperatorsOwn, none.Read("v-abc.go.operator.net").Refusal);
    }

    private static TrackingDomain Domain() => new()
    {
        Id = Guid.CreateVersion7(),
        ClusterId = new ClusterId(7),
        Hostname = "track.eu.example.com",
        Target = "v-abc.track.operator.net",
    };

    private static TrackingDomainResponse Describe(TrackingDomain domain, bool endsInFront = false) =>
        Describer(endsInFront).Of(domain, new Dictionary<string, CertificateFacts>());

    private static DescribeDomain Describer(bool endsInFront = false) => new(
        Options.Create(new SystemOptions { SystemHost = "go.operator.net", TlsEndsInFront = endsInFront }),
        TimeProvider.System);
}
