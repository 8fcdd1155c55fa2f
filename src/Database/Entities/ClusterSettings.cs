using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tracking.Database.Entities;

/// <summary>The shape of a tracked link.</summary>
public enum LinkStyle
{
    /// <summary><c>/c/&lt;token&gt;</c>.</summary>
    Compact,

    /// <summary>The original path stays visible, the token at its end.</summary>
    Path,
}

/// <summary>What happens to a link whose visible text is itself a URL or host name.</summary>
public enum KeepUrlText
{
    /// <summary>All links are rewritten.</summary>
    Off,

    /// <summary>Left plain unless the text's host belongs to the tracking host's own organisation.</summary>
    OtherDomain,

    /// <summary>Always left plain.</summary>
    Always,
}

/// <summary>Where the open pixel stands in an HTML part.</summary>
public enum PixelPosition
{
    /// <summary>Before the last real <c>&lt;/body&gt;</c>.</summary>
    Bottom,

    /// <summary>After the first real <c>&lt;body&gt;</c>.</summary>
    Top,
}

/// <summary>How much is kept about the person behind an event. Of several levels the strictest is in force
/// (<see cref="TrackingLevels"/>). The numbers are stored; they do not say which level is stricter.</summary>
public enum TrackingLevel
{
    /// <summary>Events belong to a message and its recipient.</summary>
    Full = 0,

    /// <summary>Events belong to a message by its id, and only its sender knows whose that is: no recipient is kept,
    /// and of an address no more than its network.</summary>
    Pseudonymous = 3,

    /// <summary>Events are counted; neither recipient, address nor user agent is kept.</summary>
    Anonymous = 1,

    /// <summary>Nothing is tracked. Links that are sent already lead on and are counted as under
    /// <see cref="Anonymous"/>.</summary>
    Off = 2,
}

/// <summary>Compares tracking levels.</summary>
public static class TrackingLevels
{
    /// <summary>The stricter one of two.</summary>
    public static TrackingLevel Strictest(TrackingLevel one, TrackingLevel other) =>
        StrictnessOf(one) >= StrictnessOf(other) ? one : other;

    /// <summary>The same in SQL: whether the level of one column is stricter than that of another. The numbers that
    /// levels are stored as are not in the order of strictness.</summary>
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

/// <summary>A cluster's settings. Tracking is somebody's decision, never a default.</summary>
public sealed record ClusterSettings
{
    /// <summary>How settings stand in the database and in the API: camelCase, enumerations by name, nothing
    /// unknown.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    /// <summary>The months that events may be kept.</summary>
    internal static (int Least, int Most) Retention { get; } = (1, 120);

    /// <summary>The days that HTML may be kept at most: a year, and its last mailing to compare with.</summary>
    internal const int MostHtmlDays = 400;

    /// <summary>The settings in place of unreadable ones: nothing is tracked, and nothing personal is kept. Events are
    /// kept for the longest possible time, because the wanted time is not known.</summary>
    public static ClusterSettings InPlaceOfUnreadable { get; } = new()
    {
        TrackingLevel = TrackingLevel.Off,
        AddressPolicy = AddressPolicy.None,
        RetentionMonths = Retention.Most,
    };

    /// <summary>Reads settings as they stand in the database. A newer version, or a person, may have written what this
    /// version cannot read.</summary>
    /// <param name="json">The column.</param>
    /// <param name="wrong">The JSON path of the unreadable value. The value itself is left out, because excluded
    /// domains can show to whom a cluster writes.</param>
    /// <returns><see langword="null"/> when it cannot be read.</returns>
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

    /// <summary>Leave text/plain parts alone.</summary>
    public bool HtmlOnly { get; init; }

    /// <summary>Rewrite <c>img src</c> too.</summary>
    public bool TrackImages { get; init; }

    /// <summary>Links whose visible text is a URL.</summary>
    public KeepUrlText KeepUrlText { get; init; } = KeepUrlText.Off;

    /// <summary>Where the open pixel stands.</summary>
    public PixelPosition PixelPosition { get; init; } = PixelPosition.Bottom;

    /// <summary>Rewrite messages that already carry a DKIM signature, breaking it.</summary>
    public bool TrackSigned { get; init; }

    /// <summary>How much is kept about the person behind an event.</summary>
    public TrackingLevel TrackingLevel { get; init; } = TrackingLevel.Full;

    /// <summary>How much of a client's address is kept.</summary>
    public AddressPolicy AddressPolicy { get; init; } = AddressPolicy.Truncated;

    /// <summary>Months that events are kept, 1 to 120.</summary>
    public int RetentionMonths { get; init; } = 13;

    /// <summary>Days that the HTML of mail is kept for the click map, 0 to 400; 0: not at all. Mail may hold more about
    /// people than events do.</summary>
    public int KeepHtmlDays { get; init; }

    /// <summary>UTM parameters that the destinations of tracked links get, as in a URL:
    /// <c>utm_source=newsletter&amp;utm_medium=email</c>; empty: none.</summary>
    public string Utm { get; init; } = "";

    /// <summary>Destinations that are never tracked: host names, and <c>*.example.com</c>.</summary>
    public IReadOnlyList<string> ExcludedDomains { get; init; } = [];

    /// <summary>Destinations whose clicks are listed and count nowhere: host names, <c>*.example.com</c>, each also
    /// with a path.</summary>
    public IReadOnlyList<string> SystemLinks { get; init; } = [];
}
