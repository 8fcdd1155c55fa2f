using System.Text.Json;
using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>What is sent to add a tracking domain.</summary>
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
internal sealed record TrackingDomainRequest(
    string Hostname,
    bool SetAsDefault,
    bool TrackClicks,
    bool TrackOpens,
    HttpsPolicy Https,
    IReadOnlyList<string> ExcludedDomains);

/// <summary>What of a tracking domain can be changed; what is not given keeps its value, null is the default.</summary>
/// <param name="TrackClicks">Whether clicks are tracked on it.</param>
/// <param name="TrackOpens">Whether opens are tracked on it.</param>
/// <param name="Https">required or optional.</param>
/// <param name="ExcludedDomains">Destinations that stay plain on it.</param>
/// <param name="Retired">Old links are served, no new ones are made; a default is none any more.</param>
internal sealed record TrackingDomainSettings(
    bool TrackClicks,
    bool TrackOpens,
    HttpsPolicy Https,
    IReadOnlyList<string> ExcludedDomains,
    bool Retired)
{
    /// <summary>The members.</summary>
    public static IReadOnlyList<string> Known { get; } =
        ["trackClicks", "trackOpens", "https", "excludedDomains", "retired"];

    /// <summary>Those of a domain.</summary>
    public static TrackingDomainSettings Of(TrackingDomain domain) => new(
        domain.TrackClicks, domain.TrackOpens, domain.Https, domain.ExcludedDomains, domain.IsRetired);

    /// <summary>Reads and validates; what is not given has its default.</summary>
    public static TrackingDomainSettings Read(JsonObject json, InputErrors errors) => new(
        Flag(json, "trackClicks", true, errors),
        Flag(json, "trackOpens", true, errors),
        Policy(json, errors),
        ReadJson.List(
            json, "excludedDomains", "", ReadSettings.MaxExcludedDomains, DestinationPattern.Read,
            DestinationPattern.Takes, errors),
        Flag(json, "retired", false, errors));

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

    private static HttpsPolicy Policy(JsonObject json, InputErrors errors)
    {
        if (!json.TryGetPropertyValue("https", out var value))
        {
            return HttpsPolicy.Required;
        }

        var words = ReadQuery.Words<HttpsPolicy>();
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
            "https", $"{ReadJson.Got(value)}, takes one of {string.Join(", ", words.Select(word => word.Word))}.");
        return HttpsPolicy.Required;
    }
}
