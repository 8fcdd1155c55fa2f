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

    /// <summary>The part (upper half) and position of a link; <see langword="null"/> if the message does not have
    /// them.</summary>
    public ulong? PlaceOf(ushort ordinal) => ordinal < Places.Length ? Places[ordinal] : null;
}
