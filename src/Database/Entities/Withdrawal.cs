using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>A recipient who withdrew consent.</summary>
public sealed class Withdrawal
{
    /// <summary>The cluster to which the recipient belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The withdrawal's id, a UUIDv7.</summary>
    public required Guid Id { get; init; }

    /// <summary>A number from the database, in the order of commits.</summary>
    public required long Number { get; init; }

    /// <summary>A keyed hash of the address. The address itself is not stored.</summary>
    public required byte[] RecipientHash { get; init; }

    /// <summary>When consent was withdrawn.</summary>
    public required DateTimeOffset WithdrawnAt { get; init; }

    /// <summary>The signed receipt, JSON; <see langword="null"/> until the withdrawal is complete.</summary>
    public required string? Receipt { get; init; }
}

/// <summary>A message of a recipient who withdrew.</summary>
public sealed class WithdrawnMessage
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The message.</summary>
    public required MessageKey MessageKey { get; init; }

    /// <summary>When consent was withdrawn.</summary>
    public required DateTimeOffset WithdrawnAt { get; init; }
}
