using System.Text;
using System.Text.Json;
using Tracking.Contracts;

namespace Tracking.EventIngest.Bots;

/// <summary>
/// The rules by which events are classified: every reason with its weight, source and version. An event's row keeps the
/// number of its rule set, so its verdict can be explained after the rules have changed.
/// </summary>
internal sealed class RuleSet
{
    private readonly Dictionary<string, Reason> _byCode;

    /// <param name="crawlers">The list of crawlers.</param>
    /// <param name="networks">The owners of networks; null if no file is configured and no list was sent.</param>
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

    /// <summary>The shipped rules.</summary>
    public static RuleSet Shipped { get; } = new(CrawlerList.Shipped);

    /// <summary>The number of the rule set. It is computed from the content, so the same rules have the same number in
    /// every process.</summary>
    public int Number { get; }

    /// <summary>The reasons, as JSON.</summary>
    public string Content { get; }

    /// <summary>The list of crawlers.</summary>
    public CrawlerList Crawlers { get; }

    /// <summary>The owners of networks.</summary>
    public NetworkList? Networks { get; }

    /// <summary>A reason by its code; <see langword="null"/> if these rules do not have it.</summary>
    public Reason? Find(string code) => _byCode.GetValueOrDefault(code);

    private string VersionOf(Reason reason) =>
        ReferenceEquals(reason, Crawlers.Listed) || ReferenceEquals(reason, Crawlers.Preview)
            ? Crawlers.Version
            : reason.Source == ReasonSources.Networks && Networks is not null
                ? $"{ReasonSources.Version}, networks of {Networks.Version}"
                : ReasonSources.Version;
}
