using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>What a message is counted by, besides itself.</summary>
/// <param name="Tags">Its tags, each once.</param>
/// <param name="RecipientDomain">Empty without one.</param>
/// <param name="Host">Its tracking host; empty when the message is not known.</param>
/// <param name="Places">Part and position of each tracked link, by ordinal.</param>
internal sealed record MessageAttributes(
    IReadOnlyList<string> Tags, string RecipientDomain, string Host, ulong[] Places)
{
    /// <summary>Those of a message that is not registered: it counts, but under no tag, domain, host or position. A
    /// message is registered before it leaves, so this is one that a restored database has lost.</summary>
    public static MessageAttributes Unknown { get; } = new([], "", "", []);

    /// <summary>Whether its sender calls it a test.</summary>
    public bool IsTest { get; init; }

    /// <summary>Ordinals of links whose clicks do not count; <see langword="null"/> without one.</summary>
    public short[]? SystemLinks { get; init; }

    /// <summary>Why an event of it counts nowhere; <see langword="null"/>: it counts.</summary>
    public WhyUncounted? WhyUncounted(LinkKind kind, ushort ordinal) =>
        IsTest ? Database.Entities.WhyUncounted.Test
        : kind == LinkKind.Click && SystemLinks is not null && SystemLinks.AsSpan().Contains((short)ordinal)
            ? Database.Entities.WhyUncounted.SystemLink
        : null;

    /// <summary>Part (upper half) and position of a link; <see langword="null"/> when the message does not
    /// say.</summary>
    public ulong? PlaceOf(ushort ordinal) => ordinal < Places.Length ? Places[ordinal] : null;
}
