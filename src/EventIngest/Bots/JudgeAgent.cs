using System.Buffers;

namespace Tracking.EventIngest.Bots;

/// <summary>The result for a user agent alone.</summary>
/// <param name="Reason">The reason.</param>
/// <param name="Vendor">The maker of the program; null if several makers use the name or the maker is unknown.</param>
internal readonly record struct AgentOpinion(Reason Reason, string? Vendor);

/// <summary>
/// Judges a user agent by these rules, in this order:
/// <list type="number">
/// <item>our own rules for machines, because they know the vendor;</item>
/// <item>the list of crawlers;</item>
/// <item>mail programs;</item>
/// <item>the words with which robots describe themselves;</item>
/// <item>browser versions that people no longer use;</item>
/// <item>browsers.</item>
/// </list>
/// </summary>
internal static class JudgeAgent
{
    // Apple's mail privacy protection loads every image when the message arrives, and sends only this text.
    private const string AppleMailPrivacy = "Mozilla/5.0";

    private static readonly SearchValues<string> _machineTokens = SearchValues.Create(
        [.. AgentRules.Machines.Select(rule => rule.Token)], StringComparison.OrdinalIgnoreCase);

    private static readonly SearchValues<string> _robotWords = SearchValues.Create(
        [.. AgentRules.RobotWords.Select(rule => rule.Token)], StringComparison.OrdinalIgnoreCase);

    /// <summary>Judges a user agent.</summary>
    public static AgentOpinion Run(string userAgent, CrawlerList crawlers)
    {
        var text = userAgent.Trim();
        if (text.Length == 0)
        {
            return new(Reasons.NoUserAgent, null);
        }

        if (text == AppleMailPrivacy)
        {
            return new(Reasons.MailPrivacy, "apple");
        }

        return (text.AsSpan().ContainsAny(_machineTokens) ? First(AgentRules.Machines, text) : null)
            ?? (crawlers.Find(text) is { } listed ? new AgentOpinion(listed.Reason, null) : (AgentOpinion?)null)
            ?? First(AgentRules.MailPrograms, text)
            ?? Robot(text)
            ?? First(AgentRules.Retired, text)
            ?? First(AgentRules.Browsers, text)
            ?? new AgentOpinion(Reasons.Unrecognised, null);
    }

    private static AgentOpinion? First(AgentRule[] rules, string userAgent)
    {
        foreach (var rule in rules)
        {
            if (userAgent.Contains(rule.Token, StringComparison.OrdinalIgnoreCase))
            {
                return new AgentOpinion(rule.Reason, rule.Vendor);
            }
        }

        return null;
    }

    // The user agent of a robot may begin with a browser's name. The model name of a telephone may contain a robot's
    // word.
    private static AgentOpinion? Robot(string userAgent)
    {
        if (!userAgent.AsSpan().ContainsAny(_robotWords))
        {
            return null;
        }

        var looksLikeBrowser = userAgent.StartsWith("Mozilla/5.0 (", StringComparison.Ordinal)
            && (userAgent.Contains("(KHTML, like Gecko)", StringComparison.Ordinal)
                || userAgent.Contains("Gecko/20100101", StringComparison.Ordinal));
        foreach (var rule in AgentRules.RobotWords)
        {
            if ((!looksLikeBrowser || rule.AlsoInBrowser) && rule.IsIn(userAgent))
            {
                return new AgentOpinion(Reasons.Crawler, null);
            }
        }

        return null;
    }
}
