using System.Net;
using System.Text;
using Tracking.Database.Entities;
using Tracking.EventIngest.Bots;
using Tracking.Links;

namespace Tracking.EventIngest.Tests.Bots;

public sealed class NetworkListTests
{
    private const string Safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
        + "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";

    private static readonly byte[] _file = SomeNetworks.File(
        ("192.0.2.0/24", 714), ("198.51.100.0/24", 16509), ("203.0.113.0/24", 15324), ("2001:db8:1::/48", 36183));

    [Theory]
    [InlineData("192.0.2.7", LinkKind.Open, Verdict.Prefetch, "browser apple-network")]
    [InlineData("192.0.2.7", LinkKind.Click, Verdict.Human, "browser")]
    [InlineData("2001:db8:1:2::3", LinkKind.Open, Verdict.Prefetch, "browser apple-network")]
    [InlineData("2001:db8:1:2::3", LinkKind.Click, Verdict.Human, "browser")]
    [InlineData("2001:db8:2::3", LinkKind.Open, Verdict.Human, "browser")]
    [InlineData("::ffff:192.0.2.7", LinkKind.Open, Verdict.Prefetch, "browser apple-network")]
    [InlineData("198.51.100.1", LinkKind.Click, Verdict.Human, "browser hosting-network")]
    [InlineData("198.51.100.1", LinkKind.Open, Verdict.Human, "browser")]
    [InlineData("203.0.113.1", LinkKind.Click, Verdict.Scanner, "browser security-network")]
    [InlineData("10.0.0.1", LinkKind.Open, Verdict.Human, "browser")]
    public void A_network_means_something_else_for_opens_and_clicks(
        string address, LinkKind kind, Verdict verdict, string codes)
    {
        using var networks = NetworkList.Read(new MemoryStream(_file));
        var rules = new RuleSet(CrawlerList.Shipped, networks);
        var classify = new ClassifyEvent();
        classify.Replace(rules);

        // Looked up twice: the second answer comes from memory.
        for (var i = 0; i < 2; i++)
        {
            var judged = classify.Recognise(Encoding.ASCII.GetBytes(Safari)).For(
                kind, 0, classify.NetworkOf(IPAddress.Parse(address).GetAddressBytes(), kind));

            Assert.Equal((verdict, codes), (judged.Verdict, string.Join(' ', judged.Evidence.Select(one => one.Code))));
        }
    }

    [Fact]
    public void Without_an_address_or_a_list_a_network_says_nothing()
    {
        var classify = new ClassifyEvent();

        Assert.Null(classify.NetworkOf([192, 0, 2, 1], LinkKind.Open));
        using var networks = NetworkList.Read(new MemoryStream(_file));
        classify.Replace(new RuleSet(CrawlerList.Shipped, networks));
        Assert.Null(classify.NetworkOf([], LinkKind.Open));
    }

    [Fact]
    public void A_whole_browser_at_a_maker_of_mail_security_is_not_called_a_machine()
    {
        var judged = new Classification(
            [Reasons.Browser, Reasons.FetchMetadata, Reasons.SecurityNetwork], null, 1);

        Assert.Equal((Verdict.Unknown, 30), (judged.Verdict, judged.Score));
    }

    [Fact]
    public void Other_lists_are_other_rules()
    {
        using var networks = NetworkList.Read(new MemoryStream(_file));
        var rules = new RuleSet(CrawlerList.Shipped, networks);

        Assert.NotEqual(RuleSet.Shipped.Number, rules.Number);
        Assert.Equal(RuleSet.Shipped.Number, new RuleSet(CrawlerList.Shipped).Number);
        Assert.Contains("networks of 2026-11", rules.Content, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no database at all, and longer than a few bytes")]
    public void What_is_no_file_of_networks_is_refused(string content) => Assert.Throws<FormatException>(
        () => NetworkList.Read(new MemoryStream(Encoding.ASCII.GetBytes(content))));
}
