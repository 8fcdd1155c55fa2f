using System.Collections.Frozen;
using System.Text;
using System.Text.Json.Serialization;
using Tracking.Links;

namespace Tracking.RedirectEdge.Destinations;

/// <summary>A destination that another one takes the place of, as it is read and copied to disk.</summary>
/// <param name="Cluster">Whose it is.</param>
/// <param name="Link">The destination in the mail.</param>
/// <param name="Message">The message, hexadecimal; <see langword="null"/> for a tag.</param>
/// <param name="Tag">The tag; <see langword="null"/> for a message.</param>
/// <param name="NewLink">The destination in its place.</param>
/// <param name="Url">Where that leads.</param>
internal sealed record RepairRow(int Cluster, long Link, string? Message, string? Tag, long NewLink, string Url);

/// <summary>The rules as they are read and copied to disk.</summary>
/// <param name="Blocked">Patterns of <see cref="HostSet"/>.</param>
/// <param name="Repairs">Repairs.</param>
internal sealed record RuleRows(IReadOnlyList<string> Blocked, IReadOnlyList<RepairRow> Repairs)
{
    /// <summary>Whether there is nothing.</summary>
    [JsonIgnore]
    public bool IsEmpty => Blocked.Count == 0 && Repairs.Count == 0;
}

/// <summary>The repairs of one destination.</summary>
/// <param name="Messages">By message.</param>
/// <param name="Tags">By tag; the first that a message has wins.</param>
internal sealed record LinkRepairs(
    IReadOnlyDictionary<MessageKey, CachedLink> Messages, IReadOnlyList<(string Tag, CachedLink Link)> Tags);

/// <summary>What changes for links that are already sent: blocked destinations, and repaired ones.
/// Immutable.</summary>
internal sealed class DestinationRules
{
    private readonly HostSet _blocked;
    private readonly FrozenDictionary<LinkKey, LinkRepairs> _repairs;

    // Links refer to this and not to the rules: they would keep old rules in memory.
    private readonly object _stamp = new();

    private DestinationRules(RuleRows rows)
    {
        _blocked = HostSet.Of(rows.Blocked);
        _repairs = rows.Repairs
            .Where(row => DestinationPolicy.IsSafeLocation(row.Url))
            .GroupBy(row => new LinkKey(new ClusterId(row.Cluster), LinkId.FromInt64(row.Link)))
            .ToFrozenDictionary(alike => alike.Key, alike => Of([.. alike]));
    }

    /// <summary>Makes rules.</summary>
    /// <returns><see langword="null"/> without any, so that a click asks nothing else.</returns>
    public static DestinationRules? Of(RuleRows rows) => rows.IsEmpty ? null : new DestinationRules(rows);

    /// <summary>Whether a link is neither blocked nor repaired anywhere. Its first answer is remembered with the
    /// link.</summary>
    public bool LeavesAlone(CachedLink link)
    {
        if (ReferenceEquals(link.LeftAloneBy, _stamp))
        {
            return true;
        }

        if (_repairs.ContainsKey(link.Key) || Blocks(link.Url))
        {
            return false;
        }

        link.LeftAloneBy = _stamp;
        return true;
    }

    /// <summary>Whether a destination is blocked.</summary>
    /// <param name="url">Printable ASCII.</param>
    public bool Blocks(string url) =>
        _blocked != HostSet.Empty
        && DestinationPolicy.Read(Encoding.ASCII.GetBytes(url), null, out var destination)
            == DestinationOutcome.Accepted
        && (_blocked.Contains(destination.Host)
            || (_blocked.HasPathsOf(destination.Host) && _blocked.ContainsPath(destination)));

    /// <summary>The repairs of a destination.</summary>
    public LinkRepairs? RepairsOf(LinkKey key) => _repairs.GetValueOrDefault(key);

    private static LinkRepairs Of(RepairRow[] rows)
    {
        var messages = new Dictionary<MessageKey, CachedLink>();
        var tags = new List<(string Tag, CachedLink Link)>();
        foreach (var row in rows)
        {
            var target = new CachedLink(
                new LinkKey(new ClusterId(row.Cluster), LinkId.FromInt64(row.NewLink)), row.Url);
            if (row.Tag is { } tag)
            {
                tags.Add((tag, target));
            }
            else if (MessageKey.TryParse(row.Message, out var message))
            {
                messages[message] = target;
            }
        }

        return new LinkRepairs(messages, tags);
    }
}
