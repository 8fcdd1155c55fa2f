namespace Tracking.EventIngest.Bots;

/// <summary>A rule: a part of a user agent that shows what kind of program sent the request.</summary>
/// <param name="Token">A text. The rule applies if it occurs anywhere in the user agent, in upper or lower
/// case.</param>
/// <param name="Reason">What the token means.</param>
/// <param name="Vendor">The maker of the program; null if several makers use the token.</param>
internal sealed record AgentRule(string Token, Reason Reason, string? Vendor = null);

/// <summary>A word with which robots describe themselves.</summary>
/// <param name="Token">The word. It may occur anywhere in the user agent, in upper or lower case.</param>
/// <param name="AlsoInBrowser">Whether the word counts in a user agent that otherwise looks like a browser's.</param>
/// <param name="NotAfter">Letters before the word that make it a part of another word.</param>
/// <param name="EndsWord">Whether no letter may follow.</param>
internal sealed record RobotWord(string Token, bool AlsoInBrowser, string? NotAfter = null, bool EndsWord = false)
{
    /// <summary>Whether a user agent contains the word.</summary>
    public bool IsIn(string userAgent)
    {
        for (var at = 0; (at = userAgent.IndexOf(Token, at, StringComparison.OrdinalIgnoreCase)) >= 0; at++)
        {
            var end = at + Token.Length;
            if (!(EndsWord && end < userAgent.Length && char.IsAsciiLetter(userAgent[end]))
                && !(NotAfter is not null
                    && userAgent.AsSpan(0, at).EndsWith(NotAfter, StringComparison.OrdinalIgnoreCase)))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>
/// User agents of well-known machines and of people's programs, as their makers publish them. The first rule whose
/// token occurs decides, so special tokens come before general ones. Machines with a browser's user agent are not in
/// these lists. They are recognised by their behaviour.
/// </summary>
internal static class AgentRules
{
    /// <summary>Machines, the special tokens first.</summary>
    public static AgentRule[] Machines { get; } =
    [
        // A mail provider loads the image for a person who is looking at the message.
        new("GoogleImageProxy", Reasons.ImageProxy, "google"),
        new("YahooMailProxy", Reasons.ImageProxy, "yahoo"),

        // Gmail loads images when the message list is open, before the message is opened.
        new("Edge/12.246 Mozilla/5.0", Reasons.GmailPrefetch, "google"),
        new("Gmail-content-sampling", Reasons.GmailSampling, "google"),

        // Microsoft follows a link to check it when the message arrives or is opened, with Outlook's name in the user
        // agent.
        new("SafeLinks", Reasons.SafeLinks, "microsoft"),
        new("Safe Links", Reasons.SafeLinks, "microsoft"),

        // Office checks whether a link exists before it opens the browser. The browser then sends its own user agent.
        new("Microsoft Office Existence Discovery", Reasons.ExistenceCheck, "microsoft"),
        new("Microsoft Office Protocol Discovery", Reasons.ExistenceCheck, "microsoft"),

        // A person pasted the link into a chat or a social network, which shows a preview. Some of these programs name
        // other programs to be let in, so they come first: Telegram is "like TwitterBot", and iMessage names three.
        new("facebookexternalhit/1.1 Facebot Twitterbot/1.0", Reasons.LinkPreview, "apple"),
        new("TelegramBot", Reasons.LinkPreview, "telegram"),
        new("Snap URL Preview", Reasons.LinkPreview, "snap"),
        new("Discordbot", Reasons.LinkPreview, "discord"),
        new("LinkedInBot", Reasons.LinkPreview, "linkedin"),
        new("redditbot", Reasons.LinkPreview, "reddit"),
        new("vkShare", Reasons.LinkPreview, "vk"),
        new("Viber", Reasons.LinkPreview, "viber"),
        new("Slackbot", Reasons.LinkPreview, "slack"),
        new("Slack-ImgProxy", Reasons.LinkPreview, "slack"),
        new("facebookexternalhit", Reasons.LinkPreview, "meta"),
        new("Facebot", Reasons.LinkPreview, "meta"),
        new("meta-externalfetcher", Reasons.LinkPreview, "meta"),
        new("WhatsApp", Reasons.LinkPreview, "meta"),
        new("Twitterbot", Reasons.LinkPreview, "x"),
        new("SkypeUriPreview", Reasons.LinkPreview, "microsoft"),
        new("BingPreview", Reasons.LinkPreview, "microsoft"),
        new("MicrosoftPreview", Reasons.LinkPreview, "microsoft"),
        new("Pinterestbot", Reasons.LinkPreview, "pinterest"),
        new("Google Web Preview", Reasons.LinkPreview, "google"),
        new("Google-PageRenderer", Reasons.LinkPreview, "google"),
        new("Cardyb", Reasons.LinkPreview, "bluesky"),
        new("Mastodon/", Reasons.LinkPreview, "mastodon"),
        new("Embedly", Reasons.LinkPreview, "embedly"),
        new("Iframely", Reasons.LinkPreview, "iframely"),

        // Mail security programs follow links before the recipient, or instead of the recipient.
        new("Barracuda", Reasons.MailSecurity, "barracuda"),
        new("Proofpoint", Reasons.MailSecurity, "proofpoint"),
        new("Mimecast", Reasons.MailSecurity, "mimecast"),
        new("MessageLabs", Reasons.MailSecurity, "symantec"),
        new("Symantec", Reasons.MailSecurity, "symantec"),
        new("TrendMicro", Reasons.MailSecurity, "trendmicro"),
        new("FireEye", Reasons.MailSecurity, "fireeye"),
        new("IronPort", Reasons.MailSecurity, "cisco"),
        new("FortiGuard", Reasons.MailSecurity, "fortinet"),
        new("Microsoft-URLAnalyzer", Reasons.MailSecurity, "microsoft"),
        new("Forcepoint", Reasons.MailSecurity, "forcepoint"),
        new("Sophos", Reasons.MailSecurity, "sophos"),
        new("Zscaler", Reasons.MailSecurity, "zscaler"),
        new("VirusTotal", Reasons.MailSecurity, "google"),
        new("urlscan", Reasons.MailSecurity, "urlscan"),

        // Browsers that are controlled by a program.
        new("HeadlessChrome", Reasons.HeadlessBrowser),
        new("PhantomJS", Reasons.HeadlessBrowser),
        new("Playwright/", Reasons.HeadlessBrowser),
        new("; Selenium", Reasons.HeadlessBrowser),
        new("Chrome-Lighthouse", Reasons.HeadlessBrowser, "google"),

        // Libraries and command line programs: automation, no matter who wrote it.
        new("curl/", Reasons.HttpClient),
        new("Wget/", Reasons.HttpClient),
        new("python-requests", Reasons.HttpClient),
        new("python-urllib", Reasons.HttpClient),
        new("python-httpx", Reasons.HttpClient),
        new("aiohttp", Reasons.HttpClient),
        new("Go-http-client", Reasons.HttpClient),
        new("Apache-HttpClient", Reasons.HttpClient),
        new("okhttp", Reasons.HttpClient),
        new("axios/", Reasons.HttpClient),
        new("node-fetch", Reasons.HttpClient),
        new("libwww-perl", Reasons.HttpClient),
        new("Java/", Reasons.HttpClient),
        new("Scrapy/", Reasons.HttpClient),

        // Crawlers with a known owner. The list of crawlers has many more.
        new("Googlebot", Reasons.Crawler, "google"),
        new("FeedFetcher-Google", Reasons.Crawler, "google"),
        new("Storebot-Google", Reasons.Crawler, "google"),
        new("Google-InspectionTool", Reasons.Crawler, "google"),
        new("bingbot", Reasons.Crawler, "microsoft"),
        new("Applebot", Reasons.Crawler, "apple"),
        new("YandexBot", Reasons.Crawler, "yandex"),
    ];

    /// <summary>Words with which robots describe themselves. "bot" alone would also match the telephones of
    /// Cubot.</summary>
    public static RobotWord[] RobotWords { get; } =
    [
        new("bot", true, "cu", EndsWord: true),
        new("bots", true, EndsWord: true),
        new("robot", true),
        new("crawl", true),
        new("spider", true),
        new("+http", true),
        new("scanner", true),

        // The names of browsers contain none of these words either, but the name of a telephone or of an add-on may.
        new("http", false),
        new("www.", false),
        new("@", false),
        new(".com", false),
        new("monitor", false),
        new("scan", false),
        new("fetch", false),
        new("preview", false),
        new("feed", false),
        new("rss", false),
        new("check", false),
        new("valid", false),
        new("archiv", false),
        new("agent", false),
        new("python", false),
        new("perl", false),
        new("ruby", false),
        new("php", false),
        new("health", false),
        new("analy", false),
        new("index", false),
        new("download", false),
        new("proxy", false),
        new("uptime", false),
        new("inspect", false),
        new("grab", false),
        new("scrap", false),
        new("search", false),
        new("discovery", false),
    ];

    /// <summary>Browser versions that people stopped using years ago. Machines of several makers send these names, so
    /// the maker is unknown, but a person is unlikely.</summary>
    public static AgentRule[] Retired { get; } =
    [
        new("Edge/12.", Reasons.RetiredBrowser),
        new("Chrome/42.", Reasons.RetiredBrowser),
    ];

    /// <summary>Mail programs that people use.</summary>
    public static AgentRule[] MailPrograms { get; } =
    [
        new("Microsoft Outlook", Reasons.MailProgram, "microsoft"),
        new("MSOffice", Reasons.MailProgram, "microsoft"),
        new("Outlook-iOS", Reasons.MailProgram, "microsoft"),
        new("Outlook-Android", Reasons.MailProgram, "microsoft"),
        new("OneOutlook/", Reasons.MailProgram, "microsoft"),
        new("Thunderbird/", Reasons.MailProgram, "mozilla"),
        new("Betterbird/", Reasons.MailProgram),
        new("Postbox/", Reasons.MailProgram),
        new("PostboxApp/", Reasons.MailProgram),
        new("Airmail/", Reasons.MailProgram),
        new("eM Client", Reasons.MailProgram),
        new("eMClient", Reasons.MailProgram),
        new("Mailspring/", Reasons.MailProgram),
        new("The Bat!", Reasons.MailProgram),
        new("Lotus-Notes", Reasons.MailProgram),
        new("HCL Notes", Reasons.MailProgram),
        new("Evolution/", Reasons.MailProgram),
        new("KMail/", Reasons.MailProgram),
        new("Claws Mail", Reasons.MailProgram),
        new("Geary/", Reasons.MailProgram),
        new("MailMate/", Reasons.MailProgram),
        new("SparkDesktop/", Reasons.MailProgram),
        new("Foxmail/", Reasons.MailProgram),
        new("AquaMail/", Reasons.MailProgram),
        new("BlueMail/", Reasons.MailProgram),
        new("K-9 Mail", Reasons.MailProgram),
        new("FairEmail", Reasons.MailProgram),
        new("ProtonMail/", Reasons.MailProgram),
        new("Tutanota/", Reasons.MailProgram),
    ];

    /// <summary>Engines and systems on which people's browsers and apps are built.</summary>
    public static AgentRule[] Browsers { get; } =
    [
        new("AppleWebKit/", Reasons.Browser),
        new("Gecko/", Reasons.Browser),
        new("Goanna/", Reasons.Browser),
        new("Trident/", Reasons.Browser),
        new("MSIE ", Reasons.Browser),
        new("Opera/", Reasons.Browser),
        new("Presto/", Reasons.Browser),
        new("KHTML/", Reasons.Browser),
        new("NetFront/", Reasons.Browser),
        new("UCWEB", Reasons.Browser),
        new("CFNetwork/", Reasons.Browser),
        new("Dalvik/", Reasons.Browser),
        new("BlackBerry", Reasons.Browser),
        new("SymbianOS", Reasons.Browser),
        new("AmigaOS", Reasons.Browser),
    ];
}
