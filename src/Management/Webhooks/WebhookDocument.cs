using System.Text.Json;
using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Management.Domains;
using Tracking.Management.Requests;
using Tracking.Webhooks;

namespace Tracking.Management.Webhooks;

/// <summary>An endpoint as it is sent; what is not given has its default, in a change its value.</summary>
/// <param name="Url">The receiver: an https address of the public internet.</param>
/// <param name="Description">What its owner calls it, up to 200 characters; default empty.</param>
/// <param name="EventTypes">What is told: message.clicked, a group such as message.*; none (default) means all.</param>
/// <param name="PeopleOnly">Without clicks and opens of recognised machines; default false.</param>
/// <param name="Enabled">Whether it gets anything; default true.</param>
internal sealed record WebhookDocument(
    string Url, string Description, IReadOnlyList<string> EventTypes, bool PeopleOnly, bool Enabled)
{
    private const int MaxDescription = 200;

    /// <summary>The members.</summary>
    public static IReadOnlyList<string> Known { get; } = ["url", "description", "eventTypes", "peopleOnly", "enabled"];

    /// <summary>Reads and validates.</summary>
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

    /// <summary>As JSON: what a merge patch applies to.</summary>
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

/// <summary>How an endpoint stands.</summary>
internal enum WebhookState
{
    /// <summary>Nothing was delivered so far.</summary>
    Untried,

    /// <summary>The last attempts succeeded.</summary>
    Healthy,

    /// <summary>They succeed, but answers take long.</summary>
    Slow,

    /// <summary>The last attempts failed.</summary>
    Failing,

    /// <summary>It gets nothing.</summary>
    Disabled,
}

/// <summary>How deliveries to an endpoint go.</summary>
/// <param name="State">untried, healthy, slow, failing or disabled.</param>
/// <param name="LastSuccessAt">When an attempt succeeded last.</param>
/// <param name="FailingSince">Since when none has succeeded; null while they do.</param>
/// <param name="LastError">What went wrong last, also when that is over.</param>
/// <param name="RestsUntil">Nothing is tried before; null when it may be at any time.</param>
/// <param name="Pending">Deliveries that wait, up to 10,000; only of a single endpoint.</param>
/// <param name="Failed">Deliveries that were given up, up to 10,000; only of a single endpoint.</param>
/// <param name="Recent">The latest attempts; only of a single endpoint.</param>
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
/// <param name="Attempts">How many.</param>
/// <param name="Succeeded">How many of them succeeded.</param>
/// <param name="MedianMs">Half of them took less, in milliseconds; null without any.</param>
/// <param name="P99Ms">All but a hundredth of them took less.</param>
internal sealed record RecentAttempts(int Attempts, int Succeeded, int? MedianMs, int? P99Ms);

/// <summary>An endpoint.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Url">The receiver.</param>
/// <param name="Description">What its owner calls it.</param>
/// <param name="EventTypes">What is told; none means all.</param>
/// <param name="PeopleOnly">Without clicks and opens of recognised machines.</param>
/// <param name="Enabled">Whether it gets anything.</param>
/// <param name="DisabledReason">asked, gone (it answered 410), or failing (every attempt failed for days).</param>
/// <param name="DisabledAt">Since when it gets nothing.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="PreviousSecretUntil">Until when the secret before the last rotation signs too.</param>
/// <param name="Health">How deliveries go.</param>
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
    /// <summary>What can be changed of it.</summary>
    public WebhookDocument ToDocument() => new(Url, Description, EventTypes, PeopleOnly, Enabled);
}

/// <summary>A secret that was just made.</summary>
/// <param name="Id">The endpoint.</param>
/// <param name="Secret">What requests are signed with, whsec_ and base64. Shown this once.</param>
/// <param name="PreviousSecretUntil">Until when the one before signs too; null for the first.</param>
internal sealed record WebhookSecretResponse(Guid Id, string Secret, DateTimeOffset? PreviousSecretUntil);
