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

/// <summary>How much is kept of who did something.</summary>
public enum TrackingLevel
{
    /// <summary>Events belong to a message and its recipient.</summary>
    Full,

    /// <summary>Events are counted; neither recipient, address nor user agent is kept.</summary>
    Anonymous,

    /// <summary>Nothing is tracked.</summary>
    None,
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

    /// <summary>How much is kept of who did something.</summary>
    public TrackingLevel TrackingLevel { get; init; } = TrackingLevel.Full;

    /// <summary>How much of a client's address is kept.</summary>
    public AddressPolicy AddressPolicy { get; init; } = AddressPolicy.Truncated;

    /// <summary>Months that events are kept, 1 to 120.</summary>
    public int RetentionMonths { get; init; } = 13;

    /// <summary>Destinations that are never tracked: host names, and <c>*.example.com</c>.</summary>
    public IReadOnlyList<string> ExcludedDomains { get; init; } = [];
}
