using System.Text.Json.Nodes;

namespace Tracking.AcmeAuthority;

/// <summary>A problem to be answered (RFC 8555 §6.7).</summary>
public sealed class RefusalException(int status, string type, string detail) : Exception(detail)
{
    public int Status => status;

    public string Type => type;

    /// <summary>Further members, and headers.</summary>
    public JsonArray? Subproblems { get; init; }

    public string? Instance { get; init; }

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["type"] = type.Contains(':') ? type : $"urn:ietf:params:acme:error:{type}",
            ["detail"] = Message,
            ["status"] = status,
        };
        if (Subproblems is not null)
        {
            json["subproblems"] = Subproblems.DeepClone();
        }

        if (Instance is not null)
        {
            json["instance"] = Instance;
        }

        return json;
    }

    public static RefusalException Malformed(string detail) => new(400, "malformed", detail);
}
