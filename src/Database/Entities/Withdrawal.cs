using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>A recipient who withdrew consent.</summary>
public sealed class Withdrawal
{
    /// <summary>Whose recipient.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>Its id, a UUIDv7.</summary>
    public required Guid Id { get; init; }

    /// <summary>Counted by the database, in the order of commits.</summary>
    public required long Number { get; init; }

    /// <summary>A keyed hash of the address, which is kept nowhere.</summary>
    public required byte[] RecipientHash { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset WithdrawnAt { get; init; }

    /// <summary>What was done, JSON as it was signed; <see langword="null"/> until all of it is.</summary>
    public required string? Receipt { get; init; }
}

/// <summary>A message of a recipient who withdrew.</summary>
public sealed class WithdrawnMessage
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The message.</summary>
    public required MessageKey MessageKey { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset WithdrawnAt { get; init; }
}
