using System.Text.Json;
using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Management.Domains;
using Tracking.Management.Requests;
using Tracking.Webhooks;

namespace Tracking.Management.Webhooks;

/// <summary>The settings of an endpoint. A missing member gets its default; in a change, it keeps its value.</summary>
/// <param name="Url">The receiver: an https address of the public internet.</param>
/// <param name="Description">A description by the owner, up to 200 characters; default empty.</param>
/// <param name="EventTypes">The event types: message.clicked, or a group such as message.*; an empty list (default)
/// means all.</param>
/// <param name="PeopleOnly">Whether clicks and opens of recognised machines are left out; default false.</param>
/// <param name="Enabled">Whether the endpoint gets webhooks; default true.</param>
internal sealed record WebhookDocument(
    string Url, string Description, IReadOnlyList<string> EventTypes, bool PeopleOnly, bool Enabled)
{
    private const int MaxDescription = 200;

    /// <summary>The names of the members.</summary>
    public static IReadOnlyList<string> Known { get; } = ["url", "description", "eventTypes", "peopleOnly", "enabled"];

    /// <summary>Reads and validates the settings.</summary>
    public static WebhookDocument Read(JsonObject json, ReceiverAddress addresses, InputErrors errors)
    {
        ReadJson.RefuseUnknown(json, "", Known, errors);
        return new WebhookDocument(
            ReadUrl(json, addresses, errors),
            json["description"] is null ? "" : ReadDescription(json, errors),
            ReadJson.List(
                json, "eventTypes", "", WebhookEventTypes.Patterns.Count,
                text => WebhookEventTypes.Patterns.Contains(text) ? text : null,
                $"one of {string.Join(", ", WebhookEventTypes.Patterns)}", errors),
            TrackingDomainSettings.Flag(json, "peopleOnly", false, errors),
            TrackingDomainSettings.Flag(json, "enabled", true, errors));
    }

    /// <summary>The settings as JSON, for a merge patch.</summary>
    public JsonNode ToJson() => JsonSerializer.SerializeToNode(this, ClusterSettings.Json)!;

    private static string ReadUrl(JsonObject json, ReceiverAddress addresses, InputErrors errors)
    {
        if (json["url"]?.GetValueKind() != JsonValueKind.String)
        {
            errors.Add("url", $"{ReadJson.Got(json["url"])}, takes an address like https://example.com/hooks.");
            return "";
        }

        if (addresses.Refuse(json["url"]!.GetValue<string>(), out var url) is { } wrong)
        {
            errors.Add("url", wrong);
            return "";
        }

        return url!.AbsoluteUri;
    }

    private static string ReadDescription(JsonObject json, InputErrors errors) =>
        json["description"] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length == 0
            ? ""
            : ReadJson.Name(json, "description", MaxDescription, errors) ?? "";
}

/// <summary>The state of an endpoint.</summary>
internal enum WebhookState
{
    /// <summary>No webhook has been delivered yet.</summary>
    Untried,

    /// <summary>The last attempts succeeded.</summary>
    Healthy,

    /// <summary>Attempts succeed, but the answers take long.</summary>
    Slow,

    /// <summary>The last attempts failed.</summary>
    Failing,

    /// <summary>The endpoint gets no webhooks.</summary>
    Disabled,
}

/// <summary>The state of the deliveries to an endpoint.</summary>
/// <param name="State">untried, healthy, slow, failing or disabled.</param>
/// <param name="LastSuccessAt">The time of the last successful attempt.</param>
/// <param name="FailingSince">The time since which no attempt has succeeded; null while attempts succeed.</param>
/// <param name="LastError">The last error. It stays after later successes.</param>
/// <param name="RestsUntil">No attempt is made before this time; null if attempts may be made at any time.</param>
/// <param name="Pending">The number of waiting deliveries, up to 10,000; only for a single endpoint.</param>
/// <param name="Failed">The number of deliveries that were given up, up to 10,000; only for a single endpoint.</param>
/// <param name="Recent">The latest attempts; only for a single endpoint.</param>
internal sealed record WebhookHealth(
    WebhookState State,
    DateTimeOffset? LastSuccessAt,
    DateTimeOffset? FailingSince,
    string? LastError,
    DateTimeOffset? RestsUntil,
    int? Pending,
    int? Failed,
    RecentAttempts? Recent);

/// <summary>The latest attempts, up to 1,000.</summary>
/// <param name="Attempts">The number of attempts.</param>
/// <param name="Succeeded">The number of successful attempts.</param>
/// <param name="MedianMs">The median duration in milliseconds; null without attempts.</param>
/// <param name="P99Ms">The 99th percentile of the duration in milliseconds; null without attempts.</param>
internal sealed record RecentAttempts(int Attempts, int Succeeded, int? MedianMs, int? P99Ms);

/// <summary>A webhook endpoint.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Url">The URL of the receiver.</param>
/// <param name="Description">The description by the owner.</param>
/// <param name="EventTypes">The event types; an empty list means all.</param>
/// <param name="PeopleOnly">Whether clicks and opens of recognised machines are left out.</param>
/// <param name="Enabled">Whether the endpoint gets webhooks.</param>
/// <param name="DisabledReason">asked, gone (the receiver answered 410), or failing (every attempt failed for
/// days).</param>
/// <param name="DisabledAt">When the endpoint was disabled.</param>
/// <param name="CreatedAt">When the endpoint was created.</param>
/// <param name="PreviousSecretUntil">Until when the secret before the last rotation signs too.</param>
/// <param name="Health">The state of the deliveries.</param>
internal record WebhookResponse(
    Guid Id,
    string Url,
    string Description,
    IReadOnlyList<string> EventTypes,
    bool PeopleOnly,
    bool Enabled,
    DisabledReason? DisabledReason,
    DateTimeOffset? DisabledAt,
    DateTimeOffset CreatedAt,
    DateTimeOffset? PreviousSecretUntil,
    WebhookHealth Health)
{
    /// <summary>The settings that can be changed.</summary>
    public WebhookDocument ToDocument() => new(Url, Description, EventTypes, PeopleOnly, Enabled);
}

/// <summary>A new secret.</summary>
/// <param name="Id">The endpoint's id.</param>
/// <param name="Secret">The secret with which requests are signed: whsec_ and base64. It is shown only this
/// once.</param>
/// <param name="PreviousSecretUntil">Until when the previous secret signs too; null for the first secret.</param>
internal sealed record WebhookSecretResponse(Guid Id, string Secret, DateTimeOffset? PreviousSecretUntil);
