using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Rewrite.Registration;

/// <summary>A message and its links as they must stand in the database before the message leaves.</summary>
public sealed record MessageRegistration
{
    /// <summary>Whose it is.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>The sender's id of the message, or the hash made for it.</summary>
    public required string MessageId { get; init; }

    /// <summary>SHA-256 of the message as it came.</summary>
    public required byte[] ContentHash { get; init; }

    /// <summary>Envelope sender.</summary>
    public string? Sender { get; init; }

    /// <summary>Envelope recipient; not kept below <see cref="TrackingLevel.Full"/>.</summary>
    public string? Recipient { get; init; }

    /// <summary>At most ten.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>The level it is tracked under.</summary>
    public TrackingLevel Level { get; init; }

    /// <summary>The tracking host in its links.</summary>
    public required string Host { get; init; }

    /// <summary>When the sender says it was sent.</summary>
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>Whether it carries an open pixel.</summary>
    public required bool OpensTracked { get; init; }

    /// <summary>The destination of each tracked link in ordinal order: printable ASCII. Copied where it is
    /// kept.</summary>
    public required ReadOnlyMemory<byte>[] Destinations { get; init; }

    /// <summary>Part, position and name of each tracked link, packed.</summary>
    public required byte[] LinkMap { get; init; }

    /// <summary>W3C trace id (16 bytes) and span id (8 bytes) of the rewriting, when sampled.</summary>
    public byte[]? Trace { get; init; }
}

/// <summary>How a registration ended.</summary>
public enum RegistrationOutcome
{
    /// <summary>Committed: the links may leave.</summary>
    Registered,

    /// <summary>The same message id stands for other bytes.</summary>
    OtherContent,

    /// <summary>The database is away or too slow; nothing may leave with these links.</summary>
    StoreUnavailable,
}

/// <summary>What a registration gave.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Message">The message's key in tokens, when registered.</param>
/// <param name="Links">The link id of each destination, in the order given, when registered.</param>
public sealed record RegistrationResult(RegistrationOutcome Outcome, MessageKey Message, LinkId[] Links)
{
    /// <summary>The same id stands for other bytes.</summary>
    public static RegistrationResult OtherContent { get; } = new(RegistrationOutcome.OtherContent, default, []);

    /// <summary>The database is away.</summary>
    public static RegistrationResult StoreUnavailable { get; } =
        new(RegistrationOutcome.StoreUnavailable, default, []);
}
