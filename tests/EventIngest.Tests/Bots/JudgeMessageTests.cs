using System.Net;
using Tracking.Database.Entities;
using Tracking.EventIngest.Bots;
using Tracking.Links;

namespace Tracking.EventIngest.Tests.Bots;

public sealed class JudgeMessageTests
{
    private const string Chrome = "Chrome 142";
    private const string Firefox = "Firefox 145";
    private const string Here = "192.0.2.7";
    private const string There = "198.51.100.9";

    [Theory]
    [InlineData(3, 1000, true)]
    [InlineData(3, 1001, false)]
    [InlineData(2, 100, false)]
    [InlineData(5, 900, true)]
    [InlineData(12, 3000, true)]
    public void Several_links_within_a_second_are_a_burst(int links, int millis, bool isBurst)
    {
        var clicks = Enumerable.Range(0, links).Select(
            link => Click(link * millis / (links - 1), link, Chrome, Here)).ToList();

        var judged = Judge(clicks);

        Assert.Equal(isBurst ? links : 0, judged.Count);
        Assert.All(judged.Values, opinion => Assert.Equal(Verdict.Scanner, opinion.Verdict));
    }

    [Theory]
    [InlineData(3000, 3)]
    [InlineData(2500, 3)]
    public void A_person_who_opens_three_tabs_in_three_seconds_is_none(int millis, int links) =>
        Assert.Empty(Judge([.. Enumerable.Range(0, links).Select(
            link => Click(link * millis / (links - 1), link, Chrome, Here))]));

    [Fact]
    public void One_link_many_times_is_no_burst() =>
        Assert.Empty(Judge([.. Enumerable.Range(0, 20).Select(n => Click(n * 50, 1, Chrome, Here))]));

    [Fact]
    public void A_burst_may_come_from_several_addresses_at_any_time()
    {
        var days = 3 * 86_400_000;
        var judged = Judge(
        [
            Click(days, 1, Chrome, Here), Click(days + 200, 2, Firefox, There), Click(days + 400, 3, Chrome, "203.0.113.1"),
        ]);

        Assert.Equal(3, judged.Count);
    }

    [Fact]
    public void With_a_burst_goes_the_open_before_it_and_what_was_clicked_alone()
    {
        var (open, first) = (Open(9_000, Chrome, Here), Click(30_000, 1, Chrome, "192.0.2.99"));
        var judged = Judge([open, first, .. Burst(42_000)]);

        Assert.Equal(5, judged.Count);
        Assert.Equal("before-burst browser", string.Join(' ', judged[open].Reasons));
        Assert.Equal(Verdict.Scanner, judged[first].Verdict);
    }

    [Fact]
    public void The_person_behind_the_same_company_is_not_taken_for_the_machine()
    {
        var (open, click) = (Open(30_000, Firefox, Here), Click(100_000, 1, Firefox, Here));
        var judged = Judge([open, click, .. Burst(42_000)]);

        Assert.Equal(Verdict.Unknown, judged[open].Verdict);
        Assert.False(judged.ContainsKey(click));
        Assert.Equal(4, judged.Count);
    }

    [Fact]
    public void What_happens_after_a_burst_or_long_before_it_is_a_persons()
    {
        var (early, late) = (Open(0, Chrome, Here), Click(250_000, 1, Chrome, Here));
        var judged = Judge([early, late, .. Burst(200_000)]);

        Assert.False(judged.ContainsKey(early));
        Assert.False(judged.ContainsKey(late));
    }

    [Fact]
    public void Without_addresses_only_the_burst_itself_is_known()
    {
        var judged = Judge([Open(9_000, Chrome, null), .. Burst(42_000, address: null)]);

        Assert.Equal(3, judged.Count);
    }

    [Fact]
    public void Of_a_check_and_the_click_that_waited_for_it_one_click_remains()
    {
        var (check, click) = (Click(0, 1, Firefox, There), Click(1_500, 1, Chrome, Here));
        var judged = Judge([check, click]);

        Assert.Equal((check, Verdict.Prefetch), (Assert.Single(judged).Key, judged[check].Verdict));
    }

    [Fact]
    public void The_one_that_looks_less_like_a_browser_is_the_check()
    {
        var (click, check) = (Click(0, 1, Chrome, Here, score: -50), Click(800, 1, Firefox, There, score: -30));

        Assert.Equal(check, Assert.Single(Judge([click, check])).Key);
    }

    [Theory]
    [InlineData(Chrome, Chrome, Here, There, 1, 1_000)]
    [InlineData(Chrome, Firefox, Here, "192.0.2.200", 1, 1_000)]
    [InlineData(Chrome, Firefox, Here, There, 2, 1_000)]
    [InlineData(Chrome, Firefox, Here, There, 1, 6_000)]
    [InlineData(Chrome, Firefox, null, There, 1, 1_000)]
    public void Other_clicks_are_no_pair(string one, string other, string? from, string? to, int link, int apart) =>
        Assert.Empty(Judge([Click(0, 1, one, from), Click(apart, link, other, to)]));

    [Fact]
    public void A_click_within_seconds_of_sending_alone_is_no_machine() =>
        Assert.Empty(Judge([Click(4_000, 1, Chrome, Here)], sentAt: 0));

    [Fact]
    public void A_company_behind_one_address_is_no_machine()
    {
        var click = Click(60_000, 1, Chrome, Here, score: -50);

        Assert.Empty(new JudgeMessage(new ClassificationOptions(), RuleSet.Shipped).Run(
            [click], 0, new HashSet<Guid> { click.Id }));
    }

    [Fact]
    public void Many_recipients_within_seconds_of_sending_by_bare_requests_are_a_machine_only_with_more()
    {
        var bare = Click(4_000, 1, Chrome, Here, score: 0);
        var opinion = new JudgeMessage(new ClassificationOptions(), RuleSet.Shipped).Run(
            [bare], 0, new HashSet<Guid> { bare.Id });

        // 0 + 20 + 25 is just below the limit. Evidence that can be chance must not turn a person into a machine.
        Assert.DoesNotContain(opinion.Values, one => one.Verdict.IsMachine());
    }

    [Fact]
    public void Judged_again_nothing_changes_and_nothing_counts_twice()
    {
        var events = new List<StoredEvent> { Open(9_000, Chrome, Here) };
        events.AddRange(Burst(42_000));
        var judged = Judge(events);
        List<StoredEvent> again = [.. events.Select(one => new StoredEvent
        {
            Id = one.Id,
            Cluster = one.Cluster,
            Message = one.Message,
            Micros = one.Micros,
            Kind = one.Kind,
            Link = one.Link,
            Ordinal = one.Ordinal,
            Address = one.Address,
            UserAgent = one.UserAgent,
            Verdict = judged[one].Verdict,
            Score = judged[one].Score,
            Reasons = judged[one].Reasons,
        })];

        Assert.Empty(Judge(again));
        Assert.All(judged.Values, opinion => Assert.Equal(70, opinion.Score));
    }

    private static List<StoredEvent> Burst(int at, string? address = Here) =>
        [.. Enumerable.Range(0, 3).Select(n => Click(at + (n * 100), n, Chrome, address))];

    private static Dictionary<StoredEvent, Opinion> Judge(List<StoredEvent> events, long? sentAt = null) =>
        new JudgeMessage(new ClassificationOptions(), RuleSet.Shipped).Run([.. events.OrderBy(one => one.Id)], sentAt);

    private static StoredEvent Open(int millis, string agent, string? address) =>
        Event(LinkKind.Open, millis, 0, agent, address, -30);

    private static StoredEvent Click(int millis, int link, string agent, string? address, int score = -30) =>
        Event(LinkKind.Click, millis, (ulong)link + 1, agent, address, score);

    private static StoredEvent Event(
        LinkKind kind, int millis, ulong link, string agent, string? address, int score) => new()
        {
            Id = Guid.NewGuid(),
            Cluster = 1,
            Message = new MessageKey(1, 1),
            Micros = millis * 1000L,
            Kind = kind,
            Link = link,
            Ordinal = (ushort)link,
            Address = address is null ? null : IPAddress.Parse(address),
            UserAgent = agent,
            Verdict = score < 0 ? Verdict.Human : Verdict.Unknown,
            Score = score,
            Reasons = ["browser"],
        };
}
