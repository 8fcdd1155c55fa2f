using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Requests;

namespace Tracking.Management.Events;

/// <summary>Which verdicts count as a person.</summary>
internal enum HumanFilter
{
    /// <summary>Everything, machines included.</summary>
    All,

    /// <summary>Without recognised machines.</summary>
    Human,

    /// <summary>Recognised machines only.</summary>
    Machine,
}

/// <summary>The words of events in the API, and what counts as a person.</summary>
internal static class EventWords
{
    public static readonly IReadOnlyList<(string Word, LinkKind Value)> Kinds = ReadQuery.Words<LinkKind>();

    public static readonly IReadOnlyList<(string Word, Verdict Value)> Verdicts = ReadQuery.Words<Verdict>();

    public static readonly IReadOnlyList<(string Word, HumanFilter Value)> Humans =
        [("true", HumanFilter.Human), ("false", HumanFilter.Machine), ("all", HumanFilter.All)];

    /// <summary>Whether it counts as a person.</summary>
    public static bool IsHuman(Verdict verdict) => !verdict.IsMachine();

    public static short[] Numbers(HumanFilter filter) =>
        [.. Enum.GetValues<Verdict>().Where(verdict => IsHuman(verdict) == (filter == HumanFilter.Human))
            .Select(verdict => (short)verdict)];
}
