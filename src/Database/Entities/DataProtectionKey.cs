namespace Tracking.Database.Entities;

/// <summary>A key that seals the console's sessions and form tokens.</summary>
public sealed class DataProtectionKey
{
    /// <summary>Counted by the database.</summary>
    public required long Id { get; init; }

    /// <summary>The key ring's name for the key.</summary>
    public required string Name { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The key, encrypted under the master key.</summary>
    public required string Xml { get; init; }
}
