using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>A rewritten message. It is stored before the rewritten message is returned.</summary>
public sealed class TrackedMessage
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The first 72 bits of the id's hash under <see cref="Salt"/>.</summary>
    public required MessageKey MessageKey { get; init; }

    /// <summary>The whole SHA-256 of <see cref="MessageId"/>.</summary>
    public required byte[] IdHash { get; init; }

    /// <summary>0, or the number of other ids whose hashes begin with the same 72 bits.</summary>
    public required short Salt { get; init; }

    /// <summary>SHA-256 of the original message. The same id with another message is refused.</summary>
    public required byte[] ContentHash { get; init; }

    /// <summary>The id from the sender, or a hash in its place.</summary>
    public required string MessageId { get; init; }

    /// <summary>Envelope sender.</summary>
    public required string? Sender { get; init; }

    /// <summary>Envelope recipient.</summary>
    public required string? Recipient { get; init; }

    /// <summary>The recipient's domain, lower case.</summary>
    public required string? RecipientDomain { get; init; }

    /// <summary>At most ten.</summary>
    public required string[] Tags { get; init; }

    /// <summary>The tracking level of the rewriting.</summary>
    public required TrackingLevel TrackingLevel { get; init; }

    /// <summary>The tracking host in its links.</summary>
    public required string Host { get; init; }

    /// <summary>When the message was sent, according to the sender.</summary>
    public required DateTimeOffset? SentAt { get; init; }

    /// <summary>When the message was registered.</summary>
    public required DateTimeOffset RegisteredAt { get; init; }

    /// <summary>The number of tracked links.</summary>
    public required int LinkCount { get; init; }

    /// <summary>Whether the message has an open pixel.</summary>
    public required bool OpensTracked { get; init; }

    /// <summary>Part, position and name of every tracked link, packed.</summary>
    public required byte[] LinkMap { get; init; }

    /// <summary>W3C trace id and span id of the rewriting, when sampled.</summary>
    public required byte[]? Trace { get; init; }

    /// <summary>Whether the message is a test according to its sender. Its events are not counted.</summary>
    public bool IsTest { get; init; }

    /// <summary>Ordinals of links whose clicks are not counted; <see langword="null"/> without one.</summary>
    public short[]? SystemLinks { get; init; }

    /// <summary>How many links were not rewritten, a JSON object by reason; <see langword="null"/> without
    /// one.</summary>
    public string? LeftPlain { get; init; }
}
