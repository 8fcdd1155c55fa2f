using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tracking.Database.Entities;

/// <summary>The shape of a tracked link.</summary>
public enum LinkStyle
{
    /// <summary><c>/c/&lt;token&gt;</c>.</summary>
    Compact,

    /// <summary>The original path stays visible, followed by the token.</summary>
    Path,
}

/// <summary>What happens to a link whose visible text is itself a URL or host name.</summary>
public enum KeepUrlText
{
    /// <summary>All links are rewritten.</summary>
    Off,

    /// <summary>Such a link is not rewritten, unless the text's host belongs to the organisation of the tracking
    /// host.</summary>
    OtherDomain,

    /// <summary>Such a link is never rewritten.</summary>
    Always,
}

/// <summary>The place of the open pixel in an HTML part.</summary>
public enum PixelPosition
{
    /// <summary>Before the last real <c>&lt;/body&gt;</c>.</summary>
    Bottom,

    /// <summary>After the first real <c>&lt;body&gt;</c>.</summary>
    Top,
}

/// <summary>How much is stored about the person behind an event. Of several levels the strictest applies
/// (<see cref="TrackingLevels"/>). The numbers are stored. Their order is not the order of strictness.</summary>
public enum TrackingLevel
{
    /// <summary>Events are stored with their message and its recipient.</summary>
    Full = 0,

    /// <summary>Events are stored with the id of their message but without its recipient, whom only the sender knows.
    /// Of an address at most the network is stored.</summary>
    Pseudonymous = 3,

    /// <summary>Events are counted. Recipient, address and user agent are not stored.</summary>
    Anonymous = 1,

    /// <summary>Nothing is tracked. Links that are already sent keep working and are counted as under
    /// <see cref="Anonymous"/>.</summary>
    Off = 2,
}

/// <summary>Compares tracking levels.</summary>
public static class TrackingLevels
{
    /// <summary>The stricter of two levels.</summary>
    public static TrackingLevel Strictest(TrackingLevel one, TrackingLevel other) =>
        StrictnessOf(one) >= StrictnessOf(other) ? one : other;

    /// <summary>A condition in SQL: whether the level of one column is stricter than the level of another.</summary>
    public static string IsStricterSql(string one, string other) =>
        $"array_position({Order}, {one}) > array_position({Order}, {other})";

    private static string Order { get; } =
        $"'{{{string.Join(',', Enum.GetValues<TrackingLevel>().OrderBy(StrictnessOf).Select(level => (short)level))}}}'"
        + "::smallint[]";

    private static int StrictnessOf(TrackingLevel level) => level switch
    {
        TrackingLevel.Full => 0,
        TrackingLevel.Pseudonymous => 1,
        TrackingLevel.Anonymous => 2,
        _ => 3,
    };
}

/// <summary>How much of a client's address is kept.</summary>
public enum AddressPolicy
{
    /// <summary>/24 of IPv4, /48 of IPv6.</summary>
    Truncated,

    /// <summary>The whole address.</summary>
    Full,

    /// <summary>No address.</summary>
    None,
}

/// <summary>A cluster's settings. Tracking is off by default: somebody must decide to track.</summary>
public sealed record ClusterSettings
{
    /// <summary>How settings are written in the database and in the API: camelCase, enumerations by name. Unknown
    /// members are refused.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    /// <summary>The fewest and most months that events may be kept.</summary>
    internal static (int Least, int Most) Retention { get; } = (1, 120);

    /// <summary>The most days that HTML may be kept: a year and some weeks, so that mailings can be compared with last
    /// year's.</summary>
    internal const int MostHtmlDays = 400;

    /// <summary>The settings in place of unreadable ones: nothing is tracked, and nothing personal is kept. Events are
    /// kept for the longest possible time, because the configured time is not known.</summary>
    public static ClusterSettings InPlaceOfUnreadable { get; } = new()
    {
        TrackingLevel = TrackingLevel.Off,
        AddressPolicy = AddressPolicy.None,
        RetentionMonths = Retention.Most,
    };

    /// <summary>Reads settings from the database. A newer version or a person may have written settings that this
    /// version cannot read.</summary>
    /// <param name="json">The column.</param>
    /// <param name="wrong">The JSON path of the unreadable value. The value itself is left out, because excluded
    /// domains can reveal a cluster's recipients.</param>
    /// <returns><see langword="null"/> when the settings cannot be read.</returns>
    public static ClusterSettings? TryRead(string json, out string wrong)
    {
        wrong = "$";
        try
        {
            if (JsonSerializer.Deserialize<ClusterSettings>(json, Json) is not { } settings)
            {
                return null;
            }

            if (settings.RetentionMonths < Retention.Least || settings.RetentionMonths > Retention.Most)
            {
                wrong = "$.retentionMonths";
                return null;
            }

            if (settings.KeepHtmlDays < 0 || settings.KeepHtmlDays > MostHtmlDays)
            {
                wrong = "$.keepHtmlDays";
                return null;
            }

            if (settings.ExcludedDomains is null || settings.ExcludedDomains.Contains(null!))
            {
                wrong = "$.excludedDomains";
                return null;
            }

            if (settings.SystemLinks is null || settings.SystemLinks.Contains(null!))
            {
                wrong = "$.systemLinks";
                return null;
            }

            return settings;
        }
        catch (JsonException exception)
        {
            wrong = exception.Path ?? wrong;
            return null;
        }
    }

    /// <summary>Rewrite links.</summary>
    public bool TrackClicks { get; init; }

    /// <summary>Add an open pixel.</summary>
    public bool TrackOpens { get; init; }

    /// <summary>The shape of tracked links.</summary>
    public LinkStyle LinkStyle { get; init; } = LinkStyle.Compact;

    /// <summary>Do not rewrite text/plain parts.</summary>
    public bool HtmlOnly { get; init; }

    /// <summary>Rewrite <c>img src</c> too.</summary>
    public bool TrackImages { get; init; }

    /// <summary>Links whose visible text is a URL.</summary>
    public KeepUrlText KeepUrlText { get; init; } = KeepUrlText.Off;

    /// <summary>The place of the open pixel.</summary>
    public PixelPosition PixelPosition { get; init; } = PixelPosition.Bottom;

    /// <summary>Rewrite messages that already have a DKIM signature. The rewriting breaks the signature.</summary>
    public bool TrackSigned { get; init; }

    /// <summary>How much is kept about the person behind an event.</summary>
    public TrackingLevel TrackingLevel { get; init; } = TrackingLevel.Full;

    /// <summary>How much of a client's address is kept.</summary>
    public AddressPolicy AddressPolicy { get; init; } = AddressPolicy.Truncated;

    /// <summary>Months that events are kept, 1 to 120.</summary>
    public int RetentionMonths { get; init; } = 13;

    /// <summary>Days that the HTML of mail is kept for the click map, 0 to 400; 0: not at all. The HTML may contain
    /// more personal data than events do.</summary>
    public int KeepHtmlDays { get; init; }

    /// <summary>UTM parameters that are added to the destinations of tracked links, in the form of a query:
    /// <c>utm_source=newsletter&amp;utm_medium=email</c>; empty: none.</summary>
    public string Utm { get; init; } = "";

    /// <summary>Destinations that are never tracked: host names, and <c>*.example.com</c>.</summary>
    public IReadOnlyList<string> ExcludedDomains { get; init; } = [];

    /// <summary>Destinations whose clicks are listed but not counted: host names, <c>*.example.com</c>, each also with
    /// a path.</summary>
    public IReadOnlyList<string> SystemLinks { get; init; } = [];
}
