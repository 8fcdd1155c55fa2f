using System.Text.Json;
using System.Text.Json.Nodes;
using Tracking.Api;

namespace Tracking.Management.Requests;

/// <summary>Reads members of a JSON object, and describes what is wrong with them.</summary>
internal static class ReadJson
{
    /// <summary>Adds an error for every unknown member. The error lists the known members.</summary>
    public static void RefuseUnknown(
        JsonObject json, string path, IReadOnlyCollection<string> known, InputErrors errors)
    {
        foreach (var (name, _) in json)
        {
            if (!known.Contains(name))
            {
                errors.Add(path + Shorten(name), $"is not known here. Known: {string.Join(", ", known)}.");
            }
        }
    }

    /// <summary>A trimmed text of 1 to <paramref name="maxLength"/> characters, without control characters.</summary>
    public static string? Name(JsonObject json, string name, int maxLength, InputErrors errors)
    {
        if (json[name] is not JsonValue node || !node.TryGetValue<string>(out var text))
        {
            errors.Add(name, $"{Got(json[name])}, takes a text of 1 to {maxLength} characters.");
            return null;
        }

        text = text.Trim();
        if (text.Length is 0 || text.Length > maxLength || text.Any(char.IsControl))
        {
            errors.Add(name, $"got {Problems.Quote(text)}, takes 1 to {maxLength} characters, none of them control "
                + "characters.");
            return null;
        }

        return text;
    }

    /// <summary>A list of texts; empty if the member is missing.</summary>
    /// <param name="json">The object.</param>
    /// <param name="name">The member.</param>
    /// <param name="path">The text before the member's name in an error.</param>
    /// <param name="maxCount">The largest number of entries.</param>
    /// <param name="read">Turns an entry into its stored form; <see langword="null"/> if the entry is wrong.</param>
    /// <param name="takes">What an entry must be, for the error.</param>
    /// <param name="errors">Receives the errors.</param>
    public static string[] List(
        JsonObject json,
        string name,
        string path,
        int maxCount,
        Func<string, string?> read,
        string takes,
        InputErrors errors)
    {
        if (!json.TryGetPropertyValue(name, out var node))
        {
            return [];
        }

        if (node is not JsonArray array)
        {
            errors.Add(path + name, $"{Got(node)}, takes a list; each entry {takes}.");
            return [];
        }

        if (array.Count > maxCount)
        {
            errors.Add(path + name, $"has {array.Count} entries, takes at most {maxCount}.");
            return [];
        }

        var entries = new List<string>();
        for (var i = 0; i < array.Count; i++)
        {
            if (array[i] is JsonValue value && value.TryGetValue<string>(out var text) && read(text) is { } entry)
            {
                if (!entries.Contains(entry, StringComparer.OrdinalIgnoreCase))
                {
                    entries.Add(entry);
                }
            }
            else
            {
                errors.Add($"{path}{name}[{i}]", $"{Got(array[i])}, takes {takes}.");
            }
        }

        return [.. entries];
    }

    /// <summary>The given value in words.</summary>
    public static string Got(JsonNode? node) => node?.GetValueKind() switch
    {
        null => "is missing",
        JsonValueKind.String => $"got {Problems.Quote(node.GetValue<string>())}",
        JsonValueKind.Object => "got an object",
        JsonValueKind.Array => "got a list",
        _ => $"got {Shorten(node.ToJsonString())}",
    };

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
