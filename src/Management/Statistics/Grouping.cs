using Tracking.Database.Entities;

namespace Tracking.Management.Statistics;

/// <summary>A grouping of statistics.</summary>
/// <param name="Word">Its name in the API.</param>
/// <param name="Dimension">The counters that are read for it.</param>
internal sealed record Grouping(string Word, CountDimension Dimension)
{
    public static readonly Grouping Total = new("total", CountDimension.Total);

    public static readonly Grouping Day = new("day", CountDimension.Total);

    public static readonly Grouping Hour = new("hour", CountDimension.Total);

    /// <summary>Read by <see cref="RankMessages"/>.</summary>
    public static readonly Grouping Message = new("message", CountDimension.Total);

    public static readonly Grouping Link = new("link", CountDimension.Link);

    public static readonly Grouping Position = new("position", CountDimension.Position);

    private static readonly Grouping _tag = new("tag", CountDimension.Tag);

    private static readonly Grouping _recipientDomain = new("recipientDomain", CountDimension.RecipientDomain);

    private static readonly Grouping _client = new("client", CountDimension.Client);

    /// <summary>The groupings that a request may name.</summary>
    public static readonly IReadOnlyList<(string Word, Grouping Value)> Choices =
        [.. new[] { Day, Hour, Link, Message, _tag, Position, _recipientDomain, _client }
            .Select(grouping => (grouping.Word, grouping))];
}
