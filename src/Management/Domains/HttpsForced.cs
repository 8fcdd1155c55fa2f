using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>Refuses http links on a name that browsers open only by https, because such links would fail.</summary>
internal static class HttpsForced
{
    // The word of FindingCode.HttpsForcedByParent.
    private const string Finding = "https-forced-by-parent";

    /// <summary>Adds the error when the policy would allow http.</summary>
    /// <param name="policy">The wanted policy.</param>
    /// <param name="host">The name.</param>
    /// <param name="lastCheck">What DNS and the sites of parents said last, as JSON; <see langword="null"/> before the
    /// first check.</param>
    /// <param name="errors">Gets the error.</param>
    public static void Refuse(HttpsPolicy policy, string host, string? lastCheck, InputErrors errors)
    {
        if (policy == HttpsPolicy.Optional && Why(host, lastCheck) is { } why)
        {
            errors.Add("https", $"got \"optional\", takes required for this name: {why}");
        }
    }

    /// <summary>Whether a diagnosis found that a parent demands https.</summary>
    public static bool IsFound(JsonNode? diagnosis) => FindingOf(diagnosis) is not null;

    private static string? Why(string host, string? lastCheck)
    {
        if (HostName.TryParse(host, out var name) && PreloadedSuffix.Of(name) is { } topLevel)
        {
            return $"browsers open every name under .{topLevel} by https alone.";
        }

        var found = lastCheck is null ? null : FindingOf(JsonNode.Parse(lastCheck));
        return found is null ? null : $"a site above it forces https for all names below it ({found["seen"]}).";
    }

    private static JsonNode? FindingOf(JsonNode? diagnosis) => (diagnosis?["findings"] as JsonArray)
        ?.FirstOrDefault(finding => (string?)finding?["code"] == Finding);
}
