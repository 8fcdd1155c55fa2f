using Tracking.Database.Entities;

namespace Tracking.EventIngest.Bots;

/// <summary>A piece of a user agent that gives its sender away.</summary>
/// <param name="Token">Looked for anywhere in the user agent, in any case.</param>
/// <param name="Verdict">What it means.</param>
/// <param name="Vendor">Whose it is; null when anybody's.</param>
/// <param name="Reason">A stable name for what was recognised.</param>
internal sealed record AgentRule(string Token, Verdict Verdict, string? Vendor, string Reason);

/// <summary>
/// User agents of well-known machines, as their makers publish them. The first rule whose token occurs decides, so the
/// particular comes before the general. Not here: machines that call themselves a browser; they are recognised by what
/// they do, not by what they say.
/// </summary>
internal static class AgentRules
{
    /// <summary>Machines, the particular first.</summary>
    public static AgentRule[] Machines { get; } =
    [
        // A mail provider fetches on behalf of a person who is looking at the message.
        new("GoogleImageProxy", Verdict.Proxy, "google", "image-proxy"),
        new("YahooMailProxy", Verdict.Proxy, "yahoo", "image-proxy"),

        // Gmail loads images while the message list is open, before anybody opens the message.
        new("Edge/12.246 Mozilla/5.0", Verdict.Prefetch, "google", "gmail-prefetch"),
        new("Gmail-content-sampling", Verdict.Prefetch, "google", "gmail-content-sampling"),

        // Microsoft follows a link to judge it when the message comes or is opened, in the name of Outlook.
        new("SafeLinks", Verdict.Prefetch, "microsoft", "safe-links"),
        new("Safe Links", Verdict.Prefetch, "microsoft", "safe-links"),

        // Office asks whether a link exists before it opens the browser, which then comes with its own user agent.
        new("Microsoft Office Existence Discovery", Verdict.Prefetch, "microsoft", "existence-check"),
        new("Microsoft Office Protocol Discovery", Verdict.Prefetch, "microsoft", "existence-check"),

        // Somebody pasted the link into a chat or network, which shows a card for it. Those that name others to be let
        // in come before the others: Telegram is "like TwitterBot", and iMessage names three.
        new("facebookexternalhit/1.1 Facebot Twitterbot/1.0", Verdict.Preview, "apple", "link-preview"),
        new("TelegramBot", Verdict.Preview, "telegram", "link-preview"),
        new("Snap URL Preview", Verdict.Preview, "snap", "link-preview"),
        new("Discordbot", Verdict.Preview, "discord", "link-preview"),
        new("LinkedInBot", Verdict.Preview, "linkedin", "link-preview"),
        new("redditbot", Verdict.Preview, "reddit", "link-preview"),
        new("vkShare", Verdict.Preview, "vk", "link-preview"),
        new("Viber", Verdict.Preview, "viber", "link-preview"),
        new("Slackbot", Verdict.Preview, "slack", "link-preview"),
        new("Slack-ImgProxy", Verdict.Preview, "slack", "link-preview"),
        new("facebookexternalhit", Verdict.Preview, "meta", "link-preview"),
        new("Facebot", Verdict.Preview, "meta", "link-preview"),
        new("meta-externalfetcher", Verdict.Preview, "meta", "link-preview"),
        new("WhatsApp", Verdict.Preview, "meta", "link-preview"),
        new("Twitterbot", Verdict.Preview, "x", "link-preview"),
        new("SkypeUriPreview", Verdict.Preview, "microsoft", "link-preview"),
        new("BingPreview", Verdict.Preview, "microsoft", "link-preview"),
        new("MicrosoftPreview", Verdict.Preview, "microsoft", "link-preview"),
        new("Pinterestbot", Verdict.Preview, "pinterest", "link-preview"),
        new("Google Web Preview", Verdict.Preview, "google", "link-preview"),
        new("Google-PageRenderer", Verdict.Preview, "google", "link-preview"),
        new("Cardyb", Verdict.Preview, "bluesky", "link-preview"),
        new("Mastodon/", Verdict.Preview, "mastodon", "link-preview"),
        new("Embedly", Verdict.Preview, "embedly", "link-preview"),
        new("Iframely", Verdict.Preview, "iframely", "link-preview"),

        // Mail security follows links before, or instead of, the recipient.
        new("Barracuda", Verdict.Scanner, "barracuda", "mail-security"),
        new("Proofpoint", Verdict.Scanner, "proofpoint", "mail-security"),
        new("Mimecast", Verdict.Scanner, "mimecast", "mail-security"),
        new("MessageLabs", Verdict.Scanner, "symantec", "mail-security"),
        new("Symantec", Verdict.Scanner, "symantec", "mail-security"),
        new("TrendMicro", Verdict.Scanner, "trendmicro", "mail-security"),
        new("FireEye", Verdict.Scanner, "fireeye", "mail-security"),
        new("IronPort", Verdict.Scanner, "cisco", "mail-security"),
        new("FortiGuard", Verdict.Scanner, "fortinet", "mail-security"),
        new("Microsoft-URLAnalyzer", Verdict.Scanner, "microsoft", "mail-security"),
        new("Forcepoint", Verdict.Scanner, "forcepoint", "mail-security"),
        new("Sophos", Verdict.Scanner, "sophos", "mail-security"),
        new("Zscaler", Verdict.Scanner, "zscaler", "mail-security"),
        new("VirusTotal", Verdict.Scanner, "google", "mail-security"),
        new("urlscan", Verdict.Scanner, "urlscan", "mail-security"),

        // Browsers that a program drives.
        new("HeadlessChrome", Verdict.Scanner, null, "headless-browser"),
        new("PhantomJS", Verdict.Scanner, null, "headless-browser"),
        new("Playwright/", Verdict.Scanner, null, "headless-browser"),
        new("; Selenium", Verdict.Scanner, null, "headless-browser"),
        new("Chrome-Lighthouse", Verdict.Scanner, "google", "headless-browser"),

        // Libraries and command line programs: automation, whoever wrote it.
        new("curl/", Verdict.Scanner, null, "http-client"),
        new("Wget/", Verdict.Scanner, null, "http-client"),
        new("python-requests", Verdict.Scanner, null, "http-client"),
        new("python-urllib", Verdict.Scanner, null, "http-client"),
        new("python-httpx", Verdict.Scanner, null, "http-client"),
        new("aiohttp", Verdict.Scanner, null, "http-client"),
        new("Go-http-client", Verdict.Scanner, null, "http-client"),
        new("Apache-HttpClient", Verdict.Scanner, null, "http-client"),
        new("okhttp", Verdict.Scanner, null, "http-client"),
        new("axios/", Verdict.Scanner, null, "http-client"),
        new("node-fetch", Verdict.Scanner, null, "http-client"),
        new("libwww-perl", Verdict.Scanner, null, "http-client"),
        new("Java/", Verdict.Scanner, null, "http-client"),
        new("Scrapy/", Verdict.Scanner, null, "http-client"),

        // Crawlers by name, then by how crawlers introduce themselves. "bot" alone would catch the telephones of Cubot.
        new("Googlebot", Verdict.Scanner, "google", "crawler"),
        new("FeedFetcher-Google", Verdict.Scanner, "google", "crawler"),
        new("Storebot-Google", Verdict.Scanner, "google", "crawler"),
        new("Google-InspectionTool", Verdict.Scanner, "google", "crawler"),
        new("bingbot", Verdict.Scanner, "microsoft", "crawler"),
        new("Applebot", Verdict.Scanner, "apple", "crawler"),
        new("YandexBot", Verdict.Scanner, "yandex", "crawler"),
        new("bot/", Verdict.Scanner, null, "crawler"),
        new("robot", Verdict.Scanner, null, "crawler"),
        new("crawler", Verdict.Scanner, null, "crawler"),
        new("spider", Verdict.Scanner, null, "crawler"),
        new("(+http", Verdict.Scanner, null, "crawler"),
        new("; +http", Verdict.Scanner, null, "crawler"),

        // Browsers that nobody has had for years, in whose name machines of several makers come: who it is, nobody can
        // say, but hardly a person.
        new("Edge/12.", Verdict.Unknown, null, "retired-browser"),
        new("Chrome/42.", Verdict.Unknown, null, "retired-browser"),
    ];

    /// <summary>People's programs, asked when no machine was recognised.</summary>
    public static AgentRule[] People { get; } =
    [
        new("Microsoft Outlook", Verdict.Human, "microsoft", "mail-program"),
        new("MSOffice", Verdict.Human, "microsoft", "mail-program"),
        new("Outlook-iOS", Verdict.Human, "microsoft", "mail-program"),
        new("Outlook-Android", Verdict.Human, "microsoft", "mail-program"),
        new("Thunderbird/", Verdict.Human, "mozilla", "mail-program"),
        new("AppleWebKit/", Verdict.Human, null, "browser"),
        new("Gecko/", Verdict.Human, null, "browser"),
        new("Trident/", Verdict.Human, null, "browser"),
        new("MSIE ", Verdict.Human, null, "browser"),
        new("Opera/", Verdict.Human, null, "browser"),
    ];
}
