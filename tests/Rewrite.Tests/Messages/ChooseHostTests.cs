using System.Text;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>The choice of the host for a message's links, and the reasons against other hosts.</summary>
public sealed class ChooseHostTests
{
    private static readonly ClusterId _other = new(TestKeys.Cluster.Value + 1);
    private static readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();
    private static readonly DateTimeOffset _later = _now.AddDays(30);
    private static readonly TrackingHost _usual = Active("links.shop.example");

    [Fact]
    public async Task The_default_domain_is_used_when_nobody_asks_for_another()
    {
        var chosen = await ChooseAsync(_usual, null);
        Assert.Equal("https://links.shop.example", chosen.Origin.ToString());
        Assert.Null(chosen.Ignored);
        Assert.Equal("https://track.localhost", (await ChooseAsync(null, null)).Origin.ToString());
    }

    [Theory]
    [InlineData("track.shop.example")]
    [InlineData("TRACK.shop.Example.")]
    public async Task The_host_asked_for_is_used_instead_of_the_default(string asked)
    {
        var chosen = await ChooseAsync(_usual, asked, Active("track.shop.example"));
        Assert.Equal("https://track.shop.example", chosen.Origin.ToString());
        Assert.Null(chosen.Ignored);
    }

    [Theory]
    [InlineData("track.localhost", null, "track.localhost")]
    [InlineData("TRACK.localhost.", null, "track.localhost")]
    [InlineData("", null, "links.shop.example")]
    [InlineData("not a host", HostIgnored.NotOfCluster, "links.shop.example")]
    [InlineData("shop.example", HostIgnored.NotOfCluster, "links.shop.example")]
    [InlineData("theirs.other.example", HostIgnored.NotOfCluster, "links.shop.example")]
    [InlineData("pending.shop.example", HostIgnored.Pending, "links.shop.example")]
    [InlineData("retired.shop.example", HostIgnored.Retired, "links.shop.example")]
    [InlineData("bare.shop.example", HostIgnored.NoCertificate, "links.shop.example")]
    [InlineData("expired.shop.example", HostIgnored.NoCertificate, "links.shop.example")]
    [InlineData("both.example.net", HostIgnored.Pending, "links.shop.example")]
    public async Task A_host_that_takes_no_new_links_of_the_cluster_is_not_used_and_named(
        string asked, HostIgnored? why, string used)
    {
        var chosen = await ChooseAsync(
            _usual,
            asked,
            new TrackingHost("theirs.other.example", _other, DomainStatus.Active, _later),
            new TrackingHost("pending.shop.example", TestKeys.Cluster, DomainStatus.Pending, _later),
            new TrackingHost("retired.shop.example", TestKeys.Cluster, DomainStatus.Active, _later) { IsRetired = true },
            new TrackingHost("bare.shop.example", TestKeys.Cluster, DomainStatus.Active),
            new TrackingHost("expired.shop.example", TestKeys.Cluster, DomainStatus.Active, _now),
            Decoded(
                new TrackingHost("both.example.net", _other, DomainStatus.Active, _later),
                new TrackingHost("both.example.net", TestKeys.Cluster, DomainStatus.Pending)));
        Assert.Equal(used, chosen.Origin.Host.Value);
        Assert.Equal(why is null ? null : asked, chosen.Ignored?.Host);
        Assert.Equal(why, chosen.Ignored?.Why);
    }

    [Fact]
    public async Task A_default_that_takes_no_new_links_gives_way_to_the_system_host()
    {
        var chosen = await ChooseAsync(
            new TrackingHost("links.shop.example", TestKeys.Cluster, DomainStatus.Active), null);
        Assert.Equal("https://track.localhost", chosen.Origin.ToString());
        Assert.Equal(new IgnoredHost("links.shop.example", HostIgnored.NoCertificate), chosen.IgnoredDefault);
        Assert.Null(chosen.Ignored);
    }

    [Theory]
    [InlineData(HttpsPolicy.Required, true, false, "https://track.shop.example")]
    [InlineData(HttpsPolicy.Optional, true, false, "https://track.shop.example")]
    [InlineData(HttpsPolicy.Optional, false, false, "http://track.shop.example")]
    [InlineData(HttpsPolicy.Optional, false, true, "https://track.shop.example")]
    [InlineData(HttpsPolicy.Required, false, true, "https://track.shop.example")]
    [InlineData(HttpsPolicy.Required, false, false, "https://track.localhost")]
    public async Task Links_are_http_only_without_a_certificate_and_where_https_is_optional(
        HttpsPolicy https, bool hasCertificate, bool endsInFront, string expected)
    {
        var domain = new TrackingHost(
            "track.shop.example", TestKeys.Cluster, DomainStatus.Active, hasCertificate ? _later : null, https);
        var chosen = await ChooseAsync(
            null, "track.shop.example", new SystemOptions { TlsEndsInFront = endsInFront }, domain);
        Assert.Equal(expected, chosen.Origin.ToString());
    }

    [Fact]
    public async Task A_host_that_nobody_can_tell_now_is_not_guessed()
    {
        var choose = SomeHosts.Choose(new SystemOptions());
        Assert.Null(await choose.ForAsync(
            Cluster(_usual), new MessageMetadata { Host = "track.shop.example" }, new MessageMetadata()));
    }

    [Fact]
    public async Task The_request_asks_before_the_message_and_the_system_host_may_be_asked_for()
    {
        var choose = SomeHosts.Choose(
            new SystemOptions(), Active("one.shop.example"), Active("two.shop.example"));
        var chosen = await choose.ForAsync(
            Cluster(_usual), Asking("one.shop.example"), Asking("two.shop.example"));
        Assert.Equal("one.shop.example", chosen!.Origin.Host.Value);
        chosen = await choose.ForAsync(Cluster(_usual), Asking(null), Asking("two.shop.example"));
        Assert.Equal("two.shop.example", chosen!.Origin.Host.Value);
        chosen = await choose.ForAsync(Cluster(_usual), Asking(null), Asking("track.localhost"));
        Assert.Same(choose.System, chosen);
    }

    [Theory]
    [InlineData(true, true, ClickTracking.Both, true)]
    [InlineData(false, true, ClickTracking.None, true)]
    [InlineData(true, false, ClickTracking.Both, false)]
    public async Task A_domain_restricts_what_is_tracked(bool clicks, bool opens, ClickTracking tracked, bool hasPixel)
    {
        var domain = new TrackingHost("track.shop.example", TestKeys.Cluster, DomainStatus.Active, _later)
        {
            TracksClicks = clicks,
            TracksOpens = opens,
        };
        var inForce = EffectiveSettingsTests.InForce(
            new ClusterSettings { TrackClicks = true, TrackOpens = true },
            new MessageMetadata { Clicks = ClickTracking.Both, Opens = true },
            [],
            await OfAsync(domain));
        Assert.Equal((tracked, hasPixel), (inForce.TrackClicks, inForce.TrackOpens));
    }

    [Fact]
    public async Task A_domain_never_extends_what_is_tracked()
    {
        var inForce = EffectiveSettingsTests.InForce(
            new ClusterSettings(), new MessageMetadata(), [], await OfAsync(Active("track.shop.example")));
        Assert.Equal((ClickTracking.None, false), (inForce.TrackClicks, inForce.TrackOpens));
    }

    [Fact]
    public async Task What_cluster_and_domain_exclude_stays_plain_and_so_do_own_tracking_hosts()
    {
        var domain = new TrackingHost("track.shop.example", TestKeys.Cluster, DomainStatus.Active, _later)
        {
            ExcludedDomains = ["*.bank.example", "shop.example/account/*"],
        };
        var message = Encoding.ASCII.GetBytes(string.Join(
            "\r\n",
            "From: a@shop.example",
            "Content-Type: text/plain",
            "",
            "https://partner.example/a",
            "https://login.bank.example/b",
            "https://shop.example/account/orders",
            "https://shop.example/x/../%61ccount/orders?y=1",
            "https://shop.example/accounts",
            "https://track.shop.example/about",
            "https://track.localhost/about",
            ""));
        var inForce = EffectiveSettingsTests.InForce(
            new ClusterSettings { TrackClicks = true, ExcludedDomains = ["partner.example"] },
            new MessageMetadata(),
            message,
            await OfAsync(domain));
        using var plan = RewriteMessage.Plan(message, inForce);
        Assert.Equal(
            [
                LinkDecision.Excluded, LinkDecision.Excluded, LinkDecision.Excluded, LinkDecision.Excluded,
                LinkDecision.Tracked, LinkDecision.TrackingHost, LinkDecision.TrackingHost,
            ],
            plan.Links.Select(link => link.Decision));
    }

    private static Task<ChosenHost> OfAsync(TrackingHost domain) => ChooseAsync(null, domain.Hostname, domain);

    private static TrackingHost Active(string name) => new(name, TestKeys.Cluster, DomainStatus.Active, _later);

    private static TrackingHost Decoded(TrackingHost first, TrackingHost second)
    {
        var one = TrackingHostBytes.Encode(first.Hostname, first);
        var other = TrackingHostBytes.Encode(second.Hostname, second);
        var at = 3 + first.Hostname.Length;
        byte[] both = [.. one[..(at - 1)], 2, .. one[at..], .. other[at..]];
        Assert.True(TrackingHostBytes.TryDecode(both, 0, out _, out var host));
        return host!;
    }

    private static MessageMetadata Asking(string? host) => new() { Host = host };

    private static DirectoryCluster Cluster(TrackingHost? usual) =>
        new(TestKeys.Cluster, new ClusterSettings()) { DefaultDomain = usual };

    private static Task<ChosenHost> ChooseAsync(TrackingHost? usual, string? asked, params TrackingHost[] domains) =>
        ChooseAsync(usual, asked, new SystemOptions(), domains);

    private static async Task<ChosenHost> ChooseAsync(
        TrackingHost? usual, string? asked, SystemOptions system, params TrackingHost[] domains) =>
        await SomeHosts.Choose(
            system,
            domains)
            .ForAsync(Cluster(usual), Asking(asked), new MessageMetadata())
            ?? throw new InvalidOperationException("Only the database could tell.");
}
