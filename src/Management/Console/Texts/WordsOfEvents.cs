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
            (Database.Entities.Verdict.Proxy, _) => $"person, by {vendor}",
            (Database.Entities.Verdict.Prefetch, null) => "machine, fetched beforehand",
            (Database.Entities.Verdict.Prefetch, _) => $"machine, fetched beforehand by {vendor}",
            (Database.Entities.Verdict.Preview, null) => "machine, a link preview",
            (Database.Entities.Verdict.Preview, _) => $"machine, a link preview of {vendor}",
            (_, null) => "machine, a security scanner",
            _ => $"machine, the scanner {vendor}",
        };

        /// <summary>The program, as far as its user agent says.</summary>
        public static string Client(string? agent, string? vendor) => vendor ?? agent switch
        {
            null or "" => "",
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
            _ => agent.Length > 60 ? agent[..60] + "…" : agent,
        };
    }
}
