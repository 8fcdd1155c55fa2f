using System.Text;
using System.Text.Json;
using Tracking.Contracts;

namespace Tracking.EventIngest.Bots;

/// <summary>
/// What events are judged by: every reason with its weight, source and version. An event's row keeps the number of its
/// rule set, so that what it rested on can be said after the rules have changed.
/// </summary>
internal sealed class RuleSet
{
    private readonly Dictionary<string, Reason> _byCode;

    /// <param name="crawlers">The list of crawlers.</param>
    /// <param name="networks">Whose networks are whose; null when nobody has said where that stands.</param>
    public RuleSet(CrawlerList crawlers, NetworkList? networks = null)
    {
        Crawlers = crawlers;
        Networks = networks;
        Reason[] all = [.. Reasons.All, crawlers.Listed, crawlers.Preview];
        _byCode = all.ToDictionary(reason => reason.Code);
        Content = JsonSerializer.Serialize(all.OrderBy(reason => reason.Code, StringComparer.Ordinal).Select(
            reason => new Dictionary<string, object>
            {
                ["code"] = reason.Code,
                ["verdict"] = JsonNamingPolicy.CamelCase.ConvertName(reason.Verdict.ToString()),
                ["weight"] = reason.Weight,
                ["source"] = reason.Source,
                ["version"] = VersionOf(reason),
                ["meaning"] = reason.Meaning,
            }));
        Number = (int)(EventRecord.Crc32C(Encoding.UTF8.GetBytes(Content)) & int.MaxValue);
    }

    /// <summary>Those that are shipped.</summary>
    public static RuleSet Shipped { get; } = new(CrawlerList.Shipped);

    /// <summary>Made of its content: the same rules have the same number in every process.</summary>
    public int Number { get; }

    /// <summary>The reasons, as JSON.</summary>
    public string Content { get; }

    /// <summary>The list of crawlers.</summary>
    public CrawlerList Crawlers { get; }

    /// <summary>Whose networks are whose.</summary>
    public NetworkList? Networks { get; }

    /// <summary>A reason by its name; <see langword="null"/> when these rules do not have it.</summary>
    public Reason? Find(string code) => _byCode.GetValueOrDefault(code);

    private string VersionOf(Reason reason) =>
        ReferenceEquals(reason, Crawlers.Listed) || ReferenceEquals(reason, Crawlers.Preview)
            ? Crawlers.Version
            : reason.Source == ReasonSources.Networks && Networks is not null
                ? $"{ReasonSources.Version}, networks of {Networks.Version}"
                : ReasonSources.Version;
}
