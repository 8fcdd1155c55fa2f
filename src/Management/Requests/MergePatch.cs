using System.Text.Json.Nodes;

namespace Tracking.Management.Requests;

/// <summary>JSON Merge Patch, RFC 7396.</summary>
internal static class MergePatch
{
    /// <summary>The target with the patch applied: null removes, an object is merged, everything else replaces.
    /// Neither argument is changed. Depth is bounded where the patch is read.</summary>
    public static JsonNode? Apply(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
        {
            return patch?.DeepClone();
        }

        var result = target is JsonObject existing ? (JsonObject)existing.DeepClone() : [];
        foreach (var (name, value) in changes)
        {
            if (value is null)
            {
                result.Remove(name);
            }
            else
            {
                result[name] = Apply(result[name], value);
            }
        }

        return result;
    }
}
