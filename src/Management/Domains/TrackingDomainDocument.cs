using System.Text.Json;
using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>The body of a request that adds a tracking domain.</summary>
/// <param name="Hostname">The name, of at least three labels: track.example.com.</param>
/// <param name="SetAsDefault">Whether it becomes the cluster's default as soon as it is verified; default
/// false.</param>
/// <param name="TrackClicks">Whether clicks are tracked on it; default true. It may restrict, never extend what the
/// cluster tracks.</param>
/// <param name="TrackOpens">Whether opens are tracked on it, likewise.</param>
/// <param name="Https">required (default): no new links before there is a certificate. optional: a transition, links
/// are http until then, and browsers warn before them.</param>
/// <param name="ExcludedDomains">Destinations that stay plain on it: example.com, *.example.com, each also with a
/// path (example.com/account: that and what is below; example.com/acc*: whatever begins so); at most 1,000.</param>
/// <param name="TrackingLevel">full (default), pseudonymous, anonymous or off, for mail with links on it; the cluster's
/// level where that is stricter.</param>
/// <param name="Utm">UTM parameters of links on it, over those of the cluster:
/// utm_source=newsletter&amp;utm_medium=email; off for none; default empty.</param>
internal sealed record TrackingDomainRequest(
    string Hostname,
    bool SetAsDefault,
    bool TrackClicks,
    bool TrackOpens,
    HttpsPolicy Https,
    IReadOnlyList<string> ExcludedDomains,
    TrackingLevel TrackingLevel,
    string Utm);

/// <summary>The members of a tracking domain that can be changed. A member that is not sent keeps its value; null
/// sets its default.</summary>
/// <param name="TrackClicks">Whether clicks are tracked on it.</param>
/// <param name="TrackOpens">Whether opens are tracked on it.</param>
/// <param name="Https">required or optional.</param>
/// <param name="ExcludedDomains">Destinations that stay plain on it.</param>
/// <param name="Retired">Old links are served, no new ones are made; a default is none any more.</param>
/// <param name="TrackingLevel">full, pseudonymous, anonymous or off, for mail with links on it.</param>
/// <param name="Utm">UTM parameters of links on it, over those of the cluster.</param>
internal sealed record TrackingDomainSettings(
    bool TrackClicks,
    bool TrackOpens,
    HttpsPolicy Https,
    IReadOnlyList<string> ExcludedDomains,
    bool Retired,
    TrackingLevel TrackingLevel,
    string Utm)
{
    /// <summary>The members.</summary>
    public static IReadOnlyList<string> Known { get; } =
        ["trackClicks", "trackOpens", "https", "excludedDomains", "retired", "trackingLevel", "utm"];

    /// <summary>Reads the members of a stored domain.</summary>
    public static TrackingDomainSettings Of(TrackingDomain domain) => new(
        domain.TrackClicks, domain.TrackOpens, domain.Https, domain.ExcludedDomains, domain.IsRetired,
        domain.TrackingLevel, domain.Utm);

    /// <summary>Reads and validates. A member that is not sent has its default.</summary>
    public static TrackingDomainSettings Read(JsonObject json, InputErrors errors) => new(
        Flag(json, "trackClicks", true, errors),
        Flag(json, "trackOpens", true, errors),
        Word(json, "https", HttpsPolicy.Required, errors),
        ReadJson.List(
            json, "excludedDomains", "", ReadSettings.MaxExcludedDomains, DestinationPattern.Read,
            DestinationPattern.Takes, errors),
        Flag(json, "retired", false, errors),
        Word(json, "trackingLevel", TrackingLevel.Full, errors),
        ReadUtm(json, errors));

    /// <summary>true or false.</summary>
    public static bool Flag(JsonObject json, string name, bool @default, InputErrors errors)
    {
        if (!json.TryGetPropertyValue(name, out var value))
        {
            return @default;
        }

        if (value?.GetValueKind() is JsonValueKind.True or JsonValueKind.False)
        {
            return value.GetValue<bool>();
        }

        errors.Add(name, $"{ReadJson.Got(value)}, takes true or false.");
        return @default;
    }

    /// <summary>The document as JSON, to which a merge patch is applied.</summary>
    public JsonNode ToJson() => JsonSerializer.SerializeToNode(this, ClusterSettings.Json)!;

    private static string ReadUtm(JsonObject json, InputErrors errors)
    {
        if (!json.TryGetPropertyValue("utm", out var value))
        {
            return "";
        }

        if (ReadSettings.IsUtm(value))
        {
            return value!.GetValue<string>();
        }

        errors.Add("utm", $"{ReadJson.Got(value)}, takes {ReadSettings.UtmTakes}.");
        return "";
    }

    private static T Word<T>(JsonObject json, string name, T @default, InputErrors errors)
        where T : struct, Enum
    {
        if (!json.TryGetPropertyValue(name, out var value))
        {
            return @default;
        }

        var words = ReadQuery.Words<T>();
        if (value?.GetValueKind() == JsonValueKind.String)
        {
            foreach (var (word, policy) in words)
            {
                if (word == value.GetValue<string>())
                {
                    return policy;
                }
            }
        }

        errors.Add(
            name, $"{ReadJson.Got(value)}, takes one of {string.Join(", ", words.Select(word => word.Word))}.");
        return @default;
    }
}
