using System.Text.Json;
using System.Text.Json.Serialization;
using Tracking.Links;

namespace Tracking.Domains;

/// <summary>The result of a check of a tracking domain.</summary>
[JsonConverter(typeof(KebabCaseWords<DiagnosisOutcome>))]
public enum DiagnosisOutcome : byte
{
    /// <summary>The name points to its verification target.</summary>
    Verified,

    /// <summary>The name points elsewhere, and all servers that answered agree. Only this outcome causes a
    /// strike.</summary>
    Contradicted,

    /// <summary>The check proves nothing: servers time out, fail or disagree, or our own network is down. The check is
    /// repeated soon and causes no strike.</summary>
    NoEvidence,

    /// <summary>DNS was checked before the name was added, so there was no target to compare with.</summary>
    Looked,
}

/// <summary>
/// One check of a tracking domain. The database, the API, the command line, the console and notices use the same
/// object. Its JSON is in camelCase, by <see cref="ToJson"/> or by any serialiser with web defaults.
/// </summary>
public sealed record DomainDiagnosis
{
    /// <summary>The name that was checked.</summary>
    [JsonConverter(typeof(HostNameText))]
    public required HostName Host { get; init; }

    /// <summary>The name that its CNAME record must point to; <see langword="null"/> when no target was issued
    /// yet.</summary>
    [JsonConverter(typeof(HostNameText))]
    public HostName? Target { get; init; }

    /// <summary>The result of the check.</summary>
    public required DiagnosisOutcome Outcome { get; init; }

    /// <summary>When the check began, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The findings, the most severe first. Empty when the name works and nothing is worth a note.</summary>
    public required IReadOnlyList<DomainFinding> Findings { get; init; }

    /// <summary>Every question that was asked about the name, in order.</summary>
    public required IReadOnlyList<DnsHop> Hops { get; init; }

    /// <summary>The zone that the record belongs to, according to DNS; <see langword="null"/> when it is
    /// unknown.</summary>
    public string? Zone { get; init; }

    /// <summary>The company that runs the zone's name servers, recognised by their names; <see langword="null"/> when
    /// it is unknown.</summary>
    public string? Provider { get; init; }

    /// <summary>The text for the field "name" of the record, without the zone where the provider's form appends the
    /// zone.</summary>
    public required string NameToEnter { get; init; }

    /// <summary>The text for the field "value" of the record; <see langword="null"/> without a target.</summary>
    public string? ValueToEnter { get; init; }

    /// <summary>How many questions were sent, including repeated ones.</summary>
    public required int Queries { get; init; }

    /// <summary>The diagnosis as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, DiagnosisJson.Default.DomainDiagnosis);

    /// <summary>Reads the JSON that <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="JsonException">The text is no diagnosis.</exception>
    public static DomainDiagnosis FromJson(string json) =>
        JsonSerializer.Deserialize(json, DiagnosisJson.Default.DomainDiagnosis)
        ?? throw new JsonException("A diagnosis is an object.");
}

/// <summary>Serialises a diagnosis as JSON in camelCase; enums are words with hyphens.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DomainDiagnosis))]
public sealed partial class DiagnosisJson : JsonSerializerContext;
