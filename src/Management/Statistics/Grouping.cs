namespace Tracking.Management.Statistics;

/// <summary>What statistics are grouped by: the SQL of the key, over <c>ingest.events e</c>.</summary>
/// <param name="Word">Its name in the API.</param>
/// <param name="Key">The key's SQL.</param>
/// <param name="Join">What it needs besides the events.</param>
/// <param name="Label">SQL of a text that explains the key, aggregated.</param>
/// <param name="ByTime">Ordered by key; everything else by how much happened.</param>
internal sealed record Grouping(
    string Word, string Key, string Join = "", string Label = "NULL", bool ByTime = false)
{
    private const string Message =
        "JOIN rewrite.messages m ON m.cluster_id = e.cluster_id AND m.message_key = e.message_key";

    public static readonly Grouping Total = new("total", "NULL::text", ByTime: true);

    public static readonly Grouping Day = new(
        "day", "to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')", ByTime: true);

    /// <summary>By place in the message; rows are merged by place afterwards, see <see cref="CountEvents"/>.</summary>
    public static readonly Grouping Position = new("position", "");

    private static readonly Grouping _hour = new(
        "hour", """to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24":00:00Z"')""", ByTime: true);

    private static readonly Grouping _link = new(
        "link",
        "lpad(to_hex(e.link_id), 16, '0')",
        "JOIN links.destinations d ON d.cluster_id = e.cluster_id AND d.link_id = e.link_id",
        "min(d.url)");

    private static readonly Grouping _message = new(
        "message", "encode(e.message_key, 'hex')", "LEFT " + Message, "min(m.message_id)");

    private static readonly Grouping _tag = new(
        "tag", "tag", Message + " CROSS JOIN LATERAL unnest(m.tags) AS tag");

    private static readonly Grouping _recipientDomain = new("recipientDomain", "m.recipient_domain", "LEFT " + Message);

    // The order matters: Edge and Opera call themselves Chrome too, Chrome calls itself Safari, everybody Mozilla.
    private static readonly Grouping _client = new(
        "client",
        """
        CASE
            WHEN e.vendor IS NOT NULL THEN e.vendor
            WHEN e.user_agent IS NULL OR e.user_agent = '' THEN NULL
            WHEN e.user_agent LIKE '%GoogleImageProxy%' THEN 'Gmail'
            WHEN e.user_agent LIKE '%YahooMailProxy%' THEN 'Yahoo Mail'
            WHEN e.user_agent LIKE '%Thunderbird/%' THEN 'Thunderbird'
            WHEN e.user_agent ~ 'Outlook|MSOffice|ms-office' THEN 'Outlook'
            WHEN e.user_agent LIKE '%Edg%/%' THEN 'Edge'
            WHEN e.user_agent LIKE '%OPR/%' THEN 'Opera'
            WHEN e.user_agent LIKE '%SamsungBrowser/%' THEN 'Samsung Internet'
            WHEN e.user_agent ~ 'Firefox/|FxiOS/' THEN 'Firefox'
            WHEN e.user_agent ~ 'Chrome/|CriOS/' THEN 'Chrome'
            WHEN e.user_agent LIKE '%Safari/%' THEN 'Safari'
            WHEN e.user_agent ~ '(iPhone|iPad|Macintosh).*AppleWebKit/' THEN 'Apple Mail'
            WHEN e.user_agent = 'Mozilla/5.0' THEN 'Apple Mail (private relay)'
            ELSE 'other'
        END
        """);

    /// <summary>All of them, by their names in the API.</summary>
    public static readonly IReadOnlyList<(string Word, Grouping Value)> Choices =
        [.. new[] { Day, _hour, _link, _message, _tag, Position, _recipientDomain, _client }
            .Select(grouping => (grouping.Word, grouping))];
}
