using System.Text.Json;
using System.Text.Json.Serialization;
using Tracking.Links;

namespace Tracking.Domains;

/// <summary>What a check of a tracking domain says about it.</summary>
[JsonConverter(typeof(KebabCaseWords<DiagnosisOutcome>))]
public enum DiagnosisOutcome : byte
{
    /// <summary>The name leads to its verification target.</summary>
    Verified,

    /// <summary>The name leads elsewhere, and all servers that answered agree. Only this causes a strike.</summary>
    Contradicted,

    /// <summary>The check proves nothing: timeouts, failing or disagreeing servers, or our own network is away. The
    /// check is repeated soon, and never causes a strike.</summary>
    NoEvidence,

    /// <summary>There was no target to arrive at: DNS was looked at before the name is added.</summary>
    Looked,
}

/// <summary>
/// One check of a tracking domain, as data: the same object in the database, the API, the command line, the console and
/// notices. JSON in camelCase, by <see cref="ToJson"/> or by any serialiser with web defaults.
/// </summary>
public sealed record DomainDiagnosis
{
    /// <summary>The name that was checked.</summary>
    [JsonConverter(typeof(HostNameText))]
    public required HostName Host { get; init; }

    /// <summary>Where its CNAME record must lead; <see langword="null"/> when none was issued, and DNS was only looked
    /// at.</summary>
    [JsonConverter(typeof(HostNameText))]
    public HostName? Target { get; init; }

    /// <summary>What the check says.</summary>
    public required DiagnosisOutcome Outcome { get; init; }

    /// <summary>When the check began, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>What was found, the most severe first. Empty when there is nothing to say but that it works.</summary>
    public required IReadOnlyList<DomainFinding> Findings { get; init; }

    /// <summary>Every question that was asked about the name, in order.</summary>
    public required IReadOnlyList<DnsHop> Hops { get; init; }

    /// <summary>The zone in which the record stands or belongs, as DNS has it; <see langword="null"/> when nobody could
    /// say.</summary>
    public string? Zone { get; init; }

    /// <summary>The company that runs the zone's name servers, by their names; <see langword="null"/> when it is none
    /// that we know.</summary>
    public string? Provider { get; init; }

    /// <summary>What belongs into the field "name" of the record: without the zone where the provider's form adds it
    /// by itself.</summary>
    public required string NameToEnter { get; init; }

    /// <summary>What belongs into the field "value" of the record; <see langword="null"/> without a target.</summary>
    public string? ValueToEnter { get; init; }

    /// <summary>Questions that were sent, retries among them.</summary>
    public required int Queries { get; init; }

    /// <summary>The diagnosis as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, DiagnosisJson.Default.DomainDiagnosis);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="JsonException">It is something else.</exception>
    public static DomainDiagnosis FromJson(string json) =>
        JsonSerializer.Deserialize(json, DiagnosisJson.Default.DomainDiagnosis)
        ?? throw new JsonException("A diagnosis is an object.");
}

/// <summary>How a diagnosis is written as JSON: camelCase, words with hyphens.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DomainDiagnosis))]
public sealed partial class DiagnosisJson : JsonSerializerContext;
