using System.Text.Json;
using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Management.Requests;

namespace Tracking.Management.Clusters;

/// <summary>A cluster in a request.</summary>
/// <param name="Name">1 to 100 characters, unique whatever the case.</param>
/// <param name="NotifyEmails">The addresses that get notices of problems; at most 20.</param>
/// <param name="SendingDomains">Domains in whose name it sends; each belongs to one cluster only. Admins set
/// them.</param>
/// <param name="Settings">How its mail is tracked; a setting that is not sent keeps its default.</param>
internal sealed record ClusterDocument(
    string Name,
    IReadOnlyList<string> NotifyEmails,
    IReadOnlyList<string> SendingDomains,
    ClusterSettings Settings)
{
    // The limit fits every company's name and a table's column.
    private const int MaxNameLength = 100;

    // A notice goes to a team or its mailing list, not to a whole company.
    private const int MaxNotifyEmails = 20;

    // A customer with more sending domains sends for its own customers, which should be clusters of their own.
    private const int MaxSendingDomains = 1000;

    private static readonly string[] _known = ["name", "notifyEmails", "sendingDomains", "settings"];

    /// <summary>Reads and validates. Every domain is returned as A-labels in lower case.</summary>
    public static ClusterDocument Read(JsonObject json, InputErrors errors)
    {
        ReadJson.RefuseUnknown(json, "", _known, errors);
        return new ClusterDocument(
            ReadJson.Name(json, "name", MaxNameLength, errors) ?? "",
            ReadJson.List(
                json, "notifyEmails", "", MaxNotifyEmails, MailName.Address,
                "a mail address such as ops@example.com", errors),
            ReadJson.List(
                json, "sendingDomains", "", MaxSendingDomains, MailName.Domain,
                "a domain such as example.com", errors),
            ReadSettings.Read(json, errors));
    }

    /// <summary>The whole document as JSON, to which a merge patch is applied.</summary>
    public JsonNode ToJson() => JsonSerializer.SerializeToNode(this, ClusterSettings.Json)!;
}

/// <summary>A cluster in an answer.</summary>
/// <param name="Id">Its id, five characters.</param>
/// <param name="Name">Its name.</param>
/// <param name="NotifyEmails">The addresses that get notices of problems.</param>
/// <param name="SendingDomains">The domains from which the cluster sends, as A-labels.</param>
/// <param name="Settings">How its mail is tracked, defaults included.</param>
/// <param name="CreatedAt">When it was created.</param>
internal sealed record ClusterResponse(
    string Id,
    string Name,
    IReadOnlyList<string> NotifyEmails,
    IReadOnlyList<string> SendingDomains,
    ClusterSettings Settings,
    DateTimeOffset CreatedAt)
{
    public static ClusterResponse Of(Cluster cluster, IEnumerable<string> sendingDomains) => new(
        cluster.Id.ToString(),
        cluster.Name,
        cluster.NotifyEmails,
        [.. sendingDomains.Order(StringComparer.Ordinal)],
        cluster.Settings,
        cluster.CreatedAt);
}
