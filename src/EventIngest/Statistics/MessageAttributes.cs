using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>The attributes of a message by which its events are counted.</summary>
/// <param name="Tags">The tags, each once.</param>
/// <param name="RecipientDomain">The recipient's domain; empty if there is none.</param>
/// <param name="Host">The tracking host; empty if the message is unknown.</param>
/// <param name="Places">The part and position of each tracked link, by ordinal.</param>
internal sealed record MessageAttributes(
    IReadOnlyList<string> Tags, string RecipientDomain, string Host, ulong[] Places)
{
    /// <summary>The attributes of a message that is not registered. Its events count, but under no tag, domain, host or
    /// position. A message is registered before it is sent, so this is a message that a restored database has
    /// lost.</summary>
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

    /// <summary>The part (upper half) and position of a link; <see langword="null"/> if the message does not have
    /// them.</summary>
    public ulong? PlaceOf(ushort ordinal) => ordinal < Places.Length ? Places[ordinal] : null;
}
