using System.Text;
using System.Text.Json;
using Tracking.Database.Entities;
using Tracking.EventIngest.Bots;
using Tracking.Links;

namespace Tracking.EventIngest.Tests.Bots;

public sealed class ClassifyEventTests
{
    [Theory]
    [InlineData("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        Verdict.Proxy, "google", "image-proxy")]
    [InlineData("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        Verdict.Proxy, "yahoo", "image-proxy")]
    [InlineData("Mozilla/5.0", Verdict.Prefetch, "apple", "mail-privacy-protection")]
    [InlineData("Microsoft Office Existence Discovery", Verdict.Prefetch, "microsoft", "existence-check")]
    [InlineData("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", Verdict.Preview, "slack", "link-preview")]
    [InlineData("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        Verdict.Preview, "meta", "link-preview")]
    [InlineData("Twitterbot/1.0", Verdict.Preview, "x", "link-preview")]
    [InlineData("WhatsApp/2.23.20.0", Verdict.Preview, "meta", "link-preview")]
    [InlineData("Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
        Verdict.Preview, "microsoft", "link-preview")]
    [InlineData("BarracudaCentral/Barracuda Networks", Verdict.Scanner, "barracuda", "mail-security")]
    [InlineData("Mozilla/5.0 (compatible; proofpoint URL check)", Verdict.Scanner, "proofpoint", "mail-security")]
    [InlineData("Mimecast/1.0", Verdict.Scanner, "mimecast", "mail-security")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 "
        + "Safari/537.36", Verdict.Scanner, null, "headless-browser")]
    [InlineData("curl/8.5.0", Verdict.Scanner, null, "http-client")]
    [InlineData("Wget/1.21.3", Verdict.Scanner, null, "http-client")]
    [InlineData("python-requests/2.31.0", Verdict.Scanner, null, "http-client")]
    [InlineData("Go-http-client/2.0", Verdict.Scanner, null, "http-client")]
    [InlineData("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        Verdict.Scanner, "google", "crawler")]
    [InlineData("SomeBot/3.1", Verdict.Scanner, null, "crawler")]
    [InlineData("Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) "
        + "Chrome/120.0.0.0 Mobile Safari/537.36", Verdict.Human, null, "browser")]
    [InlineData("Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        + "Mobile/15E148", Verdict.Human, null, "browser")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
        Verdict.Human, null, "browser")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.6.0",
        Verdict.Human, "mozilla", "mail-program")]
    [InlineData("Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Microsoft Outlook 16.0.5134; "
        + "ms-office; MSOffice 16)",
        Verdict.Human, "microsoft", "mail-program")]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        + "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0", Verdict.Prefetch, "google", "gmail-prefetch")]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        + "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Gmail-content-sampling",
        Verdict.Prefetch, "google", "gmail-content-sampling")]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        + "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246", Verdict.Unknown, null, "retired-browser")]
    [InlineData("Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.90 Safari/537.36",
        Verdict.Unknown, null, "retired-browser")]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 "
        + "Safari/537.36 Edg/138.0.0.0", Verdict.Human, null, "browser")]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 "
        + "Safari/537.36", Verdict.Human, null, "browser")]
    [InlineData("Mozilla/5.0 (Windows NT; Microsoft Office SafeLinks)", Verdict.Prefetch, "microsoft", "safe-links")]
    [InlineData("Mozilla/4.0 (compatible; ms-office; MSOffice 16; Microsoft Outlook 16.0) SafeLinks",
        Verdict.Prefetch, "microsoft", "safe-links")]
    [InlineData("TelegramBot (like TwitterBot)", Verdict.Preview, "telegram", "link-preview")]
    [InlineData("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) "
        + "Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
        Verdict.Preview, "apple", "link-preview")]
    [InlineData("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        Verdict.Preview, "discord", "link-preview")]
    [InlineData("FeedFetcher-Google; (+http://www.google.com/feedfetcher.html)",
        Verdict.Scanner, "google", "crawler")]
    [InlineData("Cisco-IronPort", Verdict.Scanner, "cisco", "mail-security")]
    [InlineData("", Verdict.Unknown, null, "no-user-agent")]
    [InlineData("  ", Verdict.Unknown, null, "no-user-agent")]
    [InlineData("Something/1.0", Verdict.Unknown, null, "unrecognised")]
    public void A_user_agent_is_recognised(string userAgent, Verdict verdict, string? vendor, string reason)
    {
        var classification = new ClassifyEvent().Recognise(Encoding.ASCII.GetBytes(userAgent)).For(LinkKind.Click);

        Assert.Equal(
            (verdict, vendor, reason),
            (classification.Verdict, classification.Vendor, Assert.Single(classification.Evidence).Code));
    }

    [Theory]
    [InlineData("Mozilla/5.0 (X11; rv:121.0) Gecko/20100101 Firefox/121.0", null, "honeypot, browser")]
    [InlineData("Mimecast/1.0", "mimecast", "honeypot, mail-security")]
    [InlineData("", null, "honeypot, no-user-agent")]
    public void Whoever_follows_a_honeypot_is_a_scanner(string userAgent, string? vendor, string reasons)
    {
        var classification = new ClassifyEvent().Recognise(Encoding.ASCII.GetBytes(userAgent)).For(LinkKind.Honeypot);

        Assert.Equal(
            (Verdict.Scanner, vendor, reasons),
            (classification.Verdict, classification.Vendor,
                string.Join(", ", classification.Evidence.Select(reason => reason.Code))));
    }

    [Fact]
    public void More_agents_than_are_remembered_are_each_recognised_as_themselves()
    {
        var classify = new ClassifyEvent();
        Parallel.For(0, 4, _ =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                var agent = Encoding.ASCII.GetBytes(i % 2 == 0 ? $"curl/{i}" : $"Thing/{i}");
                var known = classify.Recognise(agent);
                Assert.Equal(agent, known.Text);
                Assert.Equal(i % 2 == 0 ? Verdict.Scanner : Verdict.Unknown, known.For(LinkKind.Click).Verdict);
            }
        });
    }

    [Fact]
    public void No_rule_is_hidden_by_one_before_it()
    {
        foreach (var rules in new[]
        {
            AgentRules.Machines, AgentRules.MailPrograms, AgentRules.Retired, AgentRules.Browsers,
        })
        {
            for (var i = 0; i < rules.Length; i++)
            {
                var earlier = rules.Take(i).FirstOrDefault(
                    rule => rules[i].Token.Contains(rule.Token, StringComparison.OrdinalIgnoreCase));
                Assert.True(earlier is null, $"{rules[i].Token} is hidden by {earlier?.Token}");
            }
        }
    }

    [Fact]
    public void Every_example_of_the_list_of_crawlers_is_a_machine_or_not_a_person()
    {
        var classify = new ClassifyEvent();
        var examples = Crawlers().SelectMany(entry => entry.GetProperty("instances").EnumerateArray())
            .Select(example => example.GetString()!).ToList();

        var judged = examples.Select(example => (
            Agent: example, classify.Recognise(Encoding.UTF8.GetBytes(example)).For(LinkKind.Click).Verdict)).ToList();

        Assert.True(examples.Count > 2000);
        var people = judged.Where(one => one.Verdict == Verdict.Human).ToList();
        Assert.True(people.Count == 0, string.Join('\n', people));
        var missed = judged.Where(one => !one.Verdict.IsMachine() && one.Verdict != Verdict.Proxy).ToList();
        Assert.True(missed.Count * 100 < judged.Count, string.Join('\n', missed));
    }

    [Fact]
    public void No_browser_of_a_published_list_is_called_a_machine()
    {
        var classify = new ClassifyEvent();
        var browsers = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Bots", "Browsers.txt"));

        var judged = browsers.Select(browser => (
            browser, classify.Recognise(Encoding.UTF8.GetBytes(browser)).For(LinkKind.Click).Verdict)).ToList();

        Assert.True(browsers.Length > 900);
        Assert.DoesNotContain(judged, one => one.Verdict.IsMachine());
        Assert.True(judged.Count(one => one.Verdict == Verdict.Human) * 100 > judged.Count * 98);
    }

    [Fact]
    public void Every_pattern_of_the_list_of_crawlers_meets_its_own_examples()
    {
        foreach (var entry in Crawlers())
        {
            var one = CrawlerList.Read(Encoding.UTF8.GetBytes($"[{entry.GetRawText()}]"));
            foreach (var example in entry.GetProperty("instances").EnumerateArray())
            {
                Assert.True(one.Find(example.GetString()!) is not null, example.GetString());
            }
        }
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("[]", "empty")]
    [InlineData("{}", "list of crawlers")]
    [InlineData("""[{"pattern":"(a"}]""", "list of crawlers")]
    [InlineData("""[{"pattern":"(a)\\1"}]""", "list of crawlers")]
    [InlineData("""[{"pattern":"a"}]""", "too short")]
    [InlineData("""[{"tags":[]}]""", "list of crawlers")]
    public void What_is_no_list_of_crawlers_is_refused(string json, string why)
    {
        var refused = Assert.Throws<FormatException>(() => CrawlerList.Read(Encoding.UTF8.GetBytes(json)));

        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }

    private static List<JsonElement> Crawlers()
    {
        using var stream = typeof(CrawlerList).Assembly.GetManifestResourceStream("CrawlerUserAgents.json")!;
        return [.. JsonDocument.Parse(stream).RootElement.EnumerateArray()];
    }
}
