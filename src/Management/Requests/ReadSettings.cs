using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Domains;

namespace Tracking.Management.Requests;

/// <summary>Reads a cluster's settings. A missing setting keeps its default.</summary>
internal static class ReadSettings
{
    /// <summary>The largest number of entries of <c>excludedDomains</c>, and of <c>systemLinks</c>. They are compared
    /// with every link of every message.</summary>
    public const int MaxExcludedDomains = 1000;

    private const string Path = "settings.";

    private static readonly DefaultJsonTypeInfoResolver _resolver = new();

    // Read from the type itself, so a new setting is known here at once.
    private static readonly Dictionary<string, Type> _known = _resolver
        .GetTypeInfo(typeof(ClusterSettings), ClusterSettings.Json)!.Properties
        .ToDictionary(property => property.Name, property => property.PropertyType);

    /// <summary>What a member with UTM parameters must be.</summary>
    public const string UtmTakes = "an empty text, " + UtmParameters.Takes;

    /// <summary>Whether a member has UTM parameters, or an empty text for none.</summary>
    public static bool IsUtm(JsonNode? value) =>
        value is JsonValue text && text.TryGetValue<string>(out var utm)
        && (utm.Length == 0 || UtmParameters.TryParse(utm) is not null);

    /// <summary>The settings of a request; the defaults if it has none.</summary>
    public static ClusterSettings Read(JsonObject request, InputErrors errors)
    {
        if (!request.TryGetPropertyValue("settings", out var node))
        {
            return new ClusterSettings();
        }

        if (node is not JsonObject json)
        {
            errors.Add(
                "settings", $"{ReadJson.Got(node)}, takes an object with any of {string.Join(", ", _known.Keys)}.");
            return new ClusterSettings();
        }

        var before = errors.Count;
        ReadJson.RefuseUnknown(json, Path, _known.Keys, errors);
        foreach (var (name, value) in json)
        {
            if (_known.TryGetValue(name, out var type) && Takes(name, type, value) is { } takes)
            {
                errors.Add(Path + name, $"{ReadJson.Got(value)}, takes {takes}.");
            }
        }

        var excluded = ReadJson.List(
            json,
            "excludedDomains",
            Path,
            MaxExcludedDomains,
            MailName.DomainPattern,
            "a host name such as example.com, or *.example.com for everything below it",
            errors);
        var systemLinks = ReadJson.List(
            json, "systemLinks", Path, MaxExcludedDomains, DestinationPattern.Read, DestinationPattern.Takes, errors);
        return errors.Count == before
            ? json.Deserialize<ClusterSettings>(ClusterSettings.Json)! with
            {
                ExcludedDomains = excluded,
                SystemLinks = systemLinks,
            }
            : new ClusterSettings();
    }

    private static string? Takes(string name, Type type, JsonNode? value)
    {
        var kind = value?.GetValueKind();
        if (type == typeof(bool))
        {
            return kind is JsonValueKind.True or JsonValueKind.False ? null : "true or false";
        }

        if (type == typeof(int))
        {
            if (name == "keepHtmlDays")
            {
                return value is JsonValue given && given.TryGetValue<int>(out var days) && days is >= 0 and <= 400
                    ? null
                    : "a whole number of days from 0 to 400";
            }

            return value is JsonValue number && number.TryGetValue<int>(out var months) && months is >= 1 and <= 120
                ? null
                : "a whole number of months from 1 to 120";
        }

        if (name == "utm")
        {
            return IsUtm(value) ? null : UtmTakes;
        }

        if (type.IsEnum)
        {
            var words = Enum.GetNames(type).Select(JsonNamingPolicy.CamelCase.ConvertName).ToArray();
            return kind == JsonValueKind.String && words.Contains(value!.GetValue<string>())
                ? null
                : $"one of {string.Join(", ", words)}";
        }

        return null;
    }
}
