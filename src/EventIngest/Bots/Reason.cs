using Tracking.Database.Entities;

namespace Tracking.EventIngest.Bots;

/// <summary>A piece of evidence for a machine or for a person.</summary>
/// <param name="Code">The stable name. The row of an event keeps it.</param>
/// <param name="Verdict">The verdict that the reason supports.</param>
/// <param name="Weight">The strength: above 0 for a machine, below 0 for a person. Single weights lie between −40 and
/// 200.</param>
/// <param name="Source">The origin: <see cref="ReasonSources"/>, or the name of a list.</param>
/// <param name="Meaning">The meaning, in one sentence.</param>
internal sealed record Reason(string Code, Verdict Verdict, short Weight, string Source, string Meaning);

/// <summary>The origins of the reasons that are not from a list.</summary>
internal static class ReasonSources
{
    /// <summary>The user agent; see <see cref="AgentRules"/>.</summary>
    public const string Agents = "agent-rules";

    /// <summary>The headers that a browser adds by itself; see <see cref="JudgeShape"/>.</summary>
    public const string Shape = "request-shape";

    /// <summary>Other events of the message; see <see cref="JudgeMessage"/>.</summary>
    public const string Behaviour = "behaviour";

    /// <summary>The client's network; see <see cref="NetworkRules"/>.</summary>
    public const string Networks = "network-rules";

    /// <summary>The version of the reasons that are not from a list. Every change of <see cref="Reasons"/>, including a
    /// change of a weight, needs a new version.</summary>
    public const string Version = "2026-11-29";
}

/// <summary>
/// All reasons with their weights. The weights are chosen so that the evidence of people's programs never adds up to a
/// machine. The weight of a browser's name balances all headers that a request may lack (−30 against 10 + 10 + 10).
/// Only evidence that no person gives reaches <see cref="Verdicts.MachineAt"/>.
/// </summary>
internal static class Reasons
{
    /// <summary>The reasons, each with its verdict and weight.</summary>
    public static readonly Reason
        ImageProxy = Agent("image-proxy", Verdict.Proxy, -40, "a mail provider loads the image for somebody who looks"),
        MailPrivacy = Agent(
            "mail-privacy-protection", Verdict.Prefetch, 90, "Apple Mail loads images when the message arrives"),
        GmailPrefetch = Agent("gmail-prefetch", Verdict.Prefetch, 90, "Gmail loads images before the message is opened"),
        GmailSampling = Agent("gmail-content-sampling", Verdict.Prefetch, 90, "Gmail looks into the message by itself"),
        SafeLinks = Agent("safe-links", Verdict.Prefetch, 90, "Microsoft judges the link in the recipient's place"),
        ExistenceCheck = Agent(
            "existence-check", Verdict.Prefetch, 90, "Office asks whether the link exists before it opens the browser"),
        LinkPreview = Agent("link-preview", Verdict.Preview, 90, "a chat or network shows a card of the link"),
        MailSecurity = Agent("mail-security", Verdict.Scanner, 100, "mail security follows links by itself"),
        HeadlessBrowser = Agent("headless-browser", Verdict.Scanner, 90, "a program drives the browser"),
        HttpClient = Agent("http-client", Verdict.Scanner, 80, "a library or command line program"),
        Crawler = Agent("crawler", Verdict.Scanner, 90, "it calls itself a robot"),
        RetiredBrowser = Agent(
            "retired-browser", Verdict.Unknown, 30, "a browser that nobody has had for years, in whose name machines come"),
        MailProgram = Agent("mail-program", Verdict.Human, -40, "a mail program of people"),
        Browser = Agent("browser", Verdict.Human, -30, "a browser's name, which machines borrow too"),
        NoUserAgent = Agent("no-user-agent", Verdict.Unknown, 20, "the request names no program"),
        Unrecognised = Agent("unrecognised", Verdict.Unknown, 0, "the program is not known"),
        Honeypot = new("honeypot", Verdict.Scanner, 200, ReasonSources.Behaviour, "it followed a link that nobody sees"),

        PrefetchHeader = Shape(
            "says-prefetch", Verdict.Prefetch, 100,
            "the browser says that it loads ahead; if a person then looks, nothing more is sent"),
        FetchMetadata = Shape("fits-fetch-metadata", Verdict.Human, -20, "the fetch metadata is a browser's for a click"),
        NoFetchMetadata = Shape(
            "no-fetch-metadata", Verdict.Unknown, 10, "this browser sends fetch metadata over https, the request did not"),
        OtherFetchMetadata = Shape(
            "other-fetch-metadata", Verdict.Unknown, 20, "the fetch metadata says that a script asks, not a person's click"),
        NoLanguage = Shape("no-language", Verdict.Unknown, 10, "browsers name the languages that their user reads"),
        NoClientHints = Shape(
            "no-client-hints", Verdict.Unknown, 10, "this browser sends client hints over https, the request did not"),
        HintsContradict = Shape(
            "hints-contradict", Verdict.Unknown, 20, "the client hints name another browser than the user agent"),

        AppleNetwork = Network(
            "apple-network", Verdict.Prefetch, 80, "Apple's own network loads the images of a mail when it arrives"),
        SecurityNetwork = Network("security-network", Verdict.Scanner, 80, "the network is a maker's of mail security"),
        HostingNetwork = Network("hosting-network", Verdict.Scanner, 25, "servers stand in this network, few people"),

        Burst = Behaviour("burst", 100, "it followed several links of the message within a second"),
        BeforeBurst = Behaviour("before-burst", 100, "the same program at the same network followed many links soon after"),
        NearBurst = Behaviour("near-burst", 30, "the same network followed many links of the message soon after"),
        SafeLinksPair = new(
            "safe-links-pair", Verdict.Prefetch, 100, ReasonSources.Behaviour,
            "somebody else at another network followed the same link moments later: this was the check before it"),
        SoonAfterSending = Behaviour("soon-after-sending", 20, "hardly anybody reads within seconds of sending"),
        ManyRecipients = Behaviour(
            "many-recipients", 25, "the same program at the same address follows the links of many recipients at once");

    /// <summary>The reasons that need the other events of the message. The event itself shows all other
    /// reasons.</summary>
    public static IReadOnlyList<Reason> OfBehaviour { get; } =
        [Burst, BeforeBurst, NearBurst, SafeLinksPair, SoonAfterSending, ManyRecipients];

    /// <summary>All reasons that are not from a list.</summary>
    public static IReadOnlyList<Reason> All { get; } =
    [
        ImageProxy, MailPrivacy, GmailPrefetch, GmailSampling, SafeLinks, ExistenceCheck, LinkPreview, MailSecurity,
        HeadlessBrowser, HttpClient, Crawler, RetiredBrowser, MailProgram, Browser, NoUserAgent, Unrecognised, Honeypot,
        PrefetchHeader, FetchMetadata, NoFetchMetadata, OtherFetchMetadata, NoLanguage, NoClientHints, HintsContradict,
        AppleNetwork, SecurityNetwork, HostingNetwork, .. OfBehaviour,
    ];

    /// <summary>The verdict of several reasons. If the sum shows a machine, it is the verdict of the heaviest reason
    /// for a machine. If the sum shows a person, it is the verdict of the reason with the lowest weight. Any other sum
    /// is unknown.</summary>
    public static Verdict Judge(IEnumerable<Reason> reasons, int score)
    {
        var heaviest = score >= Verdicts.MachineAt
            ? reasons.Where(reason => reason.Verdict.IsMachine()).MaxBy(reason => reason.Weight)
            : score < 0 ? reasons.MinBy(reason => reason.Weight) : null;
        return heaviest?.Verdict ?? Verdict.Unknown;
    }

    private static Reason Agent(string code, Verdict verdict, short weight, string meaning) =>
        new(code, verdict, weight, ReasonSources.Agents, meaning);

    private static Reason Shape(string code, Verdict verdict, short weight, string meaning) =>
        new(code, verdict, weight, ReasonSources.Shape, meaning);

    private static Reason Network(string code, Verdict verdict, short weight, string meaning) =>
        new(code, verdict, weight, ReasonSources.Networks, meaning);

    private static Reason Behaviour(string code, short weight, string meaning) =>
        new(code, Verdict.Scanner, weight, ReasonSources.Behaviour, meaning);
}
