using System.Text.Json.Serialization;

namespace Tracking.Domains;

/// <summary>How much a finding matters.</summary>
[JsonConverter(typeof(KebabCaseWords<FindingSeverity>))]
public enum FindingSeverity : byte
{
    /// <summary>Information only. Nobody has to do anything.</summary>
    Info,

    /// <summary>The name works, but something should be corrected.</summary>
    Warning,

    /// <summary>The finding keeps the name from working.</summary>
    Error,
}

/// <summary>One thing that a check found, and the step that corrects it.</summary>
public sealed record DomainFinding
{
    /// <summary>The finding's code, from the closed list.</summary>
    public required FindingCode Code { get; init; }

    /// <summary>How much it matters.</summary>
    public required FindingSeverity Severity { get; init; }

    /// <summary>For people: what is wrong.</summary>
    public required string Text { get; init; }

    /// <summary>The expected answer.</summary>
    public string? Expected { get; init; }

    /// <summary>The answer that came.</summary>
    public string? Seen { get; init; }

    /// <summary>The server that answered: a name server's name and address, or the resolver's address. Several are
    /// separated by commas.</summary>
    public string? Server { get; init; }

    /// <summary>When the answer came, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Until when resolvers may give the old answer, UTC.</summary>
    public DateTimeOffset? RememberedUntil { get; init; }

    /// <summary>For people: what to do now; <see langword="null"/> when there is nothing to do.</summary>
    public string? NextStep { get; init; }
}
