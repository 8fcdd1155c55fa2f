using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Requests;

namespace Tracking.Management.Events;

/// <summary>A filter by people and machines.</summary>
internal enum HumanFilter
{
    /// <summary>All events, of machines too.</summary>
    All,

    /// <summary>No events of recognised machines.</summary>
    Human,

    /// <summary>Only events of recognised machines.</summary>
    Machine,
}

/// <summary>The words of events in the API, and the verdicts that count as a person.</summary>
internal static class EventWords
{
    public static readonly IReadOnlyList<(string Word, LinkKind Value)> Kinds = ReadQuery.Words<LinkKind>();

    public static readonly IReadOnlyList<(string Word, Verdict Value)> Verdicts = ReadQuery.Words<Verdict>();

    public static readonly IReadOnlyList<(string Word, HumanFilter Value)> Humans =
        [("true", HumanFilter.Human), ("false", HumanFilter.Machine), ("all", HumanFilter.All)];

    /// <summary>Whether a verdict counts as a person.</summary>
    public static bool IsHuman(Verdict verdict) => !verdict.IsMachine();

    public static short[] Numbers(HumanFilter filter) =>
        [.. Enum.GetValues<Verdict>().Where(verdict => IsHuman(verdict) == (filter == HumanFilter.Human))
            .Select(verdict => (short)verdict)];
}
