using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Console.Texts;

internal static partial class Words
{
    /// <summary>Events, and who or what caused them.</summary>
    internal static class Event
    {
        public static string Kind(LinkKind kind) => kind switch
        {
            LinkKind.Click => "click",
            LinkKind.Open => "open",
            LinkKind.Image => "image",
            _ => "trap",
        };

        public static string Verdict(Verdict verdict, string? vendor) => (verdict, vendor) switch
        {
            (Database.Entities.Verdict.Human, _) => "person",
            (Database.Entities.Verdict.Unknown, _) => "person, nothing speaks against it",
            (Database.Entities.Verdict.Proxy, null) => "person, by a mail provider's proxy",
            (Database.Entities.Verdict.Proxy, _) => $"person, by {Maker(vendor)}",
            (Database.Entities.Verdict.Prefetch, null) => "machine, fetched beforehand",
            (Database.Entities.Verdict.Prefetch, _) => $"machine, fetched beforehand by {Maker(vendor)}",
            (Database.Entities.Verdict.Preview, null) => "machine, a link preview",
            (Database.Entities.Verdict.Preview, _) => $"machine, a link preview of {Maker(vendor)}",
            (_, null) => "machine, a security scanner",
            _ => $"machine, the scanner {Maker(vendor)}",
        };

        /// <summary>Why an event counts nowhere.</summary>
        public static string Uncounted(WhyUncounted why) =>
            why == WhyUncounted.Test ? "test" : "system link, not counted";

        /// <summary>The reason of a classification. The API has it as a stable code.</summary>
        public static string Reason(string reason) => reason switch
        {
            "image-proxy" => "a mail provider's proxy loads pictures for whoever reads",
            "gmail-prefetch" => "Gmail loads pictures before anybody opens the message",
            "gmail-content-sampling" => "Gmail looks at a sample of what comes",
            "mail-privacy-protection" => "Apple's mail privacy loads every picture when the message comes",
            "safe-links" => "Microsoft follows links to judge them",
            "existence-check" => "Office asks whether a link is there before it opens the browser",
            "link-preview" => "a chat or network makes a card of a link that somebody pasted",
            "mail-security" => "mail security follows links before the recipient",
            "headless-browser" => "a browser that a program drives",
            "http-client" => "a program, not a browser",
            "crawler" => "a crawler",
            "retired-browser" => "a browser that nobody has had for years",
            "mail-program" => "a mail program",
            "browser" => "a browser",
            "honeypot" => "it followed a link that no person sees",
            "no-user-agent" => "it does not say what it is",
            "unrecognised" => "nothing is known of it",
            _ => reason.Replace('-', ' '),
        };

        // The makers' own spelling of their names.
        private static string Maker(string vendor) => vendor switch
        {
            "google" => "Google",
            "yahoo" => "Yahoo",
            "microsoft" => "Microsoft",
            "apple" => "Apple",
            "meta" => "Meta",
            "x" => "X",
            "linkedin" => "LinkedIn",
            "trendmicro" => "Trend Micro",
            "fireeye" => "FireEye",
            _ when vendor.Length > 1 => char.ToUpperInvariant(vendor[0]) + vendor[1..],
            _ => vendor,
        };

        /// <summary>The program that the user agent names.</summary>
        public static string Client(string? agent, string? vendor) => agent switch
        {
            null or "" => vendor is null ? "" : Maker(vendor),
            _ when agent.Contains("GoogleImageProxy", StringComparison.Ordinal) => "Gmail",
            _ when agent.Contains("YahooMailProxy", StringComparison.Ordinal) => "Yahoo Mail",
            _ when agent.Contains("Thunderbird/", StringComparison.Ordinal) => "Thunderbird",
            _ when agent.Contains("Outlook", StringComparison.Ordinal) => "Outlook",
            _ when agent.Contains("Edg", StringComparison.Ordinal) => "Edge",
            _ when agent.Contains("Firefox/", StringComparison.Ordinal) => "Firefox",
            _ when agent.Contains("Chrome/", StringComparison.Ordinal) => "Chrome",
            _ when agent.Contains("Safari/", StringComparison.Ordinal) => "Safari",
            _ when agent.Contains("iPhone", StringComparison.Ordinal) => "Apple Mail on iPhone",
            _ when agent.Contains("Macintosh", StringComparison.Ordinal) => "Apple Mail",
            _ when vendor is not null => Maker(vendor),
            _ => agent.Length > 60 ? agent[..60] + "…" : agent,
        };
    }
}
