using System.Text.Json.Serialization;

namespace Tracking.Domains;

/// <summary>How much a finding matters.</summary>
[JsonConverter(typeof(KebabCaseWords<FindingSeverity>))]
public enum FindingSeverity : byte
{
    /// <summary>Worth knowing; nobody has to do anything.</summary>
    Info,

    /// <summary>It works, and something is not as it should be.</summary>
    Warning,

    /// <summary>It keeps the name from working.</summary>
    Error,
}

/// <summary>One thing that a check found, with what to do about it.</summary>
public sealed record DomainFinding
{
    /// <summary>Which of the closed list it is.</summary>
    public required FindingCode Code { get; init; }

    /// <summary>How much it matters.</summary>
    public required FindingSeverity Severity { get; init; }

    /// <summary>For people: what is wrong, one fact a sentence.</summary>
    public required string Text { get; init; }

    /// <summary>What should have been answered.</summary>
    public string? Expected { get; init; }

    /// <summary>What was answered.</summary>
    public string? Seen { get; init; }

    /// <summary>Who answered it: a name server's name and address, or the resolver's address; several separated by
    /// commas.</summary>
    public string? Server { get; init; }

    /// <summary>When it was seen, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Until when resolvers may go on giving the old answer, UTC.</summary>
    public DateTimeOffset? RememberedUntil { get; init; }

    /// <summary>For people: what to do now; nothing when there is nothing to do.</summary>
    public string? NextStep { get; init; }
}
