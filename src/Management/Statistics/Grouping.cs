using Tracking.Database.Entities;

namespace Tracking.Management.Statistics;

/// <summary>What statistics are grouped by.</summary>
/// <param name="Word">Its name in the API.</param>
/// <param name="Dimension">The counters that answer it.</param>
/// <param name="Key">SQL of the key, over counters <c>c</c>; <c>$2</c> is the zone.</param>
/// <param name="ByTime">Ordered by key; everything else by how much happened.</param>
internal sealed record Grouping(
    string Word, CountDimension Dimension, string Key = "nullif(c.key, '')", bool ByTime = false)
{
    public static readonly Grouping Total = new("total", CountDimension.Total, "NULL::text", ByTime: true);

    public static readonly Grouping Day = new(
        "day", CountDimension.Total, "to_char(to_timestamp(c.bucket * 900.0) AT TIME ZONE $2, 'YYYY-MM-DD')",
        ByTime: true);

    /// <summary>Answered by <see cref="RankMessages"/>.</summary>
    public static readonly Grouping Message = new("message", CountDimension.Total);

    public static readonly Grouping Link = new("link", CountDimension.Link);

    public static readonly Grouping Position = new("position", CountDimension.Position);

    // Where a zone is off by half an hour, its hours begin at half past.
    private static readonly Grouping _hour = new(
        "hour", CountDimension.Total,
        """
        to_char(date_trunc('hour', to_timestamp(c.bucket * 900.0), $2) AT TIME ZONE 'UTC',
            'YYYY-MM-DD"T"HH24:MI":00Z"')
        """,
        ByTime: true);

    private static readonly Grouping _tag = new("tag", CountDimension.Tag);

    private static readonly Grouping _recipientDomain = new("recipientDomain", CountDimension.RecipientDomain);

    private static readonly Grouping _client = new("client", CountDimension.Client);

    /// <summary>All of them, by their names in the API.</summary>
    public static readonly IReadOnlyList<(string Word, Grouping Value)> Choices =
        [.. new[] { Day, _hour, Link, Message, _tag, Position, _recipientDomain, _client }
            .Select(grouping => (grouping.Word, grouping))];
}
