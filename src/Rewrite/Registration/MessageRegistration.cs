using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Rewrite.Registration;

/// <summary>A message and its links, to be stored in the database before the message leaves.</summary>
public sealed record MessageRegistration
{
    /// <summary>The message's cluster.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>The sender's id of the message, or the hash in place of an id.</summary>
    public required string MessageId { get; init; }

    /// <summary>SHA-256 of the original message.</summary>
    public required byte[] ContentHash { get; init; }

    /// <summary>The envelope sender.</summary>
    public string? Sender { get; init; }

    /// <summary>The envelope recipient; not stored below <see cref="TrackingLevel.Full"/>.</summary>
    public string? Recipient { get; init; }

    /// <summary>At most ten tags.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>The tracking level.</summary>
    public TrackingLevel Level { get; init; }

    /// <summary>The keyed hash of the recipient by which a withdrawal is found; <see langword="null"/> without a
    /// recipient.</summary>
    public byte[]? RecipientHash { get; init; }

    /// <summary>The tracking host of the links.</summary>
    public required string Host { get; init; }

    /// <summary>The time of sending, as the sender states it.</summary>
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>Whether the message has an open pixel.</summary>
    public required bool OpensTracked { get; init; }

    /// <summary>The destinations of the tracked links in ordinal order, in printable ASCII. The registration copies
    /// those that it keeps.</summary>
    public required ReadOnlyMemory<byte>[] Destinations { get; init; }

    /// <summary>Part, position and name of each tracked link, packed.</summary>
    public required byte[] LinkMap { get; init; }

    /// <summary>Whether it is a test: its events count nowhere.</summary>
    public bool IsTest { get; init; }

    /// <summary>Ordinals of tracked links whose clicks count nowhere.</summary>
    public IReadOnlyList<short> SystemLinks { get; init; } = [];

    /// <summary>How many links were left plain, a JSON object by reason; <see langword="null"/> without one.</summary>
    public string? LeftPlain { get; init; }

    /// <summary>W3C trace id (16 bytes) and span id (8 bytes) of the rewriting, if it is sampled.</summary>
    public byte[]? Trace { get; init; }
}

/// <summary>The possible results of a registration.</summary>
public enum RegistrationOutcome
{
    /// <summary>The registration is committed: the links may leave.</summary>
    Registered,

    /// <summary>The same message id belongs to other bytes.</summary>
    OtherContent,

    /// <summary>The database is unavailable or too slow; no message may leave with these links.</summary>
    StoreUnavailable,
}

/// <summary>The result of a registration.</summary>
/// <param name="Outcome">The kind of result.</param>
/// <param name="Message">The message's key in tokens, when registered.</param>
/// <param name="Links">The link id of each destination, in the given order, when registered.</param>
public sealed record RegistrationResult(RegistrationOutcome Outcome, MessageKey Message, LinkId[] Links)
{
    /// <summary>The same id belongs to other bytes.</summary>
    public static RegistrationResult OtherContent { get; } = new(RegistrationOutcome.OtherContent, default, []);

    /// <summary>The database is unavailable.</summary>
    public static RegistrationResult StoreUnavailable { get; } =
        new(RegistrationOutcome.StoreUnavailable, default, []);
}
