using System.Text.Json;
using System.Text.Json.Serialization;
using Tracking.Domains;

namespace Tracking.DomainVerifier.Notices;

/// <summary>The facts of a notice, <c>domains.notices.facts</c>, from which its mail and its bus event are made. Every
/// service that stores a notice uses this form, camelCase. Changes may only add members.</summary>
internal sealed record NoticeFacts
{
    /// <summary>The tracking domain's id.</summary>
    public required Guid Domain { get; init; }

    /// <summary>Lost: <see cref="RecordGone"/> or <see cref="TakenOver"/>.</summary>
    public string? Reason { get; init; }

    /// <summary>Warning: when links stop unless the record is put right.</summary>
    public DateTimeOffset? LosesLinksAt { get; init; }

    /// <summary>Recovered: whether links had stopped before. If not, only a warning had been given.</summary>
    public bool? WasPending { get; init; }

    /// <summary>Certificate in danger: the end of the certificate in use.</summary>
    public DateTimeOffset? NotAfter { get; init; }

    /// <summary>Certificate in danger: why the last attempt failed, in the authority's words or ours.</summary>
    public string? Error { get; init; }

    /// <summary>Certificate in danger: the time of the next attempt.</summary>
    public DateTimeOffset? NextAttempt { get; init; }

    /// <summary>What DNS said.</summary>
    public DomainDiagnosis? Diagnosis { get; init; }

    /// <summary>Two checks a day apart found that the record does not lead here.</summary>
    public const string RecordGone = "record-gone";

    /// <summary>The record leads to another cluster's target.</summary>
    public const string TakenOver = "taken-over";

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, NoticeJson.Default.NoticeFacts);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="JsonException">The text has another form.</exception>
    public static NoticeFacts FromJson(string json) =>
        JsonSerializer.Deserialize(json, NoticeJson.Default.NoticeFacts)
        ?? throw new JsonException("The facts of a notice are an object.");
}

/// <summary>How the facts of a notice are written.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NoticeFacts))]
internal sealed partial class NoticeJson : JsonSerializerContext;
